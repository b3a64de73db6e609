"""Random programs of TensorFlow's ops, which can be built for any batch size.

A program is a list of steps. Each takes tensors that were computed before, and was drawn with sizes
that are numbers or multiples of the batch size, so that it can be built for one batch size, opened,
and built for others.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sigpb import protos

Tensor = Any
Choose = Callable[[Sequence[Any]], Any]
"""Chooses one of some values."""

# A program is built for all of these. The first that is not the size it is opened from tells which
# sizes are multiples of the batch size.
SIZES = (1, 2, 3, 5)
_MOST_ELEMENTS = 3000


@dataclass(frozen=True)
class Size:
    """A size: a number, or a multiple of the batch size."""

    factor: int
    of_batch: bool = False

    def at(self, batch: int) -> int:
        return self.factor * batch if self.of_batch else self.factor

    def __repr__(self) -> str:
        return f"{self.factor}*n" if self.of_batch else str(self.factor)


Shape = tuple[Size | None, ...]
Build = Callable[[int, list[Tensor]], Tensor]
"""Builds one tensor for a batch size, from those before it."""


@dataclass
class Program:
    """A program, built for several batch sizes at once while it is drawn.

    Attributes:
        choose: Chooses what it consists of.
        shapes: The shapes of its tensors, the input first.
        steps: How to build each of its tensors but the input, and what to call it.
        in_function: Whether its nodes are those of a function that is called.
    """

    choose: Choose
    shapes: list[Shape]
    steps: list[tuple[str, Build]] = field(default_factory=list)
    in_function: bool = False

    def __repr__(self) -> str:
        lines = [f"t0 = x{list(self.shapes[0])}"]
        lines += [
            f"t{number} = {text}  # {list(shape)}"
            for number, ((text, _), shape) in enumerate(
                zip(self.steps, self.shapes[1:], strict=True), 1
            )
        ]
        return "\n".join([*lines, "in a function" if self.in_function else ""])

    def results(self, batch: int, x: Tensor) -> list[Tensor]:
        """Returns all tensors of the program for one batch size."""
        tensors = [x]
        for _, build in self.steps:
            tensors.append(build(batch, tensors))
        return tensors


def tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    return tf


def draw_program(choose: Choose, steps: int) -> Program:
    """Draws a program of at most so many steps."""
    tf = tensorflow()
    inner = choose([(6,), (4,), (2, 3), (3, 2), (1, 4), (4, 4, 1), (2, 2, 2), (1, 3, 2), ()])
    program = Program(choose, [(Size(1, True), *map(Size, inner))])
    program.in_function = choose([False, True])
    graphs = {batch: tf.Graph() for batch in SIZES}
    worlds: dict[int, list[Tensor]] = {}
    for batch, graph in graphs.items():
        with graph.as_default():
            worlds[batch] = [tf.compat.v1.placeholder(tf.float32, [batch, *inner])]
    for _ in range(steps):
        drawn = choose(STEPS)(program)
        if drawn is None:
            continue
        built = {}
        try:
            for batch, graph in graphs.items():
                with graph.as_default():
                    built[batch] = tf.cast(drawn[1](batch, worlds[batch]), tf.float32)
        except (ValueError, TypeError, IndexError, tf.errors.InvalidArgumentError):
            continue
        shape = _shape({batch: tensor.shape.as_list() for batch, tensor in built.items()})
        if shape is None:
            continue
        for batch, tensor in built.items():
            worlds[batch].append(tensor)
        build = drawn[1]
        program.steps.append(
            (drawn[0], lambda n, ts, build=build: tf.cast(build(n, ts), tf.float32))
        )
        program.shapes.append(shape)
    return program


def _shape(shapes: dict[int, list[int | None]]) -> Shape | None:
    """Returns the shape for any batch size, if its sizes are numbers or multiples of that."""
    if len({len(shape) for shape in shapes.values()}) != 1 or len(shapes[1]) > 5:
        return None
    result: list[Size | None] = []
    for axis in range(len(shapes[1])):
        sizes = {batch: shape[axis] for batch, shape in shapes.items()}
        if None in sizes.values():
            result.append(None)
            continue
        first = sizes[1] or 0
        for size in (Size(first), Size(first, True)):
            if all(size.at(batch) == found for batch, found in sizes.items()):
                result.append(size)
                break
        else:
            return None
    if np.prod([1 if size is None else size.at(5) for size in result]) > _MOST_ELEMENTS:
        return None
    return tuple(result)


def graph_of(program: Program, batch: int, stated: bool) -> tuple[protos.GraphDef, list[str]]:
    """Returns the GraphDef of a program for a batch size, and the names of its tensors."""
    tf = tensorflow()
    with tf.Graph().as_default() as graph:
        inner = [size.at(1) for size in program.shapes[0][1:] if size is not None]
        x = tf.compat.v1.placeholder(tf.float32, [batch, *inner], "x")
        if program.in_function:
            called = tf.function(lambda x: program.results(batch, x)[1:], autograph=False)
            tensors = [tf.identity(tensor) for tensor in called(x)]
        else:
            tensors = program.results(batch, x)[1:]
        definition = graph.as_graph_def(add_shapes=stated)
    return protos.GraphDef.FromString(definition.SerializeToString()), [
        tensor.op.name for tensor in tensors
    ]


class Runner:
    """Runs a graph that takes `x`."""

    def __init__(self, definition: protos.GraphDef, fetched: Sequence[str]) -> None:
        tf = tensorflow()
        graph = tf.Graph()
        with graph.as_default():
            whole = tf.compat.v1.GraphDef.FromString(definition.SerializeToString())
            tf.import_graph_def(whole, name="")
        config = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
        )
        rewrite = config.graph_options.rewrite_options
        rewrite.disable_meta_optimizer = True
        self._session = tf.compat.v1.Session(graph=graph, config=config)
        self._fetched = [f"{name}:0" for name in fetched]

    def __call__(self, x: Any) -> list[Any]:
        return list(self._session.run(self._fetched, {"x:0": x}))


# Steps.

Step = tuple[str, Build]
Draw = Callable[[Program], "Step | None"]
STEPS: list[Draw] = []


def step(times: int = 1) -> Callable[[Draw], Draw]:
    """Makes a function one that draws a step; more `times`, more often."""

    def register(draw: Draw) -> Draw:
        STEPS.extend([draw] * times)
        return draw

    return register


def _tensor(p: Program, rank: int | None = None, known: bool = False) -> int:
    """Chooses a tensor, the later ones more often."""
    fits = [
        number
        for number, shape in enumerate(p.shapes)
        if (rank is None or len(shape) >= rank) and not (known and None in shape)
    ]
    return int(p.choose([*fits, *fits[-2:], *fits[-1:]])) if fits else -1


def _axis(p: Program, number: int) -> int:
    return int(p.choose(range(len(p.shapes[number]))))


def sizes_of(tensor: Tensor) -> Tensor:
    """The shape, found out when the graph runs; tf.shape makes a constant where it is known."""
    return tensorflow().raw_ops.Shape(input=tensor)


def values(sizes: Sequence[int], seed: int = 0) -> Any:
    """An array in which elements differ."""
    count = int(np.prod(sizes))
    return np.cos(np.arange(count) * 1.7 + seed + 0.3).reshape(sizes).astype("float32")


def _unary(p: Program) -> Step | None:
    tf = tensorflow()
    names = ["relu", "negative", "square", "softmax", "log_softmax", "zeros_like", "ones_like"]
    name = p.choose([*names, "sigmoid", "identity"])
    t = _tensor(p, 1)
    if t < 0:
        return None
    function = getattr(tf.nn, name, None) or getattr(tf, name)
    return f"{name}(t{t})", lambda n, ts: function(ts[t])


step()(_unary)


@step(2)
def _binary(p: Program) -> Step | None:
    tf = tensorflow()
    name = p.choose(["add", "multiply", "maximum", "subtract", "add_n", "bias_add", "less"])
    t, u = _tensor(p), _tensor(p)

    def build(n: int, ts: list[Tensor]) -> Tensor:
        if name == "add_n":
            return tf.add_n([ts[t], ts[u]])
        return (tf.nn.bias_add if name == "bias_add" else getattr(tf, name))(ts[t], ts[u])

    return f"{name}(t{t}, t{u})", build


def _constant(p: Program, shape: Sequence[Size], rows: bool = True) -> tuple[str, Any]:
    """Chooses a constant that fits a shape; with `rows`, it may be made for the batch size."""
    dims = list(shape[p.choose(range(len(shape) + 1)) :])
    for axis, size in enumerate(dims):
        keep = p.choose([True, False]) and (rows or not size.of_batch)
        dims[axis] = size if keep else Size(1)
    same = p.choose([True, False])

    def make(n: int) -> Any:
        sizes = [size.at(n) for size in dims]
        return np.full(sizes, 0.5, "float32") if same else values(sizes)

    return f"{'half' if same else 'values'}{dims}", make


@step(2)
def _with_constant(p: Program) -> Step | None:
    tf = tensorflow()
    name, t = p.choose(["add", "multiply", "maximum", "divide"]), _tensor(p, known=True)
    text, make = _constant(p, p.shapes[t])  # type: ignore[arg-type]
    swap = p.choose([False, True])

    def build(n: int, ts: list[Tensor]) -> Tensor:
        pair = [ts[t], tf.constant(make(n)) + 1.5 if name == "divide" else tf.constant(make(n))]
        return getattr(tf, name)(*(pair[::-1] if swap and name != "divide" else pair))

    return f"{name}(t{t}, {text})", build


@step(2)
def _reduce(p: Program) -> Step | None:
    tf = tensorflow()
    name, t = p.choose(["sum", "mean", "max", "prod", "any", "all"]), _tensor(p, 1)
    if t < 0:
        return None
    axes = p.choose(
        [None, *([axis] for axis in range(len(p.shapes[t]))), [-1, 0][: len(p.shapes[t])]]
    )
    keep = p.choose([False, True])

    def build(n: int, ts: list[Tensor]) -> Tensor:
        operand = ts[t] > 0.2 if name in ("any", "all") else ts[t]
        return getattr(tf, f"reduce_{name}")(operand, axes, keepdims=keep)

    return f"reduce_{name}(t{t}, {axes}, {keep})", build


@step()
def _along(p: Program) -> Step | None:
    tf = tensorflow()
    names = ["cumsum", "cumprod", "reverse", "argmax", "argmin", "roll", "softmax", "l2_normalize"]
    name, t = p.choose(names), _tensor(p, 1)
    if t < 0:
        return None
    axis = _axis(p, t)

    def build(n: int, ts: list[Tensor]) -> Tensor:
        if name == "roll":
            return tf.roll(ts[t], 1, axis)
        if name == "reverse":
            return tf.reverse(ts[t], [axis])
        module = tf.nn if name in ("softmax", "l2_normalize") else tf.math
        return getattr(module, name)(ts[t], axis)

    return f"{name}(t{t}, {axis})", build


@step()
def _last(p: Program) -> Step | None:
    tf = tensorflow()
    name, t = p.choose(["top_k", "top_k_indices", "sort", "l2_loss"]), _tensor(p, 1)
    if t < 0:
        return None

    def build(n: int, ts: list[Tensor]) -> Tensor:
        if name == "l2_loss":
            return tf.nn.l2_loss(ts[t])
        if name == "sort":
            return tf.sort(ts[t])
        return tf.math.top_k(ts[t], 1)[0 if name == "top_k" else 1]

    return f"{name}(t{t})", build


@step(4)
def _reshape(p: Program) -> Step | None:
    """Other sizes with the same product: the batch where it may be, and one to be inferred."""
    tf = tensorflow()
    t = _tensor(p, known=True)
    shape = [size for size in p.shapes[t] if size is not None]
    batches = sum(size.of_batch for size in shape)
    factors = [f for size in shape for f in _prime_factors(size.factor)]
    target: list[Size] = []
    if not p.choose([True, False, False, False]):
        while factors:
            count = p.choose(range(1, len(factors) + 1))
            target.append(Size(int(np.prod(factors[:count]))))
            factors = factors[count:]
    else:
        target = [Size(size.factor) for size in shape]
        target = p.choose(list(itertools.permutations(target))[:24])
        target = list(target)
    for _ in range(p.choose([0, 0, 1, 2])):
        target.insert(p.choose(range(len(target) + 1)), Size(1))
    for _ in range(batches):
        place = p.choose([*[0] * 3, *range(len(target) + 1)])
        if target and place < len(target) and p.choose([False, True]):
            if not target[place].of_batch:
                target[place] = Size(target[place].factor, True)
                continue
            return None
        target.insert(place, Size(1, True))
    inferred = p.choose([None, None, *range(len(target))])
    computed = p.choose([False, False, False, True])

    def build(n: int, ts: list[Tensor]) -> Tensor:
        sizes: list[Any] = [size.at(n) for size in target]
        if inferred is not None:
            sizes[inferred] = -1
        if computed:
            sizes = [
                sizes_of(ts[0])[0] * size.factor if size.of_batch and each != -1 else each
                for size, each in zip(target, sizes, strict=True)
            ]
        return tf.reshape(ts[t], sizes)

    text = [(-1 if place == inferred else size) for place, size in enumerate(target)]
    return f"reshape(t{t}, {text}{', computed' if computed else ''})", build


def _prime_factors(number: int) -> list[int]:
    found = []
    for prime in (2, 3, 5, 7):
        while number and number % prime == 0:
            found.append(prime)
            number //= prime
    return [*found, number] if number > 1 else found


@step(2)
def _transpose(p: Program) -> Step | None:
    tf = tensorflow()
    t = _tensor(p, 2)
    if t < 0:
        return None
    order = p.choose(list(itertools.permutations(range(len(p.shapes[t]))))[:24])
    return f"transpose(t{t}, {order})", lambda n, ts: tf.transpose(ts[t], order)


@step(3)
def _join(p: Program) -> Step | None:
    tf = tensorflow()
    name, t = p.choose(["concat", "stack"]), _tensor(p, 1, known=True)
    if t < 0:
        return None
    shape = p.shapes[t]
    axis = p.choose(range(len(shape) + (name == "stack")))
    equal = [number for number, other in enumerate(p.shapes) if len(other) == len(shape)]
    u = p.choose([None, t, *equal])
    text, make = f"t{u}", None
    if u is None:
        dims = [
            Size(1) if place == axis and name == "concat" and p.choose([True, False]) else size
            for place, size in enumerate(shape)
        ]
        same = p.choose([True, False])
        text = f"{'half' if same else 'values'}{dims}"

        def make(n: int) -> Any:
            sizes = [size.at(n) for size in dims]
            return np.full(sizes, 0.5, "float32") if same else values(sizes)

    first = p.choose([True, False])

    def build(n: int, ts: list[Tensor]) -> Tensor:
        pair = [ts[t], ts[u] if make is None else tf.constant(make(n))]
        return getattr(tf, name)(pair if first else pair[::-1], axis)

    return f"{name}({'' if first else 'reversed '}t{t}, {text}, axis={axis})", build


@step()
def _apart(p: Program) -> Step | None:
    tf = tensorflow()
    name, t = p.choose(["unstack", "split"]), _tensor(p, 1)
    if t < 0:
        return None
    axis = _axis(p, t)

    def build(n: int, ts: list[Tensor]) -> Tensor:
        return (tf.unstack(ts[t], axis=axis) if name == "unstack" else tf.split(ts[t], 2, axis))[-1]

    return f"{name}(t{t}, {axis})[-1]", build


@step(2)
def _repeat(p: Program) -> Step | None:
    tf = tensorflow()
    name, t = p.choose(["tile", "broadcast_to", "repeat"]), _tensor(p, 1, known=True)
    if t < 0:
        return None
    if name == "repeat":
        axis = _axis(p, t)
        return f"repeat(t{t}, 2, {axis})", lambda n, ts: tf.repeat(ts[t], 2, axis)
    options = [Size(1), Size(1), Size(2), Size(1, True)]
    times = [p.choose(options) for _ in p.shapes[t]]
    computed = p.choose([False, True])

    def build(n: int, ts: list[Tensor]) -> Tensor:
        batch = sizes_of(ts[0])[0] if computed else n
        if name == "tile":
            return tf.tile(ts[t], [s.factor * batch if s.of_batch else s.factor for s in times])
        sizes = [s.at(n) * int(d) for s, d in zip(times, ts[t].shape, strict=True)]
        return tf.broadcast_to(ts[t], sizes)

    return f"{name}(t{t}, times {times}{', computed' if computed else ''})", build


@step(3)
def _slices(p: Program) -> Step | None:
    """A Python slice with an entry for each of the first dimensions."""
    t = _tensor(p, 1, known=True)
    if t < 0:
        return None
    entries, texts = [], []
    options = [":", ":", ":", "index", "new", "...", "reversed", "first", "rest", "all", "step"]
    for size in p.shapes[t][: p.choose(range(1, len(p.shapes[t]) + 1))]:
        assert size is not None
        kind = p.choose(options)
        number = p.choose([0, 1, 2]) if kind in ("index", "first", "rest") else 0
        entries.append((kind, number, size))
        texts.append(f"{kind} {number}" if number else kind)

    def build(n: int, ts: list[Tensor]) -> Tensor:
        tf = tensorflow()
        made = {
            ":": lambda number, size: slice(None),
            "index": lambda number, size: number,
            "new": lambda number, size: tf.newaxis,
            "...": lambda number, size: ...,
            "reversed": lambda number, size: slice(None, None, -1),
            "first": lambda number, size: slice(None, number),
            "rest": lambda number, size: slice(number, None),
            "all": lambda number, size: slice(0, size.at(n)),
            "step": lambda number, size: slice(None, None, 2),
        }
        return ts[t][tuple(made[kind](number, size) for kind, number, size in entries)]

    return f"t{t}[{', '.join(texts)}]", build


@step()
def _block(p: Program) -> Step | None:
    """A Slice."""
    tf = tensorflow()
    t = _tensor(p, 1, known=True)
    if t < 0:
        return None
    begin = [p.choose([0, 0, 0, 1]) for _ in p.shapes[t]]
    sizes: list[Size] = []
    for start, size in zip(begin, p.shapes[t], strict=True):
        assert size is not None
        whole = [Size(-1), Size(-1)] if start else [Size(-1), size]
        sizes.append(p.choose([*whole, Size(1)]))

    def build(n: int, ts: list[Tensor]) -> Tensor:
        return tf.slice(ts[t], begin, [size.at(n) for size in sizes])

    return f"slice(t{t}, {begin}, {sizes})", build


@step()
def _pad(p: Program) -> Step | None:
    tf = tensorflow()
    t = _tensor(p, 1)
    if t < 0:
        return None
    amounts = [p.choose([[0, 0], [0, 0], [1, 0], [0, 2]]) for _ in p.shapes[t]]
    return f"pad(t{t}, {amounts})", lambda n, ts: tf.pad(ts[t], amounts)


@step(2)
def _gather(p: Program) -> Step | None:
    """Entries of a tensor by numbers that are constant, computed from another, or of the batch."""
    tf = tensorflow()
    t, u, c = (
        _tensor(p, 1, known=True),
        _tensor(p, 1),
        p.choose(["[0]", "[0, 0]", "t", "range", "+"]),
    )
    if t < 0 or u < 0:
        return None
    axis = _axis(p, t)
    dims = p.choose([0, 0, 0, 1])

    def build(n: int, ts: list[Tensor]) -> Tensor:
        size = ts[t].shape[axis]
        chosen = tf.cast(tf.abs(ts[u]) * 7, tf.int32) % (int(size) or 1)
        numbers = {
            "[0]": lambda: tf.constant([0]),
            "[0, 0]": lambda: tf.constant([0, 0]),
            "t": lambda: chosen,
            "range": lambda: tf.range(n),
            "+": lambda: tf.range(sizes_of(ts[0])[0]),
        }[c]()
        return tf.gather(ts[t], numbers, axis=max(axis, dims), batch_dims=dims)

    return f"gather(t{t}, {c} (t{u}), axis={axis}, batch_dims={dims})", build


@step()
def _gather_nd(p: Program) -> Step | None:
    tf = tensorflow()
    t, u, dims = _tensor(p, 1, known=True), _tensor(p, 2, known=True), p.choose([0, 0, 1])
    if t < 0 or u < 0:
        return None

    def build(n: int, ts: list[Tensor]) -> Tensor:
        places = tf.cast(tf.abs(ts[u][..., :1]) * 7, tf.int32) % int(ts[t].shape[dims])
        return tf.gather_nd(ts[t], places, batch_dims=dims)

    return f"gather_nd(t{t}, t{u}, batch_dims={dims})", build


@step()
def _one_hot(p: Program) -> Step | None:
    tf = tensorflow()
    t = _tensor(p)
    axis = p.choose([-1, 0])
    return f"one_hot(t{t}, {axis})", lambda n, ts: tf.one_hot(
        tf.cast(ts[t] * 3, tf.int32), 3, axis=axis
    )


@step(2)
def _product(p: Program) -> Step | None:
    tf = tensorflow()
    t, u = _tensor(p, 2), _tensor(p, 2)
    if t < 0 or u < 0:
        return None
    a, b = p.choose([False, True]), p.choose([False, True])
    return (
        f"matmul(t{t}, t{u}, {a}, {b})",
        lambda n, ts: tf.matmul(ts[t], ts[u], transpose_a=a, transpose_b=b),
    )


@step(2)
def _dense(p: Program) -> Step | None:
    tf = tensorflow()
    t = _tensor(p, 2, known=True)
    if t < 0:
        return None
    left = p.choose([False, False, True])
    rows = p.shapes[t][-2] if left else p.shapes[t][-1]
    assert rows is not None

    def build(n: int, ts: list[Tensor]) -> Tensor:
        kernel = tf.constant(values([2, rows.at(n)] if left else [rows.at(n), 2]))
        return tf.matmul(kernel, ts[t]) if left else tf.matmul(ts[t], kernel)

    return f"{'2 columns @ ' if left else ''}t{t}{'' if left else ' @ 2 columns'}", build


@step()
def _einsum(p: Program) -> Step | None:
    tf = tensorflow()
    t, u = _tensor(p, 2), _tensor(p, 2)
    if t < 0 or u < 0:
        return None
    equation = p.choose(
        ["ab,cb->ac", "ab,ab->a", "ab,ab->b", "abc,abd->acd", "abc,cd->abd", "...a,...a->...",
         "ab,ab->ba", "abc,dbc->ad"]
    )  # fmt: skip
    return f"einsum({equation!r}, t{t}, t{u})", lambda n, ts: tf.einsum(equation, ts[t], ts[u])


@step(2)
def _picture(p: Program) -> Step | None:
    tf = tensorflow()
    names = [
        "conv",
        "pool",
        "norm",
        "statistics",
        "statistics",
        "resize",
        "blocks",
        "depth",
        "batches",
    ]
    name, t = p.choose(names), _tensor(p, 4)
    if t < 0:
        return None

    def build(n: int, ts: list[Tensor]) -> Tensor:
        channels = int(ts[t].shape[-1])
        ones = values([channels]) + 2
        if name == "conv":
            return tf.nn.conv2d(ts[t], values([2, 2, channels, 2]), 1, "SAME")
        if name == "pool":
            return tf.nn.max_pool2d(ts[t], 2, 1, "SAME")
        if name == "resize":
            return tf.image.resize(ts[t], [2, 2], "nearest")
        if name == "depth":
            return tf.nn.space_to_depth(ts[t], 2)
        if name == "blocks":
            return tf.space_to_batch(ts[t], [2, 2], [[0, 0], [0, 0]])
        if name == "batches":
            return tf.batch_to_space(ts[t], [2, 1], [[0, 0], [0, 0]])
        train = name == "statistics"
        given = {} if train else {"mean": ones, "variance": ones}
        norm = tf.compat.v1.nn.fused_batch_norm
        return norm(ts[t], ones, ones, is_training=train, **given)[0]

    return f"{name}(t{t})", build


@step(2)
def _dimensions(p: Program) -> Step | None:
    tf = tensorflow()
    name, t = p.choose(["expand_dims", "squeeze", "squeeze all"]), _tensor(p)
    axis = p.choose(range(len(p.shapes[t]) + (name == "expand_dims"))) if p.shapes[t] else 0

    def build(n: int, ts: list[Tensor]) -> Tensor:
        if name == "expand_dims":
            return tf.expand_dims(ts[t], axis)
        return tf.squeeze(ts[t], [axis] if name == "squeeze" else None)

    return f"{name}(t{t}, {axis})", build


@step(3)
def _computed(p: Program) -> Step | None:
    """What is made of the shape of a tensor."""
    tf = tensorflow()
    t = _tensor(p, 1)
    if t < 0:
        return None
    axis = _axis(p, t)
    name = p.choose(
        ["size", "sizes", "elements", "range", "literal range", "zeros", "fill", "one more",
         "divided", "reshaped", "mean", "rank", "broadcast", "numbers", "eye"]
    )  # fmt: skip
    size, static = p.shapes[t][axis], p.choose([True, False, False])
    if name in ("literal range", "eye") and size is None:
        return None

    def build(n: int, ts: list[Tensor]) -> Tensor:
        sizes = tf.shape(ts[t]) if static else sizes_of(ts[t])
        return {
            "size": lambda: sizes[axis],
            "sizes": lambda: sizes,
            "elements": lambda: tf.reduce_prod(sizes),
            "range": lambda: tf.range(sizes[axis]),
            "literal range": lambda: tf.range(size.at(n) if size else 0),
            "zeros": lambda: tf.zeros(sizes),
            "fill": lambda: tf.fill([sizes[axis], 2], 0.5),
            "one more": lambda: sizes[axis] + 1,
            "divided": lambda: ts[t] / tf.cast(sizes[axis], tf.float32),
            "reshaped": lambda: tf.reshape(ts[t], [sizes[0], -1]),
            "mean": lambda: tf.reduce_sum(ts[t]) / tf.cast(tf.reduce_prod(sizes), tf.float32),
            "rank": lambda: tf.rank(ts[t]),
            "broadcast": lambda: tf.broadcast_to(0.5, sizes),
            "numbers": lambda: tf.reshape(tf.range(tf.reduce_prod(sizes)), sizes),
            "eye": lambda: tf.eye(size.at(n) if size else 1),
        }[name]()

    return f"{name}(t{t}, {axis})", build


@step(2)
def _choice(p: Program) -> Step | None:
    tf = tensorflow()
    name = p.choose(["where", "where", "mask", "places", "select", "unique"])
    t, u, v = _tensor(p, 1), _tensor(p), _tensor(p)
    if t < 0:
        return None
    rank = p.choose(range(1, len(p.shapes[t]) + 1))

    def build(n: int, ts: list[Tensor]) -> Tensor:
        if name == "where":
            return tf.where(ts[t] > 0.1, ts[u], ts[v])
        if name == "select":
            return tf.compat.v1.where(ts[t] > 0.1, ts[u], ts[v])
        if name == "places":
            return tf.where(ts[t] > 0.1)
        if name == "unique":
            return tf.unique(tf.reshape(tf.cast(ts[t] * 3, tf.int32), [-1]))[0]
        flags = tf.reduce_max(ts[t], list(range(rank, ts[t].shape.rank))) > 0.1
        return tf.boolean_mask(ts[u], flags)

    return f"{name}(t{t}, t{u}, t{v}; {rank})", build


@step()
def _control(p: Program) -> Step | None:
    tf = tensorflow()
    name, t = p.choose(["while", "cond", "calls", "until"]), _tensor(p, known=True)
    text, make = _constant(p, p.shapes[t])  # type: ignore[arg-type]

    def build(n: int, ts: list[Tensor]) -> Tensor:
        x = ts[t]
        if name == "calls":
            inner = tf.function(lambda a: a * make(n) + 1.0, autograph=False)
            return inner(inner(x) * 0.5)
        if name == "cond":
            return tf.cond(tf.reduce_any(x > 0.2), lambda: x * 2.0, lambda: x + 1.0)
        if name == "until":
            return tf.while_loop(
                lambda i, a: (i < 3) & tf.reduce_all(a < 1), lambda i, a: (i + 1, a + 0.4), (0, x)
            )[1]
        return tf.while_loop(
            lambda i, a: i < 2, lambda i, a: (i + 1, tf.tanh(a + x)), (0, tf.constant(make(n)))
        )[1]

    return f"{name}(t{t}, {text})", build
