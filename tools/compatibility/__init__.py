"""Patches models that many versions of TensorFlow wrote, and runs them in the one installed."""
