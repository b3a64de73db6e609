"""Groups of ops that TensorFlow treats alike, and what ops do besides computing their outputs.

``tf/op_effects.tsv`` sorts every op that TensorFlow registers, internal ones too. Whether an op
is stateful says little of it: ReadFile is stateless. So each op that takes a string or a function
was sorted by what its kernel does with it; an op without either can name no file, machine or code.
An op that works on a handle, such as that of a reader or of a dataset, counts as what made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

# tensorflow/core/ops/array_ops.cc
UNFED_PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderV2"})
"""What fails unless a value is fed."""

PLACEHOLDERS = UNFED_PLACEHOLDERS | {"PlaceholderWithDefault"}
"""What stands for a value that is fed."""

PASSING = frozenset({"Identity", "PreventGradient", "Snapshot", "StopGradient"})
"""What returns its operand as it is."""

# tensorflow/core/ops/state_ops.cc, resource_variable_ops.cc
VARIABLES = frozenset({"AutoReloadVariable", "VarHandleOp", "Variable", "VariableV2"})
"""Variables, or handles of them."""

# tensorflow/core/ops/lookup_ops.cc
TABLES = frozenset(
    {
        "AnonymousHashTable",
        "HashTable",
        "HashTableV2",
        "MutableDenseHashTable",
        "MutableDenseHashTableV2",
        "MutableHashTable",
        "MutableHashTableOfTensors",
        "MutableHashTableOfTensorsV2",
        "MutableHashTableV2",
    }
)
"""Lookup tables, or handles of them."""

READING_STATE = (
    VARIABLES
    | TABLES
    | {
        # What is read, or made up at random.
        "IsVariableInitialized",
        "LookupTableFind",
        "LookupTableFindV2",
        "LookupTableSize",
        "LookupTableSizeV2",
        "Multinomial",
        "ParameterizedTruncatedNormal",
        "RandomCrop",
        "RandomGamma",
        "RandomPoisson",
        "RandomPoissonV2",
        "RandomShuffle",
        "RandomStandardNormal",
        "RandomUniform",
        "RandomUniformInt",
        "ReadVariableOp",
        "RefIdentity",
        "ResourceGather",
        "ResourceGatherNd",
        "SampleDistortedBoundingBox",
        "SampleDistortedBoundingBoxV2",
        "Timestamp",
        "TruncatedNormal",
        "VarIsInitializedOp",
        "VariableShape",
        # What lives as long as one run.
        "Empty",
        "TensorArray",
        "TensorArrayConcat",
        "TensorArrayConcatV3",
        "TensorArrayGather",
        "TensorArrayGatherV3",
        "TensorArrayRead",
        "TensorArrayReadV3",
        "TensorArrayScatter",
        "TensorArrayScatterV3",
        "TensorArraySize",
        "TensorArraySizeV3",
        "TensorArrayV2",
        "TensorArrayV3",
        "TensorArrayWrite",
        "TensorArrayWriteV3",
        # What complains, or prints.
        "Assert",
        "CheckNumerics",
        "CheckNumericsV2",
        "Print",
        "PrintV2",
    }
)
"""What leaves nothing behind that a later run, or another node, could notice if it does not run.

Of what nodes have to say to people, asserts and messages, that is not true.
"""


Effect: TypeAlias = Literal["pure", "state", "reads", "writes", "network", "code"]
"""What an op does.

``pure``: computes outputs, and nothing else. ``state``: uses what lives in the process (variables,
tables, queues, random numbers, devices) or prints. ``reads`` and ``writes``: files. ``network``:
talks to other machines. ``code``: runs code that is no op of the graph, or ends the process.
"""

EFFECTS: tuple[Effect, ...] = get_args(Effect)
_INSIDE: frozenset[Effect] = frozenset({"pure", "state"})


@cache
def op_effects() -> Mapping[str, tuple[Effect, ...]]:
    """Returns what each op of TensorFlow does, by its name."""
    table = Path(__file__).with_name("op_effects.tsv")
    named: dict[str, Effect] = {effect: effect for effect in EFFECTS}
    rows = (line.split("\t") for line in table.read_text(encoding="ascii").splitlines())
    return MappingProxyType(
        {op: tuple(named[each] for each in listed.split(",")) for op, listed in rows}
    )


@cache
def outside_ops() -> Mapping[str, tuple[Effect, ...]]:
    """Returns the ops that reach outside of the process, or run code, and what they do."""
    return MappingProxyType(
        {op: effects for op, effects in op_effects().items() if not _INSIDE.issuperset(effects)}
    )
