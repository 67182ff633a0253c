"""Commands that keep and search documents."""
