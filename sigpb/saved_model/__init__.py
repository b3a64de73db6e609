"""A SavedModel on disk: found, read lazily, and written again."""
