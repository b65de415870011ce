"""Benchmarks: one command each, results as JSON; bars are ratios taken within one run."""
