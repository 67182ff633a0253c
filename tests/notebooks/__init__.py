"""The notebooks, on a real kernel."""
