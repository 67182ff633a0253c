"""What holds on every surface that a report takes."""
