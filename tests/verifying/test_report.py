from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from sigpb.verifying.report import (
    Confinement,
    Difference,
    LoaderReport,
    NotEquivalent,
    OutputReport,
    SignatureReport,
    Status,
    VerifyReport,
)

SAME = LoaderReport("v1", "same", (1, 2), (OutputReport("p", "p", "same"),))
WORSE = Difference("1 of 6 elements differ", 2, 0.5, (1, 2), (1, 2), "0.0", "0.5")
DIFFERENT = LoaderReport("v2", "different", (2,), (OutputReport("p", "q", "different", WORSE),))
NOT_RUN = LoaderReport("v2", "not verified", problems=("not run: no values",))
UNRUNNABLE = LoaderReport("v2", "not verified", problems=("not run: no such op",), unrunnable=True)
FEWER = LoaderReport("v2", "same", (1,), skipped=("a batch of 2", "output 'q'"))
CONSTANT = LoaderReport("v2", "same", (1,), vague=("output 'q', which was 1 for all values",))
EMPTY = LoaderReport("v1", "not verified", (1,), vague=("output 'q', which was empty",))


def signature(
    *loaders: LoaderReport, key: str = "predict", concerned: bool = True
) -> SignatureReport:
    return SignatureReport(("serve",), "serving_default", key, loaders, concerned)


def report(*loaders: LoaderReport, problems: tuple[str, ...] = ()) -> VerifyReport:
    return both(signature(*loaders), problems=problems)


def both(*signatures: SignatureReport, problems: tuple[str, ...] = ()) -> VerifyReport:
    return VerifyReport(Path("old"), Path("new"), problems, signatures)


@pytest.mark.parametrize(
    ("found", "verdict", "code"),
    [
        (report(SAME), "equivalent", 0),
        (report(SAME, NOT_RUN), "not verified", 4),
        (report(SAME, UNRUNNABLE), "equivalent", 0),
        (report(SAME, FEWER), "equivalent", 0),
        (report(SAME, CONSTANT), "equivalent", 0),
        (report(EMPTY), "not verified", 4),
        (report(SAME, DIFFERENT), "different", 1),
        (report(NOT_RUN), "not verified", 4),
        (report(UNRUNNABLE), "not verified", 4),
        (both(signature(SAME), signature(NOT_RUN)), "not verified", 4),
        (both(signature(SAME), signature(NOT_RUN, concerned=False)), "equivalent", 0),
        (both(signature(SAME), signature(UNRUNNABLE)), "equivalent", 0),
        (both(signature(SAME, concerned=False), signature(UNRUNNABLE)), "not verified", 4),
        (both(signature(SAME, concerned=False)), "equivalent", 0),
        (both(signature(SAME), signature(DIFFERENT, concerned=False)), "different", 1),
        (report(SAME, problems=("there is no signature 'x'.",)), "different", 1),
        (VerifyReport(Path("old"), Path("new"), (), ()), "not verified", 4),
    ],
)
def test_verdict(found: VerifyReport, verdict: Status, code: int) -> None:
    assert (found.verdict, found.exit_code) == (verdict, code)


@pytest.mark.parametrize(
    ("found", "conclusion"),
    [
        (report(SAME), "equivalent"),
        (
            both(signature(SAME), signature(UNRUNNABLE, key="other"), signature(SAME, key="b")),
            "equivalent for what ran: 2 of 3 signatures; not compared: signature 'other'",
        ),
        (
            report(SAME, UNRUNNABLE),
            "equivalent for what ran: 0 of 1 signatures; not compared: signature 'predict' under "
            "v2",
        ),
        (
            report(SAME, FEWER),
            "equivalent for what ran: 0 of 1 signatures; not compared: signature 'predict' under "
            "v2: a batch of 2, output 'q'",
        ),
        (
            both(signature(SAME), signature(NOT_RUN, key="other")),
            "not verified; the same for what ran: 1 of 2 signatures; not compared: signature "
            "'other'",
        ),
        (
            report(SAME, CONSTANT),
            "equivalent; little was seen of output 'q', which was 1 for all values (signature "
            "'predict')",
        ),
        (
            report(EMPTY),
            "not verified; little was seen of output 'q', which was empty (signature 'predict')",
        ),
        (
            report(DIFFERENT, NOT_RUN),
            "different; not compared: signature 'predict' under v2",
        ),
    ],
)
def test_conclusion_says_what_it_does_not_cover(found: VerifyReport, conclusion: str) -> None:
    assert found.conclusion == conclusion
    assert str(found).splitlines()[-1] == conclusion


