"""Weekly releases: which are to be worked on, how their batches begin, what became obsolete meanwhile."""
