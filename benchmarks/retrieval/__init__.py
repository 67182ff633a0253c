"""Benchmarks of the searches."""
