"""ResNet50 that decodes, resizes and scales JPEG files itself, against a client that does so."""

from __future__ import annotations

import json
from collections.abc import Iterator

from .bench import Bench
from .processes import Samples
from .rows import Row

ROUNDS = 1

_SCALE = "inputs=scale([123.7, 116.8, 103.9], [58.4, 57.1, 57.4])"
_RESIZES = {
    "resize(224, 224)": "inputs=resize(224, 224)",
    "resize(224, 224, antialias=True)": "inputs=resize(224, 224, antialias=True)",
}


def rows(bench: Bench) -> Iterator[Row]:
    """Measures calls within one process: with files, and with what a client makes of them."""
    model, runner, report = bench.models.resnet50(), bench.runner, bench.scratch / "report.json"
    bench.clear()
    bench.output.mkdir()
    patched = [bench.output / str(number) for number in range(len(_RESIZES))]
    for path, resize in zip(patched, _RESIZES.values(), strict=True):
        steps = ("inputs=decode_image(channels=3)", resize, _SCALE)
        flags = [f"--input_step={step}" for step in steps]
        runner.run(runner.sigpb("patch", model, "--output_dir", path, "--hardlink", *flags))
    runner.run(runner.child("time_images", report, model, *patched))
    taken = json.loads(report.read_text())
    client, alone, whole = (
        taken["client"],
        Samples(taken["alone"], "s"),
        Samples(taken["model"], "s"),
    )
    for number, resize in enumerate(_RESIZES):
        ours = Samples(taken[f"patched{number}"], "s")
        yield Row(f"files, {resize}", ours, f"{client}, then unpatched", whole, 1.1)
        steps_alone = Samples(taken[f"steps{number}"], "s")
        yield Row(f"its steps alone, {resize}", steps_alone, f"{client} alone", alone, 1)
