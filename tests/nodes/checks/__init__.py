"""Tests of the checks of claims by code."""
