"""What the spans of calls tell."""
