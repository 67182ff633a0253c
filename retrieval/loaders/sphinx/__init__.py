"""Directives and roles of reStructuredText beyond those that docutils knows, as Sphinx and its extensions use them."""
