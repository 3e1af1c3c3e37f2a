"""Commands that show what there is; they change nothing."""
