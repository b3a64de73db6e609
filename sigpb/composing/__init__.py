"""Models made of parts of models: what a part is, and how parts are cut out, put in and joined."""
