from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sigpb
from sigpb import protos
from sigpb.patching import apply
from sigpb.publishing.changes import Changes, SplicedFile
from sigpb.verifying import verify
from sigpb.verifying.child import Request
from sigpb.verifying.report import (
    Confinement,
    Difference,
    LoaderReport,
    OutputReport,
    SignatureReport,
    Status,
)
from sigpb.wire import assemble
from tests.cli.command_line import run
from tests.linting.faults import graph_of, write
from tests.patches import ModelFactory, contents

Requests = list[Request]


def answer(status: Status) -> tuple[SignatureReport, ...]:
    found = Difference("it differs", 1, 0.5) if status == "different" else None
    loader = LoaderReport("v1", status, (1,), (OutputReport("y", "y", status, found),))
    return (SignatureReport((), "default", "default", (loader,)),)


@pytest.fixture
def tensorflow_finds(monkeypatch: pytest.MonkeyPatch) -> Callable[[Status], Requests]:
    """Returns a function that says what the process with TensorFlow finds from then on."""

    def put(status: Status) -> Requests:
        requests: Requests = []

        def ask(request: Request) -> tuple[tuple[SignatureReport, ...], Confinement]:
            requests.append(request)
            assert Path(request.new, "saved_model.pb").is_file()
            return answer(status), Confinement(True, True, None, 1 << 30, request.timeout)

        monkeypatch.setattr(verify, "ask", ask)
        return requests

    return put


Finds = Callable[[Status], Requests]


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [("same", 0, "equivalent"), ("different", 1, "different"), ("not verified", 4, "not verified")],
)
def test_exit_codes(
    fixture_model: ModelFactory,
    tensorflow_finds: Finds,
    status: Status,
    code: int,
    verdict: str,
) -> None:
    model = fixture_model("tf1_no_variables")
    tensorflow_finds(status)

    text, json = run("verify", model, model), run("verify", model, model, "--format=json")

    assert (text.code, text.err, json.code, json.err) == (code, "", code, "")
    assert text.out.splitlines()[0] == f"{model} → {model}"
    assert text.out.splitlines()[-1] == json.json["conclusion"]
    assert text.out.splitlines()[-1].partition(";")[0] == json.json["verdict"] == verdict


def test_flags(fixture_model: ModelFactory, tensorflow_finds: Finds, tmp_path: Path) -> None:
    model = fixture_model("tf1_no_variables")
    patch = tmp_path / "patch.txtpb"
    patch.write_text('signature { key: "default" output { key: "y" drop: true } }')
    requests = tensorflow_finds("same")

    flags = ["--loaders=v2", "--batch_sizes=3,4", "--rtol=0.5", "--atol=0.25", "--timeout=9.5"]
    run("verify", model, model, f"--patch={patch}", "--samples=in.npz", *flags)

    (request,) = requests
    assert (request.loaders, request.batch_sizes, request.timeout) == (("v2",), (3, 4), 9.5)
    assert (request.tolerance.rtol, request.tolerance.atol) == (0.5, 0.25)
    assert request.samples == str(Path("in.npz").absolute())
    (signature,) = request.mapping.meta_graphs[0].signatures
    assert [end.old for end in signature.outputs] == ["b"]


