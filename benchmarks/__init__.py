"""Benchmarks: each is a module that prints its figure as a ratio against a baseline measured in the same run."""
