"""The dashboard: web pages about deliveries for the merchant's developer; off unless DASHBOARD_PASSWORD is set."""
