"""Tests that execute the notebooks on a real kernel."""
