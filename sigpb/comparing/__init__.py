"""What is different between two SavedModels: data, and the functions that find it."""
