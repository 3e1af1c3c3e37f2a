"""Commands that set up an installation and try it."""
