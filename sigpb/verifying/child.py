"""The process with TensorFlow: reads a request, and writes what it found, a JSON object a line.

``{"confinement": …}`` says what holds, ``{"at": …}`` what is being done, ``{"signature": …}`` is
one that was compared, and ``{"failed": …}`` why nothing more comes. TensorFlow's own output goes to
standard error.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sigpb.verifying.comparison import Tolerance
from sigpb.verifying.confinement import confine
from sigpb.verifying.mapping import MetaGraphMapping, ModelMapping
from sigpb.verifying.report import SignatureReport


@dataclass(frozen=True)
class Request:
    """Two models to be compared.

    Attributes:
        old: The directory of the old model.
        new: The directory of the new one.
        mapping: What the signatures of the old one are in the new one.
        loaders: The names of the loaders to run them under.
        batch_sizes: The numbers of rows to feed where that is open.
        tolerance: How much results may differ.
        samples: A file of values to feed; None to make all up.
        timeout: After how many seconds to give up.
        own: The directory that the models may write to.
        network: The network of whoever asks.
    """

    old: str
    new: str
    mapping: ModelMapping
    loaders: tuple[str, ...]
    batch_sizes: tuple[int, ...]
    tolerance: Tolerance
    samples: str | None
    timeout: float
    own: str = ""
    network: str = ""


Say = Callable[[dict[str, Any]], None]


def main() -> None:
    """Does what the request on standard input says."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)

        def say(answer: dict[str, Any]) -> None:
            answers.write(json.dumps(answer) + "\n")
            answers.flush()

        request: Request = pickle.load(sys.stdin.buffer)
        # Whoever asked puts an end to this before, unless it came to an end itself.
        signal.alarm(math.ceil(request.timeout) + 5)
        confinement = confine(request.own, request.network, request.timeout)
        say({"confinement": dataclasses.asdict(confinement)})
        say({"at": "import TensorFlow"})
        try:
            _import_tensorflow()
        except ModuleNotFoundError as error:
            say({"missing": error.name})
            return
        except Exception as error:
            say({"failed": f"TensorFlow cannot be imported: {type(error).__name__}: {error}"})
            return
        _answer(request, say)


def _import_tensorflow() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")


def _answer(request: Request, say: Say) -> None:
    from sigpb.verifying.values import SamplesError, load_samples, unused_samples

    samples = {}
    try:
        if request.samples is not None:
            samples = load_samples(Path(request.samples))
    except SamplesError as error:
        say({"usage": str(error)})
        return
    signatures = [each for graph in request.mapping.meta_graphs for each in graph.signatures]
    if unused := unused_samples(samples, signatures):
        say({"usage": f"{request.samples}: {unused}"})
        return
    for meta_graph in request.mapping.meta_graphs:
        for report in _reports(request, meta_graph, samples, say):
            say({"signature": dataclasses.asdict(report)})
    say({"done": True})


def _reports(
    request: Request, meta_graph: MetaGraphMapping, samples: dict[str, Any], say: Say
) -> Iterator[SignatureReport]:
    from sigpb.verifying.loaders import LOADERS, V1, Called
    from sigpb.verifying.trial import Trial
    from sigpb.verifying.values import samples_for

    loaders = [
        (
            LOADERS[name](request.old, meta_graph.old_tags),
            LOADERS[name](request.new, meta_graph.new_tags),
        )
        for name in request.loaders
    ]
    reference = V1(request.old, meta_graph.old_tags)
    examples = _examples(request.old, meta_graph)
    for signature in meta_graph.signatures:
        fed = samples_for(samples, signature)
        trial = Trial(signature, request.batch_sizes, request.tolerance, fed, examples)
        reports = []
        for old, new in loaders:
            say({"at": f"run signature {signature.new!r} under the loader {new.name}"})
            if signature.function is not None:
                old = Called(request.old, meta_graph.old_tags, signature.function)
            reports.append(trial.run(old, new, reference))
        yield SignatureReport(
            meta_graph.new_tags,
            signature.old,
            signature.new,
            tuple(reports),
            signature.concerned,
        )


def _examples(directory: str, meta_graph: MetaGraphMapping) -> tuple[bytes, ...] | None:
    from sigpb.verifying.examples import examples_for
    from sigpb.verifying.loaders import V1

    try:
        return examples_for(V1(directory, meta_graph.old_tags).meta_graph)
    except Exception:  # The same error is reported when the model is loaded.
        return None
