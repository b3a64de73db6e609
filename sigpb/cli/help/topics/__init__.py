"""What `sigpb help TOPIC` tells of besides commands: one file each, found by its name.

A topic's module has a docstring whose first line says in the list what it is about, and a function
`lines(arguments, width) -> Iterator[Line]`. A topic is called what its module is called, with
``-`` for ``_``.
"""
