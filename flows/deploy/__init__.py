"""What is registered on a Prefect server: what it does by itself, and where its messages go."""
