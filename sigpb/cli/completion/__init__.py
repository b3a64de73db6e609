"""Completion in shells: the scripts ask sigpb itself what may follow on a command line.

So there is nothing to generate when a command or a flag is added, and the signatures and keys of
the model on the command line are completed too.
"""
