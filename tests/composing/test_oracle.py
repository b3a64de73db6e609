"""What composed models are compared with: models run in turn, each in a process of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import test_proto_fixtures as numbers
from tests.composing import adapters
from tests.conftest import REPOSITORY
from tools.fuzz.composing.fresh import Failed, fresh
from tools.fuzz.composing.loaders import Place
from tools.fuzz.composing.reference import Adapter, DoNotFit

pytestmark = pytest.mark.tensorflow

REVIEWS, TOKENIZE, CALIBRATE = (
    Place(REPOSITORY / "proto_fixtures" / name) for name in ("reviews", "tokenize", "calibrate")
)
TEXT = np.array([b"the film not good", b"a bad plot"], object)


@pytest.mark.parametrize("loader", ["v1", "v2"])
def test_models_are_run_in_turn(loader: str) -> None:
    from tools.fuzz.composing.checks import Wanted

    wanted = Wanted(REVIEWS, [Adapter(TOKENIZE, {})], [Adapter(CALIBRATE, {})])
    (got,) = wanted.chain(loader).run([{"text": TEXT}])

    numbers.assert_close(got, numbers.calibrate(**numbers.reviews(**numbers.tokenize(TEXT))))


def test_what_feeds_nothing_and_what_has_two_sources_does_not_fit() -> None:
    from tools.fuzz.composing.checks import Wanted

    with pytest.raises(DoNotFit, match=r"nothing feeds \['logits'\]"):
        Wanted(TOKENIZE, after=[Adapter(CALIBRATE, {})]).chain()
    with pytest.raises(DoNotFit, match=r"there are no \['id'\]"):
        Wanted(REVIEWS, before=[Adapter(TOKENIZE, {"id": "ids"})]).chain()


def test_other_values_are_faults(tmp_path: Path) -> None:
    from tools.fuzz.composing.checks import Wanted, faults

    one, other = (
        Place(fresh(adapters.build, "variables", tmp_path / str(number), number))
        for number in (3.0, 4.0)
    )
    right = {"serving_default": Wanted(one)}
    wrong = {"serving_default": Wanted(other)}
    short = {"serving_default": Wanted(one, after=[Adapter(other, {"y": "x"})])}

    assert list(faults(one.model, right, tmp_path, which=["v1"])) == []
    found = {fault.check for fault in faults(one.model, wrong, tmp_path)}
    assert found == {"v1", "v2", "re-saved v1", "re-saved v2"}
    (fault,) = faults(one.model, short, tmp_path, which=["v1"])
    assert "other values" in fault.what


def test_a_process_that_crashes_is_a_failure() -> None:
    import os

    with pytest.raises(Failed, match="the process ended with"):
        fresh(os.abort)
