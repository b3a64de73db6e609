"""A SavedModel on disk: found, and read lazily."""
