"""What adapters before and behind a model compute together is what they compute in turn."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigpb
from tests.composing import adapters, endpoint_models
from tools.fuzz.composing.fresh import fresh
from tools.fuzz.composing.loaders import LOADERS, Place
from tools.fuzz.composing.reference import Adapter

pytestmark = pytest.mark.tensorflow

ROWS: Any = np.arange(12, dtype=np.float32).reshape(3, 4)
TEXT = {"text": np.array([b"a bcd e", b"x"], object)}

Adapters = list[tuple[str, dict[str, str]]]

# Models of other kinds that share names: the model, the adapters before it and those behind it.
# An adapter whose variables become constants has a "!".
CASES = [
    ("variables", ["variables", "asset"], ["counted"]),
    ("asset", ["asset"], ["table!"]),
    ("mutable_table", ["table"], ["mutable_table"]),
    ("generator", ["random"], ["generator"]),
    ("control_flow", ["control_flow!"], ["captured", "gradient"]),
    ("keras3", ["keras2"], ["keras3"]),
    ("keras2", ["captured"], ["keras3_saved!"]),
    ("tf1_variables", ["tf1_partitioned"], ["tf1_variables!"]),
    ("tf1_asset", ["tf1_legacy_init_op", "asset"], ["tf1_asset"]),
    ("tf1_frames", ["tf1_frames"], ["counted", "generator"]),
    ("tf1_legacy_init_op", ["control_flow"], ["keras3"]),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Place]:
    """Returns ``built("asset 3")``: a model, built once, that computes something with a number."""
    root = tmp_path_factory.mktemp("built")

    @cache
    def build(name: str) -> Place:
        kind, _, number = name.partition(" ")
        if not number:
            return Place(fresh(endpoint_models.build, kind, root / kind))
        return Place(fresh(adapters.build, kind, root / name.replace(" ", "_"), float(number)))

    return build


def assert_composes(wanted: Any, output: Path, feeds: Any = None) -> None:
    """Asserts that a signature with its adapters is what these are in turn."""
    from tools.fuzz.composing.checks import faults
    from tools.fuzz.composing.example import patch_of

    key = wanted.place.key
    sigpb.patch(wanted.place.model, patch_of(key, wanted), output_dir=output)
    # What is wrong under the loader of objects is wrong after a re-save as well.
    which = LOADERS if "SIGPB_ALL_CASES" in os.environ else ("v1", "re-saved v2")
    found = faults(output, {key: wanted}, output.parent, {key: feeds} if feeds else None, which)
    assert list(found) == []


@pytest.mark.sampled(8)
@pytest.mark.parametrize(("model", "before", "after"), CASES, ids=[case[0] for case in CASES])
def test_adapters_that_share_names(
    built: Callable[[str], Place],
    tmp_path: Path,
    model: str,
    before: list[str],
    after: list[str],
) -> None:
    from tools.fuzz.composing.checks import Wanted

    def adapter(name: str, number: int) -> Adapter:
        return Adapter(built(f"{name.rstrip('!')} {number}"), {"y": "x"}, name.endswith("!"))

    wanted = Wanted(
        built(f"{model} 3"),
        [adapter(name, number) for number, name in enumerate(before, 4)],
        [adapter(name, number) for number, name in enumerate(after, 6)],
    )
    assert_composes(wanted, tmp_path / "composed")


# The model, adapters before it and behind it, each with its pairs; what is fed, if that matters.
ENDPOINTS: dict[str, tuple[str, Adapters, Adapters, Any]] = {
    "components": ("lengths", [("components", {})], [], TEXT),
    "kept": ("split", [], [("counts", {})], TEXT),
    "crossed": ("mixed", [("mixed", {"p": "q", "q": "p"})], [("mixed", {})], None),
    "sparse": ("tf1_sparse_taker", [("tf1_sparse_maker", {})], [], {"e": ROWS}),
    "kinds": ("kinds", [("kinds", {})], [], None),
    "passed": ("passed", [("passed", {"y": "x"})], [], None),
}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("case", ENDPOINTS)
def test_endpoints_of_rare_types(built: Callable[[str], Place], tmp_path: Path, case: str) -> None:
    from tools.fuzz.composing.checks import Wanted

    model, before, after, fed = ENDPOINTS[case]
    wanted = Wanted(
        built(model),
        [Adapter(built(name), pairs) for name, pairs in before],
        [Adapter(built(name), pairs) for name, pairs in after],
    )
    assert_composes(wanted, tmp_path / "composed", fed and [fed])
