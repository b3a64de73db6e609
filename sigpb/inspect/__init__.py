"""Read-only views of a model: as data, and as text."""
