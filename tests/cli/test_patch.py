from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import sigpb
from sigpb.saved_model.model import open_model
from tests.cli.command_line import run
from tests.patches import missed, unknown
from tests.publishing.directories import snapshot

ModelFactory = Callable[..., Path]

RENAMED = ("--rename_input=x=image", "--rename_output=p=scores")


def plan_of(model: Path, *flags: str) -> list[str]:
    """The lines of the plan that a dry run prints, without the model and the outcome."""
    outcome = run("patch", model, "--dry_run", *flags)
    assert (outcome.code, outcome.err) == (0, "")
    first, *lines, last = outcome.out.splitlines()
    assert (first, last) == (str(model), "dry run: would be patched")
    return [line.strip() for line in lines]


def keys_of(model: Path, signature: str = "serving_default") -> tuple[list[str], list[str]]:
    with open_model(model) as opened:
        found = opened.meta_graphs[0].signatures[signature]
        return sorted(found.inputs), sorted(found.outputs)


class TestFlags:
    @pytest.mark.parametrize(
        ("flags", "expected"),
        [
            (["--rename_input=x=image"], ["signature 'serving_default': input 'x' → 'image'"]),
            (
                ["--rename_output=p=s", "--rename_output=s=p"],
                [
                    "signature 'serving_default': output 'p' → 's'",
                    "signature 'serving_default': output 's' → 'p'",
                ],
            ),
            (
                ["--signature=other", "--rename_input=x=image", "--drop_output=q"],
                [
                    "signature 'other': output 'q' dropped",
                    "signature 'other': input 'x' → 'image'",
                ],
            ),
            (["--drop_output=s"], ["signature 'serving_default': output 's' dropped"]),
            (
                ["--method_name=a/b"],
                [
                    "signature 'serving_default': method 'tensorflow/serving/predict' → 'a/b'",
                    unknown("serving_default", "a/b"),
                ],
            ),
            (
                ["--rename_signature=other=predict"],
                ["signature 'other' → 'predict'", missed("other")],
            ),
            (
                ["--copy_signature=serving_default=predict"],
                ["signature 'predict': copied from 'serving_default'"],
            ),
            (
                ["--delete_signature=other", "--delete_signature=single"],
                [
                    "signature 'other': deleted",
                    "signature 'single': deleted",
                    missed("other", "single"),
                ],
            ),
            (["--tags=serve", "--set_tags=serve,gpu"], ["tags {serve} → {gpu, serve}"]),
            (["--set_tags="], ["tags {serve} → {}"]),
            (
                ["--clear_devices"],
                ["devices cleared: '/device:CPU:*' (5 nodes), '/device:CPU:0' (20 nodes)"],
            ),
            (
                ["--prune"],
                [
                    "pruned: 2 nodes; 170 bytes",
                    "warning: clients cannot feed or fetch a removed node by its name any more; "
                    "no signature, initializer or collection names these nodes.",
                ],
            ),
        ],
    )
    def test_make_a_plan(
        self, fixture_model: ModelFactory, flags: list[str], expected: list[str]
    ) -> None:
        assert plan_of(fixture_model("tf2_linear"), *flags) == ["MetaGraph {serve}", *expected]

    def test_apply_to_the_signature_by_the_key_it_has_now(
        self, fixture_model: ModelFactory, tmp_path: Path
    ) -> None:
        output = tmp_path / "out"
        outcome = run(
            *("patch", fixture_model("tf2_linear"), f"--output_dir={output}", *RENAMED),
            "--rename_signature=serving_default=predict",
        )
        assert outcome.code == 0
        assert keys_of(output, "predict") == (["b", "image"], ["s", "scores"])

    def test_apply_to_every_meta_graph_that_holds_the_signature(
        self, fixture_model: ModelFactory
    ) -> None:
        model = fixture_model("tf1_two_graphs")
        renamed = "signature 'serving_default': input 'x' → 'image'"
        assert plan_of(model, "--rename_input=x=image") == [
            *("MetaGraph {serve}", renamed),
            *("MetaGraph {gpu, serve}", renamed),
        ]
        assert plan_of(model, "--rename_input=x=image", "--tags=gpu,serve") == [
            "MetaGraph {gpu, serve}",
            renamed,
        ]

    def test_drop_a_meta_graph(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf1_two_graphs")
        assert plan_of(model, "--drop_meta_graph", "--tags=gpu,serve") == [
            "MetaGraph {gpu, serve}",
            "MetaGraph {gpu, serve} dropped: 4,880 bytes",
        ]

    def test_of_a_file_name_keys_with_an_equals_sign(
        self, fixture_model: ModelFactory, tmp_path: Path
    ) -> None:
        model, file = fixture_model("tf1_no_variables"), tmp_path / "flags"
        there = [
            '--rename_input=a="a=1"',
            r"--rename_output=y=y\=2",
            '--rename_signature=default="="',
        ]
        back = [
            '--rename_input="a=1"=a',
            r"--rename_output=y\=2=y",
            r"--rename_signature=\==default",
        ]

        file.write_text("\n".join(["--signature=default", "--in_place", *there]))
        assert run("patch", model, f"--flagfile={file}").code == 0
        assert keys_of(model, "=") == (["a=1", "b"], ["b", "y=2"])

        file.write_text("\n".join(["--signature==", "--in_place", *back]))
        assert run("patch", model, f"--flagfile={file}").code == 0
        assert keys_of(model, "default") == (["a", "b"], ["b", "y"])

    def test_that_surprise_are_warned_of(self, fixture_model: ModelFactory) -> None:
        lines = plan_of(fixture_model("tf2_linear"), "--rename_input=x=a b")
        assert lines[1:] == [
            "signature 'serving_default': input 'x' → 'a b'",
            "warning: signature 'serving_default': input 'a b' cannot name a node of a graph; "
            "TensorFlow loads and serves it, but tf.saved_model.save would refuse to export it.",
        ]


PATCH = """
id: "image-inputs"
reason: "one input contract"
signature { key: "serving_default" input { key: "x" rename_to: "image" } }
"""


class TestPatchFile:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("a.textproto", PATCH),
            ("a.txt", PATCH),
            (
                "a.json",
                """{"id": "image-inputs", "reason": "one input contract", "signature":
                    [{"key": "serving_default", "input": [{"key": "x", "rename_to": "image"}]}]}""",
            ),
        ],
    )
    def test_can_be_text_or_json(
        self, fixture_model: ModelFactory, tmp_path: Path, name: str, text: str
    ) -> None:
        model, file = fixture_model("tf2_linear"), tmp_path / name
        file.write_text(text)
        outcome = run("patch", model, f"--patch={file}", "--dry_run", "--format=json")
        plan = outcome.json["plan"]
        assert (plan["patch_id"], plan["reason"]) == ("image-inputs", "one input contract")
        assert [edit["text"] for edit in plan["meta_graphs"][0]["edits"]] == [
            "signature 'serving_default': input 'x' → 'image'"
        ]

    def test_goes_with_flags(self, fixture_model: ModelFactory, tmp_path: Path) -> None:
        model, file = fixture_model("tf2_linear"), tmp_path / "a.textproto"
        file.write_text(PATCH)
        flags = ("--rename_output=p=scores", "--delete_signature=other", "--tags=serve")
        assert plan_of(model, f"--patch={file}", *flags) == [
            "MetaGraph {serve}",
            "signature 'serving_default': input 'x' → 'image'",
            "signature 'serving_default': output 'p' → 'scores'",
            "signature 'other': deleted",
            missed("other"),
        ]


