"""The size of the batch, and other sizes that a patch changes, followed through a graph."""
