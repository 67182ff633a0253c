"""Loaders of data and code: JSON, XML, YAML, notebooks and source code."""
