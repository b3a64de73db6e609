"""Surgery on graphs: the nodes of a GraphDef, and those of a function."""
