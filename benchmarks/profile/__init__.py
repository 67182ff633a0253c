"""Profiles of a run, a search and an ingestion, as tables of the functions that take most time themselves."""
