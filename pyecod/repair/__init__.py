"""Repair: which chains are done again and why, what is done, and what came of it."""
