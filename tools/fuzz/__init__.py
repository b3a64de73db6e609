"""Damages models at random, and looks for whatever does not cope with that."""
