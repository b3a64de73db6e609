"""What takes the bytes of a file."""
