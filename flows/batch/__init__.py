"""One batch, from what was asked for to what is recorded."""
