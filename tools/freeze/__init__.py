"""What sigpb does to the models at hand, written down to be compared with what it does later.

A change of the structure must not change what sigpb does. So before it::

    python -m tools.freeze record FILE --texts

runs sigpb's commands on the models of the repository (`proto_fixtures/`) and on those beside it
(``$SIGPB_CORPUS`` and ``$SIGPB_VERSIONS``, or ``../shared/corpus`` and ``../shared/versions``): the
commands that look at a model, and for many patches that fit it `patch`, `plan`, `invert`, the patch
back, the patch once more, `diff` and `infer`. FILE then holds, for each model and command, the exit
code, digests of what was printed, and digests of the files that were written. After the change::

    python -m tools.freeze compare FILE

does the same again, prints what is different, and exits with 1 if anything is. If FILE was recorded
with ``--texts``, it shows differences of texts line by line.

Both take all commands of the fixtures and a sample of those of other models, which takes two
minutes of one processor; ``--all`` takes everything, ``--only=GLOB`` the models, or the commands,
that match a pattern. `patches` lists the patches, `commands` what is run, `freezing` runs it.
Commands run in this process, without TensorFlow, in a directory of their own; times and the
version of sigpb are left out of what is written down.
"""
