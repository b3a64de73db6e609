from __future__ import annotations

from pathlib import Path

import pytest

from tools.bench import bench_sizes
from tools.bench.page import write_page
from tools.bench.processes import Samples
from tools.bench.rows import Row

pytestmark = pytest.mark.slow


def seconds(*values: float) -> Samples:
    return Samples(values, "s")


def test_page(tmp_path: Path) -> None:
    rows = [
        Row(f"rename in {size:,} bytes", seconds(0.1, 0.2, 0.3), title, seconds(size / 1e6))
        for size in (1_000_000, 8_000_000)
        for title in bench_sizes.OTHERS.values()
    ]
    other = [
        Row("show: time", seconds(0.05), target=0.1),
        Row("show: memory", Samples((0.0,), "B"), "files", Samples((9e6,), "B")),
    ]
    write_page(tmp_path, {"cores": 2}, {"sizes": ("Sizes.", rows), "small": ("Small.", other)})
    page = (tmp_path / "benchmarks.md").read_text()
    first = (
        "| rename in 1,000,000 bytes | 200 ms [100 ms .. 300 ms] | cp && sync | 1.00 s [1.00 s .."
    )
    assert first in page
    assert "cores 2.\n" in page
    assert "## small\n\nSmall.\n" in page
    assert "| show: time | 50.0 ms [50.0 ms .. 50.0 ms] |  |  |  | ≤ 100 ms | yes |  |" in page
    assert "| files | 9.00 MB [9.00 MB .. 9.00 MB] | 0 |" in page
    picture = (tmp_path / "benchmarks.svg").read_text()
    assert all(title.split(",")[0] in picture for title in ("parse", "load", "sigpb patch"))


def test_page_without_a_picture(tmp_path: Path) -> None:
    write_page(tmp_path, {}, {"small": ("Small.", [])})
    assert [file.name for file in tmp_path.iterdir()] == ["benchmarks.md"]
    assert "benchmarks.svg" not in (tmp_path / "benchmarks.md").read_text()
