"""Nothing beyond the command line: without it gunicorn would take ours, which starts parts that rivals do not have."""
