"""Programs for those who work on sigpb."""
