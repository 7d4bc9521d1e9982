"""The dashboard: web pages about deliveries; off unless DASHBOARD_PASSWORD is set or users are configured."""
