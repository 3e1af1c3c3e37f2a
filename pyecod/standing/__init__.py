"""Which result stands for a chain, and what follows from it: what is left to do, how a chain's domains came to be."""
