"""SLURM as the pipeline meets it: its queue, what a node sees, and whether a cluster is fit for a run."""
