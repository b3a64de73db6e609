from __future__ import annotations

from pathlib import Path

import pytest

from sigpb.errors import EnvironmentFailure
from sigpb.publishing.publish import publish_copy

from .directories import DATA, FINGERPRINT, MAIN, snapshot


@pytest.mark.parametrize(
    ("link", "text"),
    [
        ("current", "variables"),
        ("current.pb", MAIN),
        ("assets/data", f"../{DATA}"),
        ("assets/empty/here", "../../assets"),
        ("assets/empty/root", "../.."),
    ],
)
def test_link_stays_the_same_inside_the_model(
    model: Path, output: Path, link: str, text: str
) -> None:
    (model / link).symlink_to(text)
    publish_copy(model, output, {})
    assert str((output / link).readlink()) == text
    assert snapshot(output) == snapshot(model)


@pytest.mark.parametrize(
    ("link", "text", "expected"),
    [
        ("data", "{model}/" + DATA, DATA),
        ("assets/empty/data", "{model}/" + DATA, f"../../{DATA}"),
        ("data", "../1/" + DATA, DATA),
        ("variables/again", "../assets/../variables", "."),
    ],
)
def test_link_never_leads_back_to_the_model(
    model: Path, output: Path, link: str, text: str, expected: str
) -> None:
    (model / link).symlink_to(text.format(model=model))
    publish_copy(model, output, {})
    assert str((output / link).readlink()) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("/etc", "leads to /etc, outside the model"),
        ("../other", "outside the model"),
        ("missing", "leads nowhere (missing)"),
        (f"{MAIN}/x", "leads nowhere"),
        ("link", "leads in a circle"),
        (".sigpb-backup-0001", "outside the model"),
    ],
)
def test_link_is_refused_if_it_leads_elsewhere(
    model: Path, output: Path, text: str, problem: str
) -> None:
    (model.parent / "other").mkdir()
    (model / ".sigpb-backup-0001").mkdir()
    (model / "link").symlink_to(text)
    with pytest.raises(EnvironmentFailure) as error:
        publish_copy(model, output, {MAIN: b"new proto"})
    assert f"{model / 'link'} is a symbolic link that " in str(error.value)
    assert problem in str(error.value)
    assert ("cp -rL" in str(error.value)) == ("outside" in problem)
    assert list(output.parent.iterdir()) == []


def test_changed_link_is_followed(model: Path, output: Path) -> None:
    (model / MAIN).rename(model / "variables" / "proto")
    (model / MAIN).symlink_to("variables/proto")
    (model / "extra").symlink_to("assets")
    publish_copy(model, output, {MAIN: b"new proto", "extra/wörter-語.txt": b"new words"})
    assert str((output / MAIN).readlink()) == "variables/proto"
    assert (output / "variables" / "proto").read_bytes() == b"new proto"
    assert (output / "assets" / "wörter-語.txt").read_bytes() == b"new words"


def test_removed_link_takes_nothing_with_it(model: Path, output: Path) -> None:
    (model / FINGERPRINT).rename(model / "variables" / "print")
    (model / FINGERPRINT).symlink_to("variables/print")
    publish_copy(model, output, {FINGERPRINT: None})
    assert not (output / FINGERPRINT).is_symlink()
    assert (output / "variables" / "print").read_bytes() == b"old fingerprint"