class TestEmitPatch:
    @pytest.mark.parametrize(
        "flags",
        [
            [],
            RENAMED,
            ["--rename_output=p=s", "--rename_output=s=p", "--drop_output=p"],
            ["--copy_signature=serving_default=语", '--rename_signature=other="\\"=\\\\"'],
            ["--delete_signature=other", "--method_name=", "--tags=serve", "--set_tags="],
            ["--clear_devices", "--strip_default_attrs", "--prune"],
            ["--set_device=/device:CPU:0", "--delete_signature=other"],
        ],
        ids=" ".join,
    )
    def test_prints_a_patch_that_does_the_same(
        self, fixture_model: ModelFactory, tmp_path: Path, flags: list[str]
    ) -> None:
        model, file = fixture_model("tf2_linear"), tmp_path / "emitted.textproto"

        emitted = run("patch", model, "--emit_patch", *flags)
        file.write_text(emitted.out)

        assert (emitted.code, emitted.err) == (0, "")
        assert emitted.out.startswith("# proto-file: sigpb/proto/saved_model_patch.proto\n")
        from_file = run("patch", model, "--dry_run", f"--patch={file}")
        assert from_file == run("patch", model, "--dry_run", *flags)
        assert run("patch", model, "--emit_patch", f"--patch={file}") == emitted

    def test_looks_at_no_model_by_itself(self, tmp_path: Path) -> None:
        assert run("patch", tmp_path / "missing", "--emit_patch", *RENAMED).code == 0

    def test_stands_for_the_plan_in_the_other_modes(
        self, fixture_model: ModelFactory, tmp_path: Path
    ) -> None:
        model, output = fixture_model("tf2_linear"), tmp_path / "out"
        emitted = run("patch", model, "--emit_patch", *RENAMED)
        assert run("patch", model, "--emit_patch", "--dry_run", *RENAMED) == emitted
        assert run("patch", model, "--emit_patch", f"--output_dir={output}", *RENAMED) == emitted
        assert keys_of(output) == (["b", "image"], ["s", "scores"])


