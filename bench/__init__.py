"""The benchmark: contestants take turns within one run, and every figure is compared with its neighbours' alone."""
