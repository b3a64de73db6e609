"""Two protos in one model."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.linting.linted_model import LintedModel
from sigpb.linting.rule import Finding, Fixing, LintRule
from sigpb.saved_model.files import BINARY_NAME, TEXT_NAME


class BothProtos(LintRule):
    """Finds models as a binary proto and as text."""

    id = "both-protos"
    severity = "error"
    explanation = (
        f"The directory holds {BINARY_NAME} and {TEXT_NAME}. Loaders read the first; some "
        "tools, such as TensorFlow's MethodNameUpdater, read the first and write the second, and "
        "what they changed is never seen. The other rules look at the first."
    )
    remedy = (
        "Keep one of the two. 'sigpb diff' shows what is different between them, if you copy the "
        "text to a directory of its own."
    )
    example = "There are saved_model.pb, which loaders read, and saved_model.pbtxt."
    fixes = {
        "binary": f"keeps {BINARY_NAME}, and removes {TEXT_NAME}",
        "text": f"keeps {TEXT_NAME}, and removes {BINARY_NAME}",
    }

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks for both files."""
        directory = model.model.directory
        if (directory / BINARY_NAME).exists() and (directory / TEXT_NAME).exists():
            yield self.finding(
                f"There are {BINARY_NAME}, which loaders read, and {TEXT_NAME}.",
                fix="keeps the one that is chosen, and removes the other",
            )

    def fix(self, fixing: Fixing, way: str) -> None:
        """Removes one of the two."""
        fixing.remove(TEXT_NAME if way == "binary" else BINARY_NAME)
