"""Commands that classify: weeks, files, single steps."""
