"""What a good developer would write by hand instead, each in a file of its own."""
