"""What putting a part into a MetaGraph does to each view of that: a module for each of them."""
