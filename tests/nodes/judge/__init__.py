"""Tests of the judge of a draft's claims."""
