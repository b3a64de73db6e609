from __future__ import annotations

import pickle

import pytest

from sigpb.errors import (
    EnvironmentFailure,
    ModelUnreadable,
    PatchError,
    SigpbError,
    UnsafeModel,
    UsageError,
    did_you_mean,
)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (UsageError, 2),
        (PatchError, 2),
        (UnsafeModel, 2),
        (ModelUnreadable, 3),
        (EnvironmentFailure, 4),
    ],
)
def test_each_kind_has_its_exit_code(kind: type[SigpbError], code: int) -> None:
    assert issubclass(kind, SigpbError)
    assert kind("why").exit_code == code
    assert str(kind("why")) == "why"


def test_patch_error_holds_every_problem() -> None:
    assert PatchError("one").problems == ("one",)
    assert PatchError(["one", "two"]).problems == ("one", "two")
    assert str(PatchError(["one", "two"])) == "one\ntwo"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModelUnreadable("node 'a\x1b[2J\nb\u202e'."), r"node 'a\x1b[2J\nb\u202e'."),
        (PatchError(["a\rb", r"a\rb"]), "a\\rb\na\\rb"),
        (UsageError("a\x9bb.", "sigpb x\n    y"), "a\\x9bb. Usage: sigpb x\n    y"),
        (EnvironmentFailure(), "EnvironmentFailure"),
    ],
)
def test_what_an_error_says_can_be_seen(error: SigpbError, said: str) -> None:
    assert str(error) == said
    assert str(pickle.loads(pickle.dumps(error))) == said


@pytest.mark.parametrize(
    ("wrong", "known", "said"),
    [
        ("imgae", ["image", "bias"], "did you mean 'image'? There are 'bias', 'image'"),
        ("IMAGE", ["image", "bias"], "did you mean 'image'? There are 'bias', 'image'"),
        ("x", ["image", "bias"], "there are 'bias', 'image'"),
        ("x", [], "there are none"),
        ("it's", ["its"], """did you mean 'its'? There are 'its'"""),
        ("x", ["a\nb"], r"there are 'a\nb'"),
    ],
)
def test_did_you_mean(wrong: str, known: list[str], said: str) -> None:
    assert did_you_mean(wrong, known) == said


def test_did_you_mean_lists_the_closest_of_many_names_first() -> None:
    known = [f"inputs_{number}" for number in range(150)]
    said = did_you_mean("inptus_14", reversed(known), most=10, listed_by="sigpb show")
    assert said.startswith("did you mean 'inputs_14'? There are 'inputs_14', ")
    assert said.endswith(" and 140 more; 'sigpb show' lists them")
    assert len(said) < 250
    said = did_you_mean("x", reversed(known), most=10, listed_by="sigpb show")
    assert said.startswith("there are 'inputs_0', 'inputs_1', 'inputs_2', ")
    assert did_you_mean("x", known[:10], most=10, listed_by="sigpb show").endswith(", 'inputs_9'")
