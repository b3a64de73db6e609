"""Composes random models, and compares with what runs one after the other in TensorFlow."""
