"""The dashboard: pages for the merchant's developer, off until DASHBOARD_PASSWORD is set."""
