"""Managed sources: services that hold documents themselves. What they return is kept here, so that it can be cited."""
