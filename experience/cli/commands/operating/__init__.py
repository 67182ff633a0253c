"""Commands that set up, serve and watch over an installation."""
