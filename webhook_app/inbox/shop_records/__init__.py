"""What is stored of a shop besides its deliveries: listed orders, reconciliations, registrations, reports."""
