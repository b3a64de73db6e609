"""Every name in a model: where it stands, and what refers to it."""
