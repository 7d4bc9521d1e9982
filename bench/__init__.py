"""The benchmark: contestants alternate within one run, and figures are compared only within that run."""
