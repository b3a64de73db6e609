"""Finding what is wrong, or may surprise, in a model, without TensorFlow.

A rule is a file in `sigpb.linting.rules`; a new one is found without being registered.
"""