def test_text() -> None:
    assert str(report(SAME, DIFFERENT, NOT_RUN, problems=("output 'p' is missing.",))) == (
        "old → new\n"
        "  output 'p' is missing.\n"
        "  signature 'serving_default' → 'predict'\n"
        "    v1: same (batch sizes 1, 2)\n"
        "      output 'p' same\n"
        "    v2: different (batch size 2)\n"
        "      output 'p' → 'q' different: 1 of 6 elements differ in a batch of 2, by up to 0.5 at "
        "[1, 2]; first at [1, 2]: 0.0 before, 0.5 after\n"
        "    v2: not verified\n"
        "      not run: no values\n"
        "different; not compared: signature 'predict' under v2"
    )


def test_what_held_while_models_ran() -> None:
    held = Confinement(True, False, None, 1 << 30, 60.0)
    found = dataclasses.replace(report(SAME), confinement=held)

    assert str(found).splitlines()[-2:] == [f"  {held}", "equivalent"]
    assert found.to_json()["confinement"] == {
        "read_only": True,
        "no_network": False,
        "memory": None,
        "file_size": 1 << 30,
        "seconds": 60.0,
    }


def test_text_without_signatures() -> None:
    assert str(VerifyReport(Path("old"), Path("new"), (), ())) == (
        "old → new\n  there is no signature to run\nnot verified"
    )


def test_text_names_tags_where_there_are_several() -> None:
    gpu = SignatureReport(("gpu", "serve"), "x", "x", (SAME,))
    found = VerifyReport(Path("old"), Path("new"), (), (*report(SAME).signatures, gpu))

    assert "  MetaGraph {gpu, serve}, signature 'x'" in str(found).splitlines()


def test_json() -> None:
    values = json.loads(json.dumps(report(SAME, DIFFERENT).to_json()))

    assert values.keys() == {
        *("verdict", "conclusion", "old", "new", "problems", "confinement", "signatures", "notes")
    }
    assert values["confinement"] is None
    (signature,) = values["signatures"]
    assert (signature["old"], signature["new"], signature["status"]) == (
        "serving_default",
        "predict",
        "different",
    )
    assert signature["loaders"][1]["outputs"] == [
        {
            "old": "p",
            "new": "q",
            "status": "different",
            "difference": {
                "reason": "1 of 6 elements differ",
                "batch_size": 2,
                "worst": 0.5,
                "worst_at": [1, 2],
                "first_at": [1, 2],
                "before": "0.0",
                "after": "0.5",
            },
        }
    ]


def test_error_has_the_report_and_its_exit_code() -> None:
    found = report(SAME, DIFFERENT)

    error = NotEquivalent(found)

    assert (error.report, error.exit_code) == (found, 1)
    assert str(error) == f"{found}\nNothing was changed."


def test_what_was_run_in_turn_is_named() -> None:
    in_turn = ("/adapters/tokenize", "/models/7")
    found = both(dataclasses.replace(signature(SAME), in_turn=in_turn))
    said = "    compared with what tokenize → 7 return, run one after the other"
    assert said in [*found.lines()]
    assert said not in [*report(SAME).lines()]
    assert found.to_json()["signatures"][0]["in_turn"] == [*in_turn]
