"""Looking at batches from outside: how far they are, what is worth a person's attention, how long they will take."""
