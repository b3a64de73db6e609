from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from tests.cli.command_line import ENVIRONMENT, run
from tests.patches import altered
from tests.publishing.directories import snapshot

ModelFactory = Callable[..., Path]


@pytest.fixture
def faulty(fixture_model: ModelFactory) -> Path:
    """A model with an error that can be fixed in two ways, and a warning."""
    model = fixture_model("tf2_linear")
    saved_model = protos.SavedModel.FromString((model / "saved_model.pb").read_bytes())
    outputs = saved_model.meta_graphs[0].signature_def["single"].outputs
    outputs["v"].CopyFrom(outputs["u"])
    del outputs["u"]
    (model / "saved_model.pb").write_bytes(saved_model.SerializeToString(deterministic=True))
    return model


def test_nothing_is_wrong(fixture_model: ModelFactory) -> None:
    outcome = run("lint", fixture_model("tf2_linear"), "--ignore=newer-op")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "1 model: 0 errors, 0 warnings, 0 info\n"


def test_text(faulty: Path) -> None:
    outcome = run("lint", faulty)
    assert (outcome.code, outcome.err) == (1, "")
    first, error, fix, *_, last = outcome.out.splitlines()
    assert first == str(faulty)
    assert error.startswith("  error    views-disagree: signature 'single': signature 'single' has")
    assert fix.strip() == "--fix makes one follow the other, as chosen"
    assert last == "1 model: 1 error, 1 warning, 1 info"


def test_json(faulty: Path) -> None:
    outcome = run("lint", faulty, "--format=json", "--select=stale-fingerprint")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.json == {
        "models": [
            {
                "model": str(faulty),
                "findings": [
                    {
                        "rule": "stale-fingerprint",
                        "severity": "warning",
                        "message": "It does not belong to this model: saved_model_checksum, "
                        "signature_def_hash differ.",
                        "where": "fingerprint.pb",
                        "fix": "recomputes the fingerprint",
                    }
                ],
                "fixed": [],
                "backup": None,
            }
        ],
        "counts": {"error": 0, "warning": 1, "info": 0},
        "unreadable": [],
        "unfixed": [],
    }


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ([], 1),
        (["--ignore=views-disagree"], 0),
        (["--ignore=views-disagree", "--strict"], 1),
        (["--ignore=views-disagree,stale-*", "--strict"], 0),
        (["--select=fixed-batch"], 0),
    ],
)
def test_exit_code(faulty: Path, flags: list[str], code: int) -> None:
    assert run("lint", faulty, *flags).code == code


def test_tree_of_models(fixture_model: ModelFactory, tmp_path: Path, faulty: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "b").mkdir(parents=True)
    fixture_model("tf1_no_variables").rename(tree / "b" / "1")
    faulty.rename(tree / "a")

    outcome = run("lint", tree, "--format=json")

    assert [model["model"] for model in outcome.json["models"]] == [
        str(tree / "a"),
        str(tree / "b" / "1"),
    ]
    assert outcome.code == 1


