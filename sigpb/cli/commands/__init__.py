"""The commands: one file each, found by its name.

A command's module has a docstring whose first line says in the list of commands what it does, a
string `USAGE`, a function `define_flags(flags)` and a function `run(arguments, flags) -> int`.
"""
