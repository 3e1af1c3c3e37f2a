"""Provenance of runs in PostgreSQL: jobs, their files and figures."""
