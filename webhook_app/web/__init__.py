"""The web process: verifies a webhook, stores it and answers. Translation happens in the worker."""