def test_defaults(fixture_model: ModelFactory, tensorflow_finds: Finds) -> None:
    model = fixture_model("tf2_linear")
    requests = tensorflow_finds("same")

    run("verify", model, model, "--signature=single")

    (request,) = requests
    assert (request.loaders, request.batch_sizes) == (("v1", "v2"), (1, 2, 5))
    assert (request.samples, request.timeout) == (None, 600)
    assert [each.new for each in request.mapping.meta_graphs[0].signatures] == ["single"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--loaders=v3"], "There is no loader 'v3'; there are 'v1', 'v2'."),
        (["--loaders="], "Name a loader: v1, v2 or both."),
        (["--batch_sizes=0"], "Batch sizes are numbers from 1 on."),
        (["--batch_sizes=1,x"], "--batch_sizes=1,x: numbers are expected, separated by commas."),
        (["--timeout=0"], "The time limit has to be more than 0 seconds, up to 1e+06."),
        (["--timeout=1e7"], "The time limit has to be more than 0 seconds, up to 1e+06."),
        (["--rtol=-1"], "Tolerances are finite numbers from 0 on."),
        (
            ["--rtol=9e999"],
            "flag --rtol=9e999: a finite number is expected. See 'sigpb verify --help'.",
        ),
        (
            ["--atol=nan"],
            "flag --atol=nan: a finite number is expected. See 'sigpb verify --help'.",
        ),
        (
            ["--signature=defualt"],
            "There is no signature 'defualt'; did you mean 'default'? There are 'default'.",
        ),
    ],
)
def test_flags_that_make_no_sense(
    fixture_model: ModelFactory, flags: list[str], message: str
) -> None:
    model = fixture_model("tf1_no_variables")

    outcome = run("verify", model, model, *flags)

    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"sigpb: {message}\n")


@pytest.mark.parametrize(
    ("count", "given"), [(0, "none was given"), (1, "1 given"), (3, "3 given")]
)
def test_number_of_directories(count: int, given: str) -> None:
    outcome = run("verify", *["model"] * count)

    assert (outcome.code, outcome.err) == (
        2,
        f"sigpb: Two model directories are expected, {given}. Usage: sigpb verify OLD NEW …\n",
    )


def test_signatures_that_no_patch_leads_to(fixture_model: ModelFactory) -> None:
    outcome = run("verify", fixture_model("tf2_image"), fixture_model("tf2_many"))

    assert (outcome.code, outcome.out) == (2, "")
    assert "signature 'serving_default'" in outcome.err


def test_no_model(fixture_model: ModelFactory, tmp_path: Path) -> None:
    assert run("verify", fixture_model("tf1_no_variables"), tmp_path).code == 3


