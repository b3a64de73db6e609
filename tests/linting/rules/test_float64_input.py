from __future__ import annotations

from pathlib import Path

import pytest

from tests.linting.faults import ModelFactory, find, graph_of, write

RULE = "float64-input"

GRAPH = """
    graph_def {
      node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_DOUBLE } } }
      node { name: "same" op: "Identity" input: "x"
             attr { key: "T" value { type: DT_DOUBLE } } }
      %s
    }
    signature_def {
      key: "serving_default"
      value { inputs { key: "x" value { name: "x:0" dtype: DT_DOUBLE } } }
    }
"""
CAST = """
    node { name: "cast" op: "Cast" input: "same"
           attr { key: "SrcT" value { type: DT_DOUBLE } }
           attr { key: "DstT" value { type: DT_INT64 } } }
"""
TEXT = 'node { name: "text" op: "AsString" input: "x:0" }'
SUM = 'node { name: "sum" op: "AddV2" input: "same" input: "x" }'
CALL = """
    node { name: "call" op: "PartitionedCall" input: "same"
           attr { key: "f" value { func { name: "outer" } } } }
    library {
      function {
        signature { name: "outer" input_arg { name: "a" type: DT_DOUBLE } }
        node_def { name: "same" op: "Identity" input: "a" }
        node_def { name: "call" op: "PartitionedCall" input: "same:output:0"
                   attr { key: "f" value { func { name: "inner" } } } }
      }
      function {
        signature { name: "inner" input_arg { name: "b" type: DT_DOUBLE } }
        node_def { name: "cast" op: "Cast" input: "b"
                   attr { key: "DstT" value { type: DT_FLOAT } } }
      }
    }
"""


@pytest.mark.parametrize("name", ["tf2_linear", "tf2_image", "tf1_sparse"])
def test_other_dtypes(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ("", "It takes float64."),
        (SUM, "It takes float64."),
        (SUM + CAST, "It takes float64."),
        (CAST, "It takes float64, which the model only converts to int64."),
        (CAST + TEXT, "It takes float64, which the model only converts to int64 and string."),
        (CALL, "It takes float64, which the model only converts to float32."),
    ],
)
def test_what_becomes_of_it(tmp_path: Path, nodes: str, said: str) -> None:
    model = write(tmp_path, graph_of(GRAPH % nodes))
    assert find(RULE, model) == [("info", "signature 'serving_default', input 'x'", said)]
