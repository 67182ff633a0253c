"""One module for each command of `sixplane`."""
