"""What TensorFlow says of itself: types, tensors, ops, schemas, and the names it takes."""
