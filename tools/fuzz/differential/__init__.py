"""Random patches of random models, compared with what TensorFlow computes without them."""
