"""Looks for what sigpb does not cope with: damaged files, and models and patches at random."""
