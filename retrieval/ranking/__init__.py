"""The order of results: fusion of both legs, and one hit for passages that say the same."""
