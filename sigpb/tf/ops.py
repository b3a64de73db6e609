"""Groups of ops that TensorFlow treats alike, for everyone who asks what a node is."""

from __future__ import annotations

# tensorflow/core/ops/array_ops.cc
UNFED_PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderV2"})
"""What fails unless a value is fed."""

PLACEHOLDERS = UNFED_PLACEHOLDERS | {"PlaceholderWithDefault"}
"""What stands for a value that is fed."""

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
