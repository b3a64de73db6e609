"""Patching whole repositories of models.

`discovery` finds the models, `patch_model` is what is done to one of them, `run` has that done to
all, in `pool`'s processes, and writes the `journal` that makes a batch resumable and reversible.
"""
