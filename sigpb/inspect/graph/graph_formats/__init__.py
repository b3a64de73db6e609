"""One module for each way to write a picture of a graph, found by its name.

Each defines ``render(picture: Picture) -> Iterable[Line]``; ``EVERYTHING = True`` if those who read
it can open and close parts of the picture themselves; and ``DEPTH`` if, where ``--depth`` is not
given, more levels should be open than can be seen at a glance.
"""
