from __future__ import annotations

from pathlib import Path

from tests.cli.command_line import run
from tests.comparing.patched import outlines, patched
from tests.patches import ModelFactory


def test_prints_a_patch(fixture_model: ModelFactory, tmp_path: Path) -> None:
    model = fixture_model("tf2_linear")
    wanted = patched(
        model,
        """signature { key: "serving_default" rename_to: "predict"
          input { key: "x" rename_to: "image" dtype: "uint8" } }""",
    )

    outcome = run("infer", model, wanted)

    assert outcome.code == 0
    assert outcome.out == (
        "# proto-file: sigpb/proto/saved_model_patch.proto\n"
        "# proto-message: sigpb.SavedModelPatch\n"
        'signature {\n  key: "serving_default"\n  rename_to: "predict"\n  input {\n'
        '    key: "x"\n    rename_to: "image"\n    dtype: "uint8"\n  }\n}\n'
    )
    file = tmp_path / "patch.textproto"
    file.write_text(outcome.out)
    assert run("patch", model, f"--patch={file}", f"--output_dir={tmp_path / 'again'}").code == 0
    assert outlines(tmp_path / "again") == outlines(wanted)


def test_tags(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_two_graphs")
    wanted = patched(
        model, 'tags { tag: "serve" } signature { key: "serving_default" rename_to: "a" }'
    )

    assert run("infer", model, wanted, "--tags=gpu,serve").out.count("\n") == 2
    outcome = run("infer", model, wanted, "--tags=serve")
    assert 'tags {\n  tag: "serve"\n}\n' in outcome.out
    assert outcome.out == run("infer", model, wanted).out


def test_refused(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_image")
    bound = patched(
        model, 'signature { key: "serving_default" input { key: "training" bind: "true" } }'
    )

    outcome = run("infer", bound, model)

    assert (outcome.code, outcome.out) == (2, "")
    assert "input 'training' exists nowhere in the first model" in outcome.err
