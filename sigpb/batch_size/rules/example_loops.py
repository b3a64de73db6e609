"""Loops that go through the examples of the batch, one in each round, as `tf.map_fn` does.

A round sees one example, whose shape is the same for every batch size, so that nothing in the body
has to change; but there have to be as many rounds as examples. What an example gives must not
depend on the others or on its own number: the number of the round may only count rounds, read the
tensors of the batch and write results, and nothing else may be handed from round to round
(tensorflow/python/ops/map_fn.py, tensorflow/python/ops/while_v2.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sigpb import protos
from sigpb.batch_size.order import data_inputs
from sigpb.batch_size.rules.operation import COUNT, Demand, Operation, Refusal, Wanted
from sigpb.batch_size.rules.sizes import Batch, Dim, has_batch, same, write_shape
from sigpb.batch_size.rules.values import INT32, Tensor, constant
from sigpb.tf.called_functions import functions_in_attributes, nodes_by_name
from sigpb.tf.fresh_names import TakenNames
from sigpb.tf.stated_shapes import OUTPUT_SHAPES, stated_shape
from sigpb.tf.tensor_names import producer

_ONE_EACH = Batch()

_LENGTH = "sigpb_length"

# Stateful ops that leave nothing behind for the next round.
_HARMLESS = {
    "Assert", "LookupTableFind", "LookupTableFindV2", "PrintV2", "RandomShuffle",
    "RandomStandardNormal", "RandomUniform", "RandomUniformInt", "ReadVariableOp",
    "ResourceGather", "ResourceGatherNd", "TruncatedNormal", "VarHandleOp",
}  # fmt: skip
_CALLS = {"Case", "If", "StatefulPartitionedCall", "While"}


def has_list_of_examples(operands: Sequence[Tensor]) -> bool:
    """Whether there is a list with a tensor for each example among some operands."""
    return any(operand.count == _ONE_EACH for operand in operands)


def follow(op: Operation) -> list[Tensor]:
    """Returns the variables of a loop through the examples as they are at its end.

    Args:
        op: A While, which receives changes.

    Raises:
        Refusal: It is no such loop, or its rounds depend on each other.
        Demand: Lists that it reads or writes have to hold a tensor for each example.
    """
    return _ExampleLoop(op).follow()


class _Function:
    """The body or the condition of a loop.

    Attributes:
        definition: The function.
        nodes: Its nodes by name.
        places: The positions of its arguments by their names.
        results: What it returns, spelled as the node does that computes it.
    """

    def __init__(self, definition: protos.FunctionDef) -> None:
        signature = definition.signature
        self.definition = definition
        self.nodes = nodes_by_name(definition.node_def)
        self.places = {argument.name: i for i, argument in enumerate(signature.input_arg)}
        self.results = [self.origin(definition.ret[each.name]) for each in signature.output_arg]
        self._users: dict[str, list[tuple[protos.NodeDef, int]]] = defaultdict(list)
        for node in definition.node_def:
            if node.op != "Identity":
                for number, spelled in enumerate(data_inputs(node)):
                    self._users[producer(self.origin(spelled))].append((node, number))

    def origin(self, spelled: str) -> str:
        """Returns the tensor that is handed on under a name."""
        node = self.nodes.get(producer(spelled))
        if node is None:
            return producer(spelled)
        return self.origin(node.input[0]) if node.op == "Identity" else spelled

    def node(self, spelled: str) -> protos.NodeDef:
        """Returns the node that a tensor comes from; an empty one for an argument."""
        return self.nodes.get(producer(self.origin(spelled)), protos.NodeDef())

    def argument(self, spelled: str) -> int | None:
        """Returns the position of the argument that a tensor is; None if it is computed."""
        return self.places.get(self.origin(spelled))

    def users(self, name: str) -> list[tuple[protos.NodeDef, int]]:
        """Returns the nodes that take a tensor of a node or argument, and as which operand."""
        return self._users.get(name, [])

    def number(self, spelled: str) -> int | None:
        """Returns the first element of a constant of integers, or None."""
        node = self.node(spelled)
        value = constant(node).value if node.op == "Const" else None
        first = value[0] if value else None
        return first if isinstance(first, int) else None

    def names(self, position: int) -> str:
        """Returns the name of an argument."""
        return self.definition.signature.input_arg[position].name


class _ExampleLoop:
    """The work of one call of `follow`."""

    def __init__(self, op: Operation) -> None:
        self._op = op
        self._body = _Function(op.function(op.node.attr["body"].func.name))
        self._cond = _Function(op.function(op.node.attr["cond"].func.name))
        self._counters: set[int] = set()
        self._written: dict[int, protos.NodeDef] = {}
        self._limits: set[int] = set()
        self._built_in: list[str] = []
        """Nodes of the condition that compare with a number of rounds which is built in."""

    def follow(self) -> list[Tensor]:
        self._find_variables()
        self._find_limits()
        self._check_counters()
        read = self._check_operands()
        self._check_effects(self._body.definition.node_def, set())
        self._demand([*read, *self._written])
        state = [self._after(k, operand) for k, operand in enumerate(self._op.operands)]
        for k in self._limits:
            if self._op.operands[k].value != (_ONE_EACH,):
                self._op.replaced[k] = (_ONE_EACH,)
        self._op.exchanged["cond"] = (self._condition(read), tuple(state))
        self._op.exchanged["body"] = (self._relaxed_body(), tuple(state))
        return state

    def _find_variables(self) -> None:
        """Tells what becomes of each variable in a round."""
        for k, result in enumerate(self._body.results):
            node = self._body.node(result)
            if self._body.argument(result) == k:
                continue
            if self._is_next(node, k) and self._op.operands[k].value == (0,):
                self._counters.add(k)
            elif node.op == "TensorListSetItem" and self._body.argument(node.input[0]) == k:
                self._written[k] = node
            else:
                name = self._body.names(k)
                raise Refusal(f"its variable {name!r} is handed from one example to the next")

    def _is_next(self, node: protos.NodeDef, k: int) -> bool:
        if node.op not in ("Add", "AddV2"):
            return False
        left, right = node.input[:2]
        return (self._body.argument(left) == k and self._is_one(right)) or (
            self._body.argument(right) == k and self._is_one(left)
        )

    def _is_one(self, spelled: str) -> bool:
        """Whether a number in the body is 1 in every round."""
        k = self._body.argument(spelled)
        if k is None:
            return self._body.number(spelled) == 1
        return self._op.operands[k].value == (1,)

    def _find_limits(self) -> None:
        for node in self._conjuncts(self._cond.results[0]):
            counter, limit = (self._cond.argument(each) for each in node.input[:2])
            number: Dim = self._cond.number(node.input[1])
            if limit is not None:
                value = self._op.operands[limit].value
                number = value[0] if value else None
            fits = self._is_count(number)
            if counter not in self._counters or not fits:
                raise Refusal("it is not known to have a round for each example")
            if limit is None:
                self._built_in.append(node.name)
            else:
                self._limits.add(limit)

    def _conjuncts(self, spelled: str) -> Iterator[protos.NodeDef]:
        node = self._cond.node(spelled)
        if node.op == "LogicalAnd":
            for each in node.input[:2]:
                yield from self._conjuncts(each)
        elif node.op == "Less":
            yield node
        else:
            raise Refusal("sigpb cannot determine that it ends when all examples are through")

    def _is_count(self, number: Dim) -> bool:
        """Whether a number is that of the examples."""
        return same(number, _ONE_EACH) or self._op.is_size(number, _ONE_EACH)

    def _check_counters(self) -> None:
        """Sees that the number of an example is used for nothing but to find and to keep it."""
        for k in self._counters:
            for node, number in self._body.users(self._body.names(k)):
                is_step = any(self._is_next(node, other) for other in self._counters)
                users = self._body.users(node.name) if is_step or node.op == "Pack" else []
                fits = (
                    all(self._is_bound(*user) for user in users)
                    if is_step
                    else bool(users) and number == 0 and all(self._is_bound(*u) for u in users)
                    if node.op == "Pack"
                    else self._is_access(node, number)
                )
                if not fits:
                    raise Refusal(
                        f"its body uses the number of the example, in {node.op} {node.name!r}"
                    )

    def _is_bound(self, node: protos.NodeDef, number: int) -> bool:
        """Whether an operand only says where a slice of one example is."""
        if node.op == "Pack":
            users = self._body.users(node.name)
            return number == 0 and all(i == 2 and self._is_row(user) for user, i in users)
        return number in (1, 2) and self._is_row(node)

    def _is_access(self, node: protos.NodeDef, number: int) -> bool:
        """Whether an operand only says which tensor of a list or of the batch is meant."""
        if number != 1:
            return False
        if node.op == "TensorListSetItem":
            return any(node.name == written.name for written in self._written.values())
        is_list = node.op == "TensorListGetItem" and self._body.argument(node.input[0]) is not None
        return is_list or self._is_gathered(node)

    def _is_batch(self, spelled: str) -> bool:
        """Whether a tensor is an argument with a row for each example."""
        k = self._body.argument(spelled)
        dims = () if k is None else self._op.operands[k].shape or ()
        return dims[:1] == (_ONE_EACH,) and not has_batch(dims[1:])

    def _is_counter(self, spelled: str) -> bool:
        return self._body.argument(spelled) in self._counters

    def _is_gathered(self, node: protos.NodeDef) -> bool:
        """Whether a node looks one example up by the number of the round."""
        if node.op not in ("Gather", "GatherV2") or not self._is_batch(node.input[0]):
            return False
        if not self._is_counter(node.input[1]):
            return False
        along_rows = node.op == "Gather" or self._body.number(node.input[2]) == 0
        return along_rows and not _integer(node, "batch_dims")

    def _is_row(self, node: protos.NodeDef) -> bool:
        """Whether a node takes one example by the number of the round, as ``x[i]`` does."""
        if node.op != "StridedSlice" or not self._is_batch(node.input[0]):
            return False
        begin = self._body.node(node.input[1])
        others = ("begin_mask", "ellipsis_mask", "new_axis_mask")
        return (
            begin.op == "Pack"
            and not _integer(begin, "axis")
            and self._is_counter(begin.input[0])
            and self._body.number(node.input[3]) == 1
            and bool(_integer(node, "shrink_axis_mask") & 1)
            and not any(_integer(node, mask) & 1 for mask in others)
        )

    def _check_operands(self) -> list[int]:
        """Sees that a round takes its own example only, and returns the lists that it reads."""
        lists = []
        for k, operand in enumerate(self._op.operands):
            users = self._body.users(self._body.names(k))
            if k in self._counters:
                continue
            if k in self._written:
                if any(node.name != self._written[k].name for node, _ in users) or (
                    self._body.users(self._written[k].name)
                    or not self._is_counter(self._written[k].input[1])
                ):
                    raise Refusal("its body reads the results of other examples")
            elif self._is_read(users):
                lists.append(k)
            elif (operand.follows_batch or k in self._limits) and not self._is_own(users):
                raise Refusal(
                    f"its body takes the whole of {self._body.names(k)!r}, not just its own example"
                )
        return lists

    def _is_read(self, users: Sequence[tuple[protos.NodeDef, int]]) -> bool:
        """Whether a list is read by the number of the round, and not otherwise."""
        reads = [
            node.op == "TensorListGetItem" and number == 0 and self._is_counter(node.input[1])
            for node, number in users
        ]
        return bool(reads) and all(reads)

    def _is_own(self, users: Sequence[tuple[protos.NodeDef, int]]) -> bool:
        return all(
            number == 0 and (self._is_row(node) or self._is_gathered(node))
            for node, number in users
        )

    def _check_effects(self, nodes: Sequence[protos.NodeDef], seen: set[str]) -> None:
        """Sees that a round leaves nothing behind for the next one."""
        for node in nodes:
            definition = self._op.op_def(node.op)
            is_known = node.op in _HARMLESS or node.op in _CALLS
            if definition is None or (definition.is_stateful and not is_known):
                raise Refusal(f"its body has the effects of {node.op} {node.name!r}")
            for name in functions_in_attributes(node) - seen:
                seen.add(name)
                self._check_effects(self._op.function(name).node_def, seen)

    def _demand(self, lists: Sequence[int]) -> None:
        """Sees that lists hold a tensor for each example."""
        wanted = []
        for k in lists:
            count = self._op.operands[k].count
            if same(count, _ONE_EACH) or (k in self._written and self._grows(k)):
                continue
            if not self._is_count(count):
                raise Refusal(f"its list {self._body.names(k)!r} is not one of all examples")
            wanted.append(Wanted(k, COUNT, _ONE_EACH))
        if wanted:
            raise Demand(*wanted)

    def _grows(self, k: int) -> bool:
        """Whether a list begins without tensors and takes on as many as are put in."""
        attributes = self._written[k].attr
        name = "resize_if_index_out_of_bounds"
        return self._op.operands[k].count == 0 and name in attributes and attributes[name].b

    def _after(self, k: int, operand: Tensor) -> Tensor:
        if k in self._counters or k in self._limits:
            return replace(operand, value=(_ONE_EACH,))
        if k not in self._written:
            return operand
        item = self._body.origin(self._written[k].input[2])
        element = operand.element.shape if operand.element else None
        if element is None and item.endswith(":0"):
            element = stated_shape(self._body.node(item))
        return replace(operand, element=Tensor(element), count=_ONE_EACH)

    def _condition(self, lists: Sequence[int]) -> protos.FunctionDef:
        """Returns the condition, which compares with the number of examples instead."""
        after = protos.FunctionDef()
        after.CopyFrom(self._cond.definition)
        if not self._built_in:
            return after
        fixed = [k for k in self._written if not self._grows(k)]
        name = TakenNames((*self._cond.nodes, *self._cond.places)).take(_LENGTH)
        count = f"{name}:length:0"
        if self._limits:
            count = self._cond.names(min(self._limits))
        elif whole := [*lists, *fixed]:
            handle = self._cond.names(whole[0])
            after.node_def.add(name=name, op="TensorListLength", input=[handle])
        else:
            raise Refusal("the number of its rounds is built into the condition")
        for node in after.node_def:
            if node.name in self._built_in:
                if node.attr["T"].type != INT32:
                    raise Refusal("it counts its rounds in another dtype than int32")
                node.input[1] = count
        return after

    def _relaxed_body(self) -> protos.FunctionDef:
        """Returns the body; only the shapes that it states of tensors of the batch change."""
        after = protos.FunctionDef()
        after.CopyFrom(self._body.definition)
        for node in after.node_def:
            k = self._body.argument(node.input[0]) if node.op == "Identity" else None
            shape = None if k is None else self._op.operands[k].shape
            if shape and isinstance(shape[0], Batch) and OUTPUT_SHAPES in node.attr:
                write_shape(shape, node.attr[OUTPUT_SHAPES].list.shape[0])
        return after


def _integer(node: protos.NodeDef, name: str) -> int:
    return node.attr[name].i if name in node.attr else 0
