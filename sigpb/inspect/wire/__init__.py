"""Every byte of any file, as fields or as damage."""
