from __future__ import annotations

from sigpb.tf.fresh_names import TakenNames, numbered


def test_numbers_go_on_until_a_name_is_free() -> None:
    assert numbered("x", {"x", "x_1"}.__contains__) == "x_2"
    assert numbered("y", {"x"}.__contains__) == "y"


def test_names_are_taken_whatever_their_case() -> None:
    names = TakenNames(["Cast", "a/B"])
    assert "cast" in names
    assert "A/b" in names
    assert "a" not in names
    assert [names.take(name) for name in ("CAST", "cast", "p", "P")] == [
        *("CAST_1", "cast_2", "p", "P_1"),
    ]


def test_scopes_are_taken_whatever_their_case() -> None:
    names = TakenNames(["sigpb/Serve/x"])
    names.add("other")
    assert names.has_scope("SIGPB/serve")
    assert not names.has_scope("sigpb/Ser")
    assert not names.has_scope("other")
