from __future__ import annotations

from sigpb import protos
from sigpb.saved_model.deterministic_bytes import append_to_list, rewrite_list, rewrite_map
from sigpb.wire import Edits, Message, assemble, length_delimited, map_entry

NODES = protos.SavedObjectGraph.NODES_FIELD_NUMBER
FUNCTIONS = protos.SavedObjectGraph.CONCRETE_FUNCTIONS_FIELD_NUMBER

# As no encoder would write it: a field twice, of which the last counts.
ODD = (
    protos.SavedObject(registered_name="first").SerializeToString()
    + protos.SavedObject(registered_name="odd").SerializeToString()
)


def node(name: str) -> protos.SavedObject:
    return protos.SavedObject(registered_name=name)


def nodes(*names: str) -> bytes:
    return b"".join(length_delimited(NODES, node(name).SerializeToString()) for name in names)


def function(*bound_inputs: int) -> protos.SavedConcreteFunction:
    return protos.SavedConcreteFunction(bound_inputs=bound_inputs)


def functions(**bound_inputs: int) -> bytes:
    return b"".join(
        map_entry(FUNCTIONS, name.encode(), function(value).SerializeToString())
        for name, value in bound_inputs.items()
    )


class TestList:
    def rewritten(self, before: bytes, *names: str) -> bytes:
        old = protos.SavedObjectGraph.FromString(before).nodes
        edits = Edits(before)
        new = [node(name) for name in names]
        rewrite_list(edits, Message.root(before), NODES, old, new)
        return assemble(edits.pieces(), before)

    def test_no_change(self) -> None:
        before = length_delimited(NODES, ODD) + functions(f=1) + nodes("b")
        assert self.rewritten(before, "odd", "b") == before

    def test_no_change_of_what_is_not_a_number(self) -> None:
        """It does not equal itself."""
        odd = protos.SavedObject()
        defaults = odd.bare_concrete_function.function_spec.fullargspec
        defaults.float64_value = float("nan")
        twice = odd.SerializeToString() + node("a").SerializeToString()
        before = length_delimited(NODES, twice)
        nodes = protos.SavedObjectGraph.FromString(before).nodes
        edits = Edits(before)
        rewrite_list(edits, Message.root(before), NODES, nodes, nodes)
        assert not edits

    def test_only_what_differs_is_encoded_again(self) -> None:
        before = length_delimited(NODES, ODD) + nodes("b") + functions(f=1) + nodes("c")
        after = length_delimited(NODES, ODD) + nodes("longer") + functions(f=1) + nodes("c")
        assert self.rewritten(before, "odd", "longer", "c") == after

    def test_an_any_of_a_type_that_is_not_known(self) -> None:
        """Protobuf in Python cannot compare such messages; their bytes can be compared."""
        odd = node("a")
        odd.serialized_user_proto.type_url = "type.googleapis.com/tensorflow.TensorInfo"
        other = node("b")
        other.serialized_user_proto.type_url = "type.googleapis.com/not.known"
        before = b"".join(length_delimited(NODES, n.SerializeToString()) for n in (odd, other))
        edits = Edits(before)
        after = [odd, node("c")]
        old = protos.SavedObjectGraph.FromString(before).nodes
        rewrite_list(edits, Message.root(before), NODES, old, after)
        assert assemble(edits.pieces(), before) == (
            length_delimited(NODES, odd.SerializeToString()) + nodes("c")
        )

    def test_new_elements_come_last(self) -> None:
        before = nodes("a") + functions(f=1)
        assert self.rewritten(before, "x", "b", "c") == nodes("x") + functions(f=1) + nodes(
            "b", "c"
        )


class TestMap:
    def rewritten(self, before: bytes, **bound_inputs: int) -> bytes:
        old = protos.SavedObjectGraph.FromString(before).concrete_functions
        edits = Edits(before)
        new = {name: function(value) for name, value in bound_inputs.items()}
        rewrite_map(edits, Message.root(before), FUNCTIONS, old, new)
        return assemble(edits.pieces(), before)

    def test_no_change(self) -> None:
        before = functions(z=1, a=2) + nodes("n") + functions(m=3)
        assert self.rewritten(before, a=2, m=3, z=1) == before

    def test_changed_entries_keep_their_place(self) -> None:
        before = functions(z=1, a=2) + nodes("n") + functions(m=3)
        after = functions(z=1, a=300) + nodes("n") + functions(m=3)
        assert self.rewritten(before, z=1, a=300, m=3) == after

    def test_entries_come_and_go(self) -> None:
        before = functions(z=1, a=2) + nodes("n") + functions(m=3)
        after = functions(z=1) + nodes("n") + functions(m=3, b=5, y=4)
        assert self.rewritten(before, z=1, m=3, y=4, b=5) == after

    def test_a_key_beyond_ascii(self) -> None:
        before = functions(é=1)
        assert self.rewritten(before, é=2, ü=3) == functions(é=2, ü=3)


def test_append_several() -> None:
    before = functions(f=1)
    edits = Edits(before)
    append_to_list(edits, Message.root(before), NODES, [node("a"), node("b")])
    append_to_list(edits, Message.root(before), NODES, [node("c")])
    assert assemble(edits.pieces(), before) == functions(f=1) + nodes("a", "b", "c")


def test_maps_inside_new_elements_are_sorted() -> None:
    before = b""
    edits = Edits(before)
    added = protos.SignatureDef()
    for key in "cabd":
        added.outputs[key].name = key
    append_to_list(edits, Message.root(before), 1, [added])
    encoded = assemble(edits.pieces(), before)
    assert encoded == length_delimited(1, added.SerializeToString(deterministic=True))
    assert [encoded.index(key) for key in (b"a", b"b", b"c", b"d")] == sorted(
        encoded.index(key) for key in (b"a", b"b", b"c", b"d")
    )
