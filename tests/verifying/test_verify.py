from __future__ import annotations

import pytest

from sigpb.errors import UsageError
from sigpb.verifying.comparison import Tolerance
from sigpb.verifying.verify import Options


@pytest.mark.parametrize("wrong", [-1e-9, float("inf"), float("nan")])
def test_tolerances_are_finite(wrong: float) -> None:
    for tolerance in (Tolerance(rtol=wrong), Tolerance(atol=wrong)):
        with pytest.raises(UsageError, match="Tolerances are finite numbers from 0 on"):
            Options(tolerance=tolerance).check()
    Options(tolerance=Tolerance(1e300, 0.0)).check()
