"""From a patch to a plan, and from a plan to a changed model."""
