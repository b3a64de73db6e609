"""Following the batch dimension through the functions of public models: nothing may go wrong."""

from __future__ import annotations

from pathlib import Path

from sigpb import protos
from sigpb.batch_size.dimension import relax_function
from sigpb.saved_model.model import open_model, parse
from tests.batch_size.batch_graphs import Functions


def test_every_function(corpus: Path) -> None:
    followed = 0
    for folder in sorted({file.parent for file in corpus.rglob("saved_model.pb*")}):
        with open_model(folder) as model:
            for meta_graph in model.meta_graphs:
                whole = parse(protos.MetaGraphDef, meta_graph.message)
                library = whole.graph_def.library.function
                before = [function.SerializeToString(deterministic=True) for function in library]
                functions = Functions({function.signature.name: function for function in library})
                for function in library:
                    axes = dict.fromkeys(range(len(function.signature.input_arg)), 0)
                    after, _ = relax_function(function, axes, None, functions)
                    assert after is function
                    followed += 1
                assert functions.added == []
                assert before == [each.SerializeToString(deterministic=True) for each in library]
    assert followed > 100
