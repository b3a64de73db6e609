"""One module for each way to write a picture of a graph, found by its name.

Each defines ``render(picture: Picture) -> Iterable[Line]``, and ``EVERYTHING = True`` if those who
read it can open and close parts of the picture themselves.
"""
