"""Ops that treat every element alike: one operand, or several that are broadcast."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import replace

from sigpb.batch_size.rules.agreement import agreed, broadcast, equal_shapes
from sigpb.batch_size.rules.operation import Operation, Refusal, rule
from sigpb.batch_size.rules.sizes import (
    Dim,
    Dims,
    can_be_equal,
    divide,
    known,
    multiply,
    otherwise,
    text,
    with_batch,
)
from sigpb.batch_size.rules.values import INT32, INT64, Tensor
from sigpb.tf.ops import PASSING

_UNARY = (
    "Abs Acos Acosh Angle AsString Asin Asinh Atan Atanh BoostedTreesBucketize Bucketize "
    "BucketizeWithInputBoundaries Cast Ceil CheckNumerics ComplexAbs Conj Cos Cosh DebugIdentity "
    "DecodeBase64 Digamma Elu EncodeBase64 EnsureShape Erf Erfc Erfinv Exp Expm1 "
    "FakeQuantWithMinMaxArgs Floor GuaranteeConst Identity Imag Inv Invert IsFinite IsInf IsNan "
    "LeakyRelu Lgamma Log Log1p LogicalNot Ndtri Neg PlaceholderWithDefault "
    "PreventGradient Real Reciprocal Relu Relu6 "
    "Rint Round Rsqrt Selu Sigmoid Sign Sin Sinh Snapshot Softplus Softsign Sqrt Square "
    "StaticRegexFullMatch StaticRegexReplace StopGradient StringLength StringLower StringStrip "
    "StringToHashBucket StringToHashBucketFast StringToHashBucketStrong StringToNumber "
    "StringUpper Tan Tanh UnicodeScript UnicodeTranscode"
)

_BINARY = (
    "Add AddV2 ApproximateEqual Atan2 Betainc BitwiseAnd BitwiseOr BitwiseXor Complex Div DivNoNan "
    "Equal FloorDiv FloorMod Greater GreaterEqual Igamma Igammac LeftShift Less LessEqual "
    "LogicalAnd LogicalOr Maximum Minimum Mod Mul MulNoNan NextAfter NotEqual Polygamma Pow "
    "RealDiv RightShift SelectV2 SquaredDifference Sub TruncateDiv TruncateMod Xdivy Xlog1py "
    "Xlogy Zeta"
)

_GRADIENTS = (
    "EluGrad InvGrad LeakyReluGrad ReciprocalGrad Relu6Grad ReluGrad RsqrtGrad SeluGrad "
    "SigmoidGrad SoftplusGrad SoftsignGrad SqrtGrad TanhGrad"
)

_ARITHMETIC: dict[str, Callable[[Dim, Dim], Dim]] = {
    "Add": otherwise(lambda a, b: a + b),
    "AddV2": otherwise(lambda a, b: a + b),
    "Sub": otherwise(lambda a, b: a - b),
    "Mul": lambda a, b: multiply((a, b)),
    "FloorDiv": divide,
    "Maximum": otherwise(max),
    "Minimum": otherwise(min),
    "FloorMod": otherwise(lambda a, b: a % b if b else 0),
}
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "Equal": operator.eq,
    "Greater": operator.gt,
    "GreaterEqual": operator.ge,
    "Less": operator.lt,
    "LessEqual": operator.le,
    "NotEqual": operator.ne,
}
_KEEP_VALUE = PASSING | {"Cast", "EnsureShape"}
_INTEGERS = {INT32, INT64}


@rule(*_UNARY.split(), checks=True, any_rank=True)
def unary(op: Operation) -> Tensor:
    """Each element of the result comes from the element at the same place."""
    tensor = op.operands[0]
    if any(operand.follows_batch for operand in op.operands[1:]):
        raise Refusal("it takes something else than its first operand from the batch")
    if "shape" in op.node.attr:  # of EnsureShape and PlaceholderWithDefault
        stated = op.stated_shape("shape")
        op.shapes["shape"] = [None if stated is None else with_batch(stated, op.dims(0))]
    if op.node.op == "Identity":
        return tensor
    if op.node.op not in _KEEP_VALUE:
        return Tensor(tensor.shape)
    if op.node.op == "Cast" and op.type("DstT") not in _INTEGERS:
        return Tensor(tensor.shape)
    return Tensor(tensor.shape, tensor.value)


@rule("OnesLike", "ZerosLike")
def like(op: Operation) -> Tensor:
    """Takes the shape only."""
    op.understand(0)
    return Tensor(op.dims(0))


@rule("QuantizeAndDequantize", "QuantizeAndDequantizeV4")
def quantize(op: Operation) -> Tensor:
    """Each element by itself, if the range is given; otherwise it is that of all elements."""
    mixes = not op.flag("range_given")
    op.refuse_to_open(mixes, "it looks for the smallest and the largest element of the whole batch")
    return Tensor(op.dims(0))


@rule("Bitcast", checks=True)
def bitcast(op: Operation) -> Tensor:
    """Keeps the shape, if the elements stay as large as they are."""
    op.require(None)  # The last size may become part of an element, or be made of one.
    if op.stated is None or len(op.stated) != len(op.dims(0)):
        raise Refusal("the size of its elements may change, and its shape with it")
    return Tensor(op.dims(0))


@rule("IdentityN", checks=True, any_rank=True)
def identity_n(op: Operation) -> Sequence[Tensor]:
    """The results are the operands."""
    op.understand_all()
    return op.operands


@rule(*_BINARY.split(), checks=True, any_rank=True)
def broadcast_op(op: Operation) -> Tensor:
    """Shapes are aligned at their ends, and sizes of one are repeated."""
    shape = broadcast(op, [(number, op.dims(number)) for number in range(len(op.operands))])
    if op.size == 1 and op.node.op in ("Add", "AddV2", "Mul", "Sub"):
        _check_numbers(op, shape)
    return Tensor(shape, _result(op, shape))


def _check_numbers(op: Operation, shape: Dims) -> None:
    """Refuses to compute with what may be the numbers of the examples, which was one: 0."""
    if op.type("T") not in _INTEGERS:
        return
    for number, operand in enumerate(op.operands):
        dims = op.dims(number)
        place = Tensor(shape).axis
        if operand.follows_batch or place is None or place < len(shape) - len(dims):
            continue
        if not operand.value or not any(operand.value):
            raise Refusal(
                f"its operand {op.spelling(number)!r} may be the number of the example in the batch"
            )


@rule("ClipByValue")
def clip(op: Operation) -> Tensor:
    """The limits are scalars, or of the same shape."""
    return Tensor(broadcast(op, [(number, op.dims(number)) for number in range(3)]))


@rule("BiasAdd", "BiasAddV1", checks=True)
def bias_add(op: Operation) -> Tensor:
    """A vector is added to the channels.

    Keras 3 takes what it adds for a vector of channels if it is one row, as with a batch of one:
    it squeezes it, and adds it like that (keras/src/backend/tensorflow/numpy.py).
    """
    if op.operands[1].lost_batch:
        if len(op.dims(0)) != 2:
            raise Refusal(f"it adds one example to shape {text(op.dims(0))}")
        op.computed_by = "AddV2"
        return Tensor(broadcast(op, [(0, op.dims(0)), (1, op.dims(1))]))
    dims = op.dims(0)
    axis = op.channel_axis(len(dims))
    vector = op.operands[1].shape or (dims[axis],)
    op.require(None if op.operands[1].shape is None or len(op.dims(1)) != 1 else True)
    agreed(op, [[(0, axis, dims[axis]), (1, 0, vector[0])]])
    return Tensor(dims)


@rule("AccumulateNV2", "AddN", "Select", checks=True)
@rule(*_GRADIENTS.split())
def same_shapes(op: Operation) -> Tensor:
    """The shapes have to be equal; a condition of Select may be a vector or scalar."""
    first = 0
    if op.node.op == "Select":
        condition, shape = op.dims(0), op.dims(1)
        first = 0 if len(condition) == len(shape) else 1
        op.require(not first or not condition or len(condition) == 1 < len(shape))
        if len(condition) == 1 and first == 1:
            agreed(op, [[(0, 0, condition[0]), (1, 0, shape[0])]])
    result = Tensor(tuple(equal_shapes(op, range(first, len(op.operands)))))
    if op.node.op == "Select" and first and op.dims(0):
        op.require(can_be_equal([*op.dims(0), op.dims(2)[0]]))
    if op.node.op == "Select" and first and op.dims(0) == () and len(result.shape or ()) <= 1:
        for is_true in known(op.operands[0].value or ()) or ():
            return replace(result, value=op.operands[1 if is_true else 2].value)
    return result


def _result(op: Operation, shape: Dims) -> Dims | None:
    """Returns the value of arithmetic on integers."""
    name = op.node.op
    if (name not in _ARITHMETIC and name not in _COMPARISONS) or len(shape) > 1:
        return None
    left, right = op.operands[0].value, op.operands[1].value
    if left is None or right is None:
        return None
    count = max(len(left), len(right))
    if len(left) not in (1, count) or len(right) not in (1, count):
        return None
    lefts = left * count if len(left) == 1 else left
    rights = right * count if len(right) == 1 else right
    if name in _COMPARISONS:  # Only what does not depend on the batch is known beforehand.
        pairs = [known(pair) for pair in zip(lefts, rights, strict=True)]
        answers = [int(_COMPARISONS[name](*pair)) for pair in pairs if pair is not None]
        return tuple(answers) if len(answers) == len(pairs) else None
    calculate = _ARITHMETIC[name]
    return tuple(calculate(a, b) for a, b in zip(lefts, rights, strict=True))
