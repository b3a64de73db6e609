"""The process with TensorFlow: reads a request, and writes what it found, a JSON object a line.

``{"confinement": …}`` says what holds, ``{"at": …}`` what is being done, ``{"signature": …}`` is
one that was compared, ``{"output": …}`` one that was run returned, and ``{"failed": …}`` why
nothing more comes. TensorFlow's own output goes to
standard error.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigpb.verifying.comparison import Arrays, Tolerance
from sigpb.verifying.confinement import confine
from sigpb.verifying.mapping import MetaGraphMapping, ModelMapping
from sigpb.verifying.report import LoaderReport, SignatureReport

if TYPE_CHECKING:
    from sigpb.verifying.loaders import V1


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


@dataclass(frozen=True)
class RunRequest:
    """A signature to be run.

    Attributes:
        directory: The directory of the model.
        tags: The tag-set of the MetaGraph.
        signature: The key of the signature.
        loader: The name of the loader.
        values: What it is fed, by what loaders call it.
        defaults: The serialized TensorProtos of what else it is fed.
        timeout: After how many seconds to give up.
        own: The directory that the model may write to.
        network: The network of whoever asks.
    """

    directory: str
    tags: tuple[str, ...]
    signature: str
    loader: str
    values: Arrays
    defaults: Mapping[str, bytes]
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

        request: Request | RunRequest = pickle.load(sys.stdin.buffer)
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
        if isinstance(request, RunRequest):
            _run(request, say)
        else:
            _answer(request, say)


def _import_tensorflow() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")


def _run(request: RunRequest, say: Say) -> None:
    """Runs a signature; says ``{"output": …}`` for each of its outputs, or why it did not run."""
    from sigpb.verifying.loaders import LOADERS, failure_reason
    from sigpb.verifying.values import array_of

    say({"at": f"run signature {request.signature!r} under the loader {request.loader}"})
    defaults = {key: array_of(value) for key, value in request.defaults.items()}
    try:
        loader = LOADERS[request.loader](request.directory, request.tags)
        with loader.opened(request.signature) as run:
            outputs = run({**defaults, **request.values})
    except Exception as error:  # Whatever TensorFlow does not like about the model or the values.
        say({"not_run": failure_reason(error)})
    else:
        for name, array in outputs.items():
            say({"output": {"name": name, **_encoded(array)}})
    say({"done": True})


def _encoded(value: Any) -> dict[str, Any]:
    import numpy as np
    import tensorflow as tf

    array = np.asarray(value)
    data: Any
    if array.dtype == object:
        data = [base64.b64encode(each).decode() for each in array.flat]
    else:
        data = base64.b64encode(array.tobytes()).decode()
    dtype = tf.as_dtype(array.dtype).as_datatype_enum
    return {"dtype": dtype, "shape": array.shape, "data": data}


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
    from sigpb.verifying.composed import with_adapters
    from sigpb.verifying.loaders import LOADERS, V1, Called
    from sigpb.verifying.texts import texts_for
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
    examples = _examples(reference)
    for signature in meta_graph.signatures:
        fed, adapters = samples_for(samples, signature), signature.adapters
        adapting = [V1(each.directory, each.tags) for each in adapters]
        trial = Trial(
            signature,
            request.batch_sizes,
            request.tolerance,
            fed,
            next(filter(None, map(_examples, adapting)), examples),
            tuple(texts_for([*adapting, reference]) if adapters else ()),
        )
        reports = []
        for old, new in loaders:
            if signature.incomparable:
                problem = f"not run: {signature.incomparable}"
                reports.append(LoaderReport(new.name, "not verified", problems=(problem,)))
                continue
            say({"at": f"run signature {signature.new!r} under the loader {new.name}"})
            if signature.function is not None:
                old = Called(request.old, meta_graph.old_tags, signature.function)
            reports.append(
                trial.run(with_adapters(old, adapters), new, with_adapters(reference, adapters))
            )
        yield SignatureReport(
            meta_graph.new_tags,
            signature.old,
            signature.new,
            tuple(reports),
            signature.concerned,
            signature.in_turn(request.old),
        )


def _examples(model: V1) -> tuple[bytes, ...] | None:
    from sigpb.verifying.examples import examples_for

    try:
        return examples_for(model.meta_graph)
    except Exception:  # The same error is reported when the model is loaded.
        return None
