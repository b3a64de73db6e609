from __future__ import annotations

from collections.abc import Callable

import pytest

from sigpb import protos
from sigpb.linting.lint import fix
from sigpb.saved_model.files import WARMUP_PATH
from tests.linting.faults import ModelFactory, find, findings, rule
from tests.patches import altered

RULE = "warmup-requests"


def rename(old: str, new: str) -> Callable[[protos.MetaGraphDef], None]:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.signature_def[new].CopyFrom(graph.signature_def[old])
        del graph.signature_def[old]

    return fault


@pytest.mark.parametrize("name", ["tf2_warmup", "tf2_linear"])
def test_requests_fit_or_there_are_none(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []


def test_unknown_signature(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_warmup"), rename("serving_default", "predict"))
    found = find(RULE, model)
    assert {(severity, where) for severity, where, _ in found} == {("error", WARMUP_PATH)}
    assert any(
        message.startswith("A request is for signature 'serving_default'; ")
        for _, _, message in found
    )
    assert len({message for _, _, message in found}) == len(found)


def test_unknown_keys(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        signature = graph.signature_def["serving_default"]
        for infos in (signature.inputs, signature.outputs):
            for key in list(infos):
                infos[f"new_{key}"].CopyFrom(infos[key])
                del infos[key]

    messages = [
        message for _, _, message in find(RULE, altered(fixture_model("tf2_warmup"), fault))
    ]

    where = "A request for signature 'serving_default'"
    assert any(message.startswith(f"{where} has an input ") for message in messages)
    assert any(message.startswith(f"{where} is without the input 'new_") for message in messages)


def test_input_with_a_default_may_be_left_out(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        signature = graph.signature_def["serving_default"]
        signature.inputs["extra"].CopyFrom(next(iter(signature.inputs.values())))

    def cure(graph: protos.MetaGraphDef) -> None:
        graph.signature_def["serving_default"].defaults["extra"].float_val.append(1)

    model = altered(fixture_model("tf2_warmup"), fault)
    assert [message for _, _, message in find(RULE, model)] == [
        "A request for signature 'serving_default' is without the input 'extra'."
    ]
    assert find(RULE, altered(model, cure)) == []


def test_damaged_file(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_warmup")
    (model / WARMUP_PATH).write_bytes(b"damaged")
    ((severity, _, message),) = find(RULE, model)
    assert severity == "error"
    assert "not a TFRecord file" in message


def test_fix(fixture_model: ModelFactory) -> None:
    model = altered(fixture_model("tf2_warmup"), rename("serving_default", "predict"))
    (finding, *_) = findings(RULE, model)
    assert finding.fix == "removes the warm-up requests"
    requests = (model / WARMUP_PATH).read_bytes()

    done = fix(model, [rule(RULE)])

    assert done.findings == ()
    assert not (model / WARMUP_PATH).exists()
    assert done.backup is not None
    assert (done.backup / WARMUP_PATH).read_bytes() == requests