class TestModes:
    def test_output_dir(self, fixture_model: ModelFactory, tmp_path: Path) -> None:
        model, output = fixture_model("tf2_linear"), tmp_path / "new" / "out"
        before = snapshot(model)

        outcome = run("patch", model, f"--output_dir={output}", *RENAMED)

        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out.splitlines() == [
            str(model),
            "  MetaGraph {serve}",
            "    signature 'serving_default': input 'x' → 'image'",
            "    signature 'serving_default': output 'p' → 'scores'",
            f"patched: {output}",
        ]
        assert keys_of(output) == (["b", "image"], ["s", "scores"])
        assert snapshot(model) == before

    def test_in_place(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        old = (model / "saved_model.pb").read_bytes()

        outcome = run("patch", model, "--in_place", *RENAMED)

        backup = model / ".sigpb-backup-0001"
        last_line = outcome.out.splitlines()[-1]
        assert last_line == f"patched: {model}, the files as they were in {backup}"
        assert keys_of(model) == (["b", "image"], ["s", "scores"])
        assert (backup / "saved_model.pb").read_bytes() == old

    def test_in_place_without_a_backup(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_linear")
        outcome = run("patch", model, "--in_place", "--nobackup", *RENAMED)
        assert outcome.out.splitlines()[-1] == f"patched: {model}"
        assert not [path for path in model.iterdir() if path.name.startswith(".")]

    def test_dry_run_writes_nothing(self, fixture_model: ModelFactory, tmp_path: Path) -> None:
        model = fixture_model("tf2_linear")
        before = snapshot(tmp_path)
        outcome = run("patch", model, "--dry_run", *RENAMED)
        assert outcome.out.splitlines()[-1] == "dry run: would be patched"
        assert snapshot(tmp_path) == before

    @pytest.mark.parametrize(
        "modes",
        [
            [],
            ["--noin_place"],
            ["--in_place", "--dry_run"],
            ["--output_dir={out}", "--in_place"],
            ["--output_dir={out}", "--dry_run"],
            ["--output_dir={out}", "--dry_run", "--in_place"],
            ["--emit_patch", "--in_place", "--dry_run"],
        ],
        ids=" ".join,
    )
    def test_one_is_needed(
        self, fixture_model: ModelFactory, tmp_path: Path, modes: list[str]
    ) -> None:
        model = fixture_model("tf1_no_variables")
        before = snapshot(tmp_path)
        outcome = run("patch", model, *(mode.format(out=tmp_path / "out") for mode in modes))
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err == "sigpb: Give one of --output_dir=NEW, --in_place and --dry_run.\n"
        assert snapshot(tmp_path) == before

    def test_hardlink(self, fixture_model: ModelFactory, tmp_path: Path) -> None:
        model = fixture_model("tf2_linear")
        data = "variables/variables.data-00000-of-00001"
        for flag, shared in (("--hardlink", True), ("--nohardlink", False)):
            output = tmp_path / flag
            assert run("patch", model, f"--output_dir={output}", flag, *RENAMED).code == 0
            assert (output / data).samefile(model / data) == shared
            assert not (output / "saved_model.pb").samefile(model / "saved_model.pb")

    @pytest.mark.parametrize("mode", ["recompute", "drop", "keep"])
    def test_fingerprint(self, fixture_model: ModelFactory, mode: str) -> None:
        model = fixture_model("tf2_linear")
        file = model / "fingerprint.pb"
        old = file.read_bytes()
        assert run("patch", model, "--in_place", f"--fingerprint={mode}", *RENAMED).code == 0
        assert file.exists() == (mode != "drop")
        assert mode == "drop" or (file.read_bytes() == old) == (mode == "keep")

    def test_warmup(self, fixture_model: ModelFactory) -> None:
        model = fixture_model("tf2_warmup")
        requests = model / "assets.extra" / "tf_serving_warmup_requests"
        renamed = ("patch", model, "--in_place", "--rename_input=x=image")

        refused = run(*renamed, "--warmup=refuse")
        assert refused.code == 2
        assert "warm-up requests 1, 2 in assets.extra/tf_serving_warmup_requests" in refused.err
        assert "--warmup=rewrite" in refused.err

        before = requests.read_bytes()
        assert run(*renamed, "--warmup=keep").code == 0
        assert requests.read_bytes() == before

        rewritten = run("patch", model, "--in_place", "--rename_output=s=t")
        assert rewritten.out.splitlines()[-2] == "  warm-up requests: 1 rewritten"
        assert requests.read_bytes() != before
        assert run("patch", model, "--in_place", "--rename_input=b=bias", "--warmup=drop").code == 0
        assert not requests.exists()

    def test_warmup_is_no_matter_where_nothing_changes_for_it(
        self, fixture_model: ModelFactory
    ) -> None:
        model = fixture_model("tf2_warmup")
        before = (model / "assets.extra" / "tf_serving_warmup_requests").read_bytes()
        copied = run("patch", model, "--in_place", "--copy_signature=serving_default=predict")
        assert copied.code == 0
        assert (model / "assets.extra" / "tf_serving_warmup_requests").read_bytes() == before


class TestUnchanged:
    def test_empty_patch(self, fixture_model: ModelFactory, tmp_path: Path) -> None:
        model, output = fixture_model("tf2_linear"), tmp_path / "out"
        before = snapshot(model)

        in_place = run("patch", model, "--in_place")
        assert in_place.out.splitlines() == [f"{model}: nothing to change", f"unchanged: {model}"]
        dry_run = run("patch", model, "--dry_run")
        assert dry_run.out.splitlines()[-1] == "dry run: would be unchanged"
        copied = run("patch", model, f"--output_dir={output}")
        assert copied.out.splitlines()[-1] == f"unchanged: {output}"

        assert [in_place.code, dry_run.code, copied.code] == [0, 0, 0]
        assert snapshot(model) == snapshot(output) == before

    @pytest.mark.parametrize(
        "flags",
        [
            RENAMED,
            ["--rename_output=p=s", "--rename_output=s=p"],
            ["--delete_signature=other"],
            ["--copy_signature=serving_default=predict"],
            ["--method_name=m", "--set_tags=serve,gpu", "--drop_output=s"],
        ],
        ids=" ".join,
    )
    def test_second_run(self, fixture_model: ModelFactory, flags: list[str]) -> None:
        model = fixture_model("tf2_linear")
        first = run("patch", model, "--in_place", *flags)
        assert first.out.splitlines()[-1].startswith(f"patched: {model}, the files as they were")
        after = snapshot(model)

        second = run("patch", model, "--in_place", *flags)

        assert second.out.splitlines() == [f"{model}: nothing to change", f"unchanged: {model}"]
        assert snapshot(model) == after


def test_the_python_interface_makes_the_same_plan(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf2_many")
    patch = sigpb.SavedModelPatch()
    signature = patch.signature.add(key="serving_default", rename_to="predict")
    signature.input.add(key="a", rename_to="z")
    signature.output.add(key="k", drop=True)

    outcome = run(
        *("patch", model, "--dry_run", "--rename_signature=serving_default=predict"),
        *("--rename_input=a=z", "--drop_output=k"),
    )

    assert outcome.out == f"{sigpb.plan(model, patch)}\ndry run: would be patched\n"
