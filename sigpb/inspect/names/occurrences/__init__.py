"""Every text in a model that names something: what `sigpb grep` and `sigpb trace` look through.

Left out are the elements of tensors, documentation, the metadata of Keras, and debug information.
"""

from sigpb.inspect.names.occurrences.occurrence import (
    Occurrence,
    Referent,
    Role,
    definition,
    mention,
    node_of,
    referent,
)
from sigpb.inspect.names.occurrences.parts import Part, parts

__all__ = [
    "Occurrence",
    "Part",
    "Referent",
    "Role",
    "definition",
    "mention",
    "node_of",
    "parts",
    "referent",
]
