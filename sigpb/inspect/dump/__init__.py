"""Any part of a file, found by its path, as text proto or JSON."""
