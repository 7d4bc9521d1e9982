"""What pages and commands read from the inbox."""
