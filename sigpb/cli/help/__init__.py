"""What `sigpb help` and ``--help`` say, made of the commands, their flags and the .proto files.

Each part is data first (`command_reference`, `proto_reference`), which is written as lines for a
terminal (`layout`) or as Markdown for pages.
"""
