"""What a worker does with a chunk: search, summarise, partition, write; and how work is packed into chunks."""
