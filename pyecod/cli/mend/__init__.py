"""Commands that do things again, and clear away."""
