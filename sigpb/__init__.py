"""sigpb patches the signatures of TensorFlow SavedModels at the protobuf level.

import sigpb

patch = {
    "signature": [
        {"key": "serving_default", "input": [{"key": "input_1", "rename_to": "image"}]}
    ]
}
print(sigpb.show("model"))
print(sigpb.plan("model", patch))
sigpb.patch("model", patch, output_dir="patched")
print(sigpb.diff("model", "patched"))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from sigpb.api import apply_plan as apply_plan
    from sigpb.api import patch as patch
    from sigpb.api import plan as plan
    from sigpb.api import undo as undo
    from sigpb.comparing.difference import ModelDifference as ModelDifference
    from sigpb.composition import MergeResult as MergeResult
    from sigpb.composition import merge as merge
    from sigpb.division import SplitResult as SplitResult
    from sigpb.division import split as split
    from sigpb.errors import EnvironmentFailure as EnvironmentFailure
    from sigpb.errors import ModelUnreadable as ModelUnreadable
    from sigpb.errors import PatchError as PatchError
    from sigpb.errors import SigpbError as SigpbError
    from sigpb.errors import UnsafeModel as UnsafeModel
    from sigpb.errors import UsageError as UsageError
    from sigpb.inspect.graph.view import GraphView as GraphView
    from sigpb.inspect.model_summary import ModelSummary as ModelSummary
    from sigpb.inspect.names.trace import TraceReport as TraceReport
    from sigpb.linting.report import LintReport as LintReport
    from sigpb.patch_result import PatchResult as PatchResult
    from sigpb.patch_result import UndoResult as UndoResult
    from sigpb.patching.patch_file import load_patch as load_patch
    from sigpb.patching.plan import PatchLike as PatchLike
    from sigpb.patching.plan import Plan as Plan
    from sigpb.protos import SavedModelPatch as SavedModelPatch
    from sigpb.reading import diff as diff
    from sigpb.reading import graph as graph
    from sigpb.reading import infer as infer
    from sigpb.reading import invert as invert
    from sigpb.reading import lint as lint
    from sigpb.reading import show as show
    from sigpb.reading import trace as trace
    from sigpb.reading import verify as verify
    from sigpb.saved_model.model import SavedModel as SavedModel
    from sigpb.saved_model.model import open_model
    from sigpb.verifying.report import NotEquivalent as NotEquivalent
    from sigpb.verifying.report import VerifyReport as VerifyReport

    open = open_model

# Imported when asked for: commands that patch nothing start faster without the rest.
_SOURCES = {
    "EnvironmentFailure": "errors",
    "GraphView": "inspect.graph.view",
    "LintReport": "linting.report",
    "MergeResult": "composition",
    "ModelDifference": "comparing.difference",
    "ModelSummary": "inspect.model_summary",
    "ModelUnreadable": "errors",
    "NotEquivalent": "verifying.report",
    "PatchError": "errors",
    "PatchLike": "patching.plan",
    "PatchResult": "patch_result",
    "Plan": "patching.plan",
    "SavedModel": "saved_model.model",
    "SavedModelPatch": "protos",
    "SigpbError": "errors",
    "SplitResult": "division",
    "TraceReport": "inspect.names.trace",
    "UndoResult": "patch_result",
    "UnsafeModel": "errors",
    "UsageError": "errors",
    "VerifyReport": "verifying.report",
    "apply_plan": "api",
    "diff": "reading",
    "graph": "reading",
    "infer": "reading",
    "invert": "reading",
    "lint": "reading",
    "load_patch": "patching.patch_file",
    "merge": "composition",
    "open": "saved_model.model",
    "patch": "api",
    "plan": "api",
    "show": "reading",
    "split": "division",
    "trace": "reading",
    "undo": "api",
    "verify": "reading",
}

__all__ = [*sorted(_SOURCES), "__version__"]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _SOURCES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = importlib.import_module(f"{__name__}.{_SOURCES[name]}")
        value = getattr(module, "open_model" if name == "open" else name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted(__all__)
