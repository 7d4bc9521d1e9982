"""The worker: claims deliveries, translates them, sends the calls and settles the outcomes."""
