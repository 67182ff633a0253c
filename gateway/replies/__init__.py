"""What services answer when they fail: what of it is kept, and what their words mean."""