class TestPatch:
    DROP = ("--signature=default", "--drop_output=b")

    def test_equivalent(
        self, fixture_model: ModelFactory, tensorflow_finds: Finds, tmp_path: Path
    ) -> None:
        model, output = fixture_model("tf1_no_variables"), tmp_path / "patched"
        requests = tensorflow_finds("same")

        outcome = run("patch", model, f"--output_dir={output}", "--verify", *self.DROP)

        assert (outcome.code, outcome.err) == (0, "")
        assert f"{model} → {output}\n" in outcome.out
        assert "equivalent\npatched: " in outcome.out
        (request,) = requests
        assert request.loaders == ("v1", "v2")
        assert not Path(request.new).exists()
        assert output.is_dir()

    @pytest.mark.parametrize(
        ("status", "code", "verdict"),
        [("different", 1, "different"), ("not verified", 4, "not verified")],
    )
    @pytest.mark.parametrize("in_place", [True, False])
    def test_nothing_is_published(
        self,
        fixture_model: ModelFactory,
        tensorflow_finds: Finds,
        tmp_path: Path,
        status: Status,
        code: int,
        verdict: str,
        in_place: bool,
    ) -> None:
        model, output = fixture_model("tf1_no_variables"), tmp_path / "patched"
        before = contents(model)
        (request,) = [tensorflow_finds(status)]
        where = "--in_place" if in_place else f"--output_dir={output}"

        text = run("patch", model, where, "--verify", *self.DROP)
        json = run("patch", model, where, "--verify", "--format=json", *self.DROP)

        assert (text.code, json.code) == (code, code)
        assert text.out == ""
        conclusion = f"sigpb: {json.json['verification']['conclusion']}"
        assert conclusion.startswith(f"sigpb: {verdict}")
        assert text.err.splitlines()[-2:] == [conclusion, "sigpb: Nothing was changed."]
        assert json.json["status"] == json.json["verification"]["verdict"] == verdict
        assert contents(model) == before
        assert not output.exists()
        assert len(request) == 2

    def test_json(self, fixture_model: ModelFactory, tensorflow_finds: Finds) -> None:
        tensorflow_finds("same")

        outcome = run(
            "patch",
            fixture_model("tf1_no_variables"),
            *("--dry_run", "--verify=v2", "--format=json"),
            *self.DROP,
        )

        assert outcome.json["verification"]["verdict"] == "equivalent"
        assert outcome.json["verification"]["confinement"]["no_network"]

    @pytest.mark.parametrize(
        ("flag", "loaders"),
        [
            ("--verify", ("v1", "v2")),
            ("--verify=v1,v2", ("v1", "v2")),
            ("--verify=v2", ("v2",)),
        ],
    )
    def test_loaders(
        self,
        fixture_model: ModelFactory,
        tensorflow_finds: Finds,
        flag: str,
        loaders: tuple[str, ...],
    ) -> None:
        requests = tensorflow_finds("same")

        run("patch", flag, fixture_model("tf1_no_variables"), "--in_place", *self.DROP)

        assert [request.loaders for request in requests] == [loaders]

    @pytest.mark.parametrize("flags", [[], ["--noverify"]])
    def test_not_asked_for(
        self, fixture_model: ModelFactory, tensorflow_finds: Finds, flags: list[str]
    ) -> None:
        requests = tensorflow_finds("different")

        outcome = run("patch", fixture_model("tf1_no_variables"), "--in_place", *flags, *self.DROP)

        assert (outcome.code, requests) == (0, [])

    def test_nothing_to_change(self, fixture_model: ModelFactory, tensorflow_finds: Finds) -> None:
        requests = tensorflow_finds("different")

        outcome = run("patch", fixture_model("tf1_no_variables"), "--in_place", "--verify")

        assert (outcome.code, requests) == (0, [])

    def test_unknown_loader(self, fixture_model: ModelFactory) -> None:
        outcome = run("patch", fixture_model("tf1_no_variables"), "--dry_run", "--verify=v3")

        assert outcome.code == 2
        assert "the loaders are v1 and v2" in outcome.err


@pytest.mark.tensorflow
def test_damage_is_not_published(
    fixture_model: ModelFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, output = fixture_model("tf1_no_variables"), tmp_path / "patched"
    _swap_outputs_of_what_is_patched(monkeypatch)

    outcome = run(
        *("patch", model, f"--output_dir={output}", "--verify=v1", "--signature=default"),
        *("--rename_output=b=p", "--rename_output=y=q"),
    )

    assert outcome.code == 1
    assert "output 'b' → 'p' different: " in outcome.err
    assert not output.exists()


def _swap_outputs_of_what_is_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    def changes_of(
        plan: sigpb.Plan, model: sigpb.SavedModel, **options: Any
    ) -> tuple[Changes, tuple[str, ...]]:
        changes, notes = apply.changes_of(plan, model, **options)
        main = changes["saved_model.pb"]
        assert isinstance(main, SplicedFile)
        patched = protos.SavedModel.FromString(assemble(main.pieces, model.buffer))
        outputs = patched.meta_graphs[0].signature_def["default"].outputs
        outputs["p"].name, outputs["q"].name = outputs["q"].name, outputs["p"].name
        damaged = patched.SerializeToString(deterministic=True)
        return {**changes, "saved_model.pb": damaged}, notes

    monkeypatch.setattr("sigpb.api.changes_of", changes_of)


def test_ops_that_reach_outside(tmp_path: Path, tensorflow_finds: Finds) -> None:
    requests = tensorflow_finds("same")
    model = write(tmp_path, graph_of('graph_def { node { name: "n" op: "ReadFile" } }'))

    refused = run("verify", model, model)
    assert (refused.code, requests) == (2, [])
    assert "--allow_ops=ReadFile" in refused.err

    run("verify", model, model, "--allow_ops=ReadFile,WriteFile")
    assert len(requests) == 1