def test_several_paths_of_which_one_cannot_be_read(faulty: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    outcome = run("lint", tmp_path / "nowhere", faulty, tmp_path / "empty")
    assert outcome.code == 3
    assert "nowhere: there is no such directory" in outcome.err
    assert "empty: neither this directory nor any below it" in outcome.err
    assert outcome.out.startswith(str(faulty))


def test_fix(faulty: Path) -> None:
    flags = "--fix", "--choose=views-disagree=object_graph", "--ignore=newer-op"
    outcome = run("lint", faulty, *flags)

    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [
        ["fixed", "views-disagree:"],
        ["fixed", "stale-fingerprint:"],
    ]
    backup = faulty / ".sigpb-backup-0001"
    assert lines[-2:] == [
        f"  the files as they were are in {backup}",
        "1 model: 0 errors, 0 warnings, 0 info",
    ]
    assert (backup / "saved_model.pb").exists()
    assert run("lint", faulty, "--strict").out.endswith("1 model: 0 errors, 0 warnings, 1 info\n")


def test_fix_needs_a_choice(faulty: Path, fixture_model: ModelFactory) -> None:
    other = fixture_model("tf1_no_variables")
    before = snapshot(faulty), snapshot(other)

    outcome = run("lint", other, faulty, "--fix")

    assert (outcome.code, outcome.out) == (2, "")
    assert "--choose=views-disagree=signature_def" in outcome.err
    assert "--choose=views-disagree=object_graph" in outcome.err
    assert "--ignore=views-disagree" in outcome.err
    assert (snapshot(faulty), snapshot(other)) == before
    assert run("lint", faulty, "--fix", "--ignore=views-disagree").code == 0
    assert run("lint", faulty).code == 1


@pytest.mark.parametrize("count", [1, 2])
def test_one_that_cannot_be_fixed_hides_no_other(
    fixture_model: ModelFactory, faulty: Path, count: int
) -> None:
    def change(graph: protos.MetaGraphDef) -> None:
        for node in graph.graph_def.node:
            if "f" in node.attr:
                node.attr["f"].func.name = "gone"

    before = snapshot(altered(faulty, change))
    models = [faulty, fixture_model("tf1_no_variables")][:count]
    flags = ["--choose=views-disagree=signature_def", "--ignore=stale-fingerprint"]

    outcome = run("lint", *models, "--fix", *flags, "--format=json")

    assert outcome.code == 2
    assert "No node of the graph calls " in outcome.err
    assert snapshot(faulty) == before
    if count == 1:
        assert (outcome.out, outcome.err.count("not fixed")) == ("", 0)
    else:
        assert [len(model["fixed"]) for model in outcome.json["models"]] == [0, 1]
        (said,) = outcome.json["unfixed"]
        assert said.startswith(f"{faulty}: not fixed: ")
        assert outcome.err == f"sigpb: {said}\n"


def test_policy(fixture_model: ModelFactory, tmp_path: Path) -> None:
    file = tmp_path / "policy.txtpb"
    file.write_text(
        'signature { key: "single" input { key: "t" dtype: "uint8" shape: "[?,3]" } }'
        'signature { key: "missing" }'
        'severity { rule: "policy-dtype" severity: "warning" }'
    )
    outcome = run("lint", fixture_model("tf2_linear"), f"--policy={file}", "--format=json")
    (model,) = outcome.json["models"]
    assert [(each["rule"], each["severity"]) for each in model["findings"]] == [
        ("policy-signature", "error"),
        ("policy-dtype", "warning"),
        ("newer-op", "info"),
    ]
    assert outcome.code == 1


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--select=nothing"], "There is no rule 'nothing'"),
        (["--ignore=stale-fingerprnt"], "did you mean 'stale-fingerprint'?"),
        (["--choose=views-disagree=object_graph"], "--choose goes with --fix"),
        (["--fix", "--choose=views-disagree"], "expected a rule and a way"),
        (["--fix", "--choose=nothing=x"], "There is no rule 'nothing'"),
        (["--fix", "--choose=views-disagree=both"], "there is no way 'both' to fix it"),
        (
            ["--fix", *(f"--choose=both-protos={way}" for way in ("text", "binary"))],
            "two ways are chosen",
        ),
        (["--list_rules"], "take no PATH"),
        (["--explain=leftovers"], "take no PATH"),
    ],
)
def test_refusals(fixture_model: ModelFactory, flags: list[str], said: str) -> None:
    outcome = run("lint", fixture_model("tf2_linear"), *flags)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err


def test_nothing_is_imported_that_takes_long(fixture_model: ModelFactory) -> None:
    arguments = ["lint", str(fixture_model("tf2_linear"))]
    code = (
        f"from sigpb.cli.main import main; main({arguments!r}); "
        "import sys; print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert "sigpb" in loaded
    assert not loaded & {"tensorflow", "numpy", "rich", "tf_keras"}


def test_no_path() -> None:
    outcome = run("lint")
    assert outcome.code == 2
    assert "Which models? Usage: sigpb lint PATH" in outcome.err


def test_list_rules() -> None:
    outcome = run("lint", "--list_rules")
    assert outcome.code == 0
    (line,) = (line for line in outcome.out.splitlines() if line.startswith("views-disagree"))
    assert line.split()[1:4] == ["error", "fix", "Compares"]


def test_explain() -> None:
    outcome = run("lint", "--explain=both-protos")
    assert outcome.code == 0
    assert outcome.out.startswith("both-protos (error)\n\nThe directory holds saved_model.pb and")
    assert "--fix --choose=both-protos=text keeps saved_model.pbtxt" in outcome.out
    assert "--fix removes the warm-up" in run("lint", "--explain=warmup-requests").out
    assert run("lint", "--explain=nothing").code == 2
