"""The commands: one file each, found by its name.

A command's module has

* a docstring whose first line says in the list of commands what it does,
* `USAGE`, a command line or several; what follows an empty line are remarks,
* `TASK`, the title of the list that it is in: one of `sigpb.cli.help.overview.TASKS`,
* `EXAMPLES`, three pairs of a command line and what it does,
* `define_flags(flags)`, which puts flags into groups with `sigpb.cli.arguments.group`, and
* `run(arguments, flags) -> int`.
"""
