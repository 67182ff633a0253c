"""Documentation, and what generates its generated parts."""
