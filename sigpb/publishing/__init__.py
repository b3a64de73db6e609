"""Putting a changed model on the disk, whole or not at all."""
