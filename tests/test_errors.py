from __future__ import annotations

import importlib
import pickle
import pkgutil
from pathlib import Path

import pytest

import sigpb
from sigpb.batch_size.dimension import BatchError
from sigpb.errors import (
    EnvironmentFailure,
    ModelUnreadable,
    PatchError,
    SigpbError,
    UnsafeModel,
    UsageError,
    did_you_mean,
    with_path,
)
from sigpb.verifying.report import NotEquivalent, VerifyReport
from sigpb.wire import WireError


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


def kinds(kind: type[SigpbError] = SigpbError) -> set[type[SigpbError]]:
    """All errors that there are."""
    return {kind}.union(*map(kinds, kind.__subclasses__()))


def error_of(kind: type[SigpbError]) -> SigpbError:
    """An error of a kind, with what that takes besides the message."""
    report = VerifyReport(Path("a"), Path("b"), (), ())
    more: dict[type[SigpbError], tuple[object, ...]] = {
        PatchError: (["one", "two"],),
        UsageError: ("a", "sigpb x"),
        UnsafeModel: ("a", ["ReadFile"]),
        WireError: ("a", 3),
        BatchError: (["one", "two"],),
        NotEquivalent: (report,),
    }
    return kind(*more.get(kind, ("a",)))


def test_errors_pass_between_processes() -> None:
    for module in pkgutil.walk_packages(sigpb.__path__, "sigpb."):
        if module.name not in ("sigpb.batch.beam", "sigpb.batch.pipeline"):  # They need an extra.
            importlib.import_module(module.name)
    found = kinds()
    assert {WireError, BatchError, NotEquivalent} <= found
    for kind in found:
        error = error_of(kind)
        error.path = "models/a"
        other = pickle.loads(pickle.dumps(error))
        assert type(other) is kind
        assert str(other) == str(error)
        assert other.args == error.args
        assert vars(other) == vars(error)


def test_an_unsafe_model_names_its_ops() -> None:
    assert UnsafeModel("a", ["ReadFile"]).ops == ("ReadFile",)
    assert UnsafeModel("a").ops == ()
    assert UsageError("a", "sigpb x").usage == "sigpb x"


@pytest.mark.parametrize(
    ("wrong", "known", "meant"),
    [
        ("imgae", ["image", "bias"], ("image",)),
        ("x'y", ["x'y'"], ("x'y'",)),
        ('x"', ['x"\n\\'], ('x"\n\\',)),
        ("x", ["image"], ()),
    ],
)
def test_suggestions(wrong: str, known: list[str], meant: tuple[str, ...]) -> None:
    problem = f"There is no {wrong!r}; {did_you_mean(wrong, known)}."
    assert EnvironmentFailure(problem).suggestions == meant
    assert PatchError([problem, "Another.", problem]).suggestions == meant
    several = f"did you mean {' or '.join(map(repr, (*known, 'other')))}? There are many."
    assert UsageError(several).suggestions == (*known, "other")


def test_what_calls_from_python_get_names_the_model() -> None:
    @with_path
    def read(path: object, *, other: str = "") -> None:
        raise errors.pop()

    errors = [ModelUnreadable("a"), ModelUnreadable("a"), ModelUnreadable("a")]
    errors[0].path = "there/already"
    for path, expected in (("a", "a"), (Path("b"), "b"), (Path("c"), "there/already")):
        with pytest.raises(ModelUnreadable) as caught:
            read(other="z", path=path)
        assert caught.value.path == expected


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
