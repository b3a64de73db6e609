"""Checkpoints written without TensorFlow: the index anew, the files of values as they are."""
