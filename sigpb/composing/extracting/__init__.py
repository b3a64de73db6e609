"""What is left out of each view of a MetaGraph of which only some signatures are wanted."""
