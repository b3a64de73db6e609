from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from sigpb.errors import EnvironmentFailure, SigpbError
from sigpb.saved_model import deterministic_bytes, fingerprint

HASHES = (
    "saved_model_checksum",
    "graph_def_program_hash",
    "signature_def_hash",
    "saved_object_graph_hash",
    "checkpoint_hash",
)

Oracle: TypeAlias = Callable[[Path], protos.FingerprintDef]


def signature(*inputs: str) -> protos.SignatureDef:
    result = protos.SignatureDef(method_name="tensorflow/serving/predict")
    for name in inputs:
        result.inputs[name].name = f"{name}:0"
    return result


def object_graph(*functions: str) -> protos.SavedObjectGraph:
    result = protos.SavedObjectGraph()
    for i, name in enumerate(functions):
        result.concrete_functions[name].bound_inputs.append(i)
    return result


def object_graph_with_structure() -> protos.SavedObjectGraph:
    """A map inside a list inside a map, behind field numbers of two bytes."""
    result = protos.SavedObjectGraph()
    structure = result.concrete_functions["f_1"].output_signature.list_value.values.add()
    for key in ("a_1", "a", "b"):
        structure.dict_value.fields[key].int64_value = 1
    return result


def graph_def() -> protos.GraphDef:
    """Every kind of node and map that the hash of a graph treats in its own way."""
    graph = protos.GraphDef()
    call = graph.node.add(name="call", op="StatefulPartitionedCall")
    call.attr["f"].func.name = "__inference_f_9"
    call.attr["config_proto"].s = b"gpu"
    call.attr["T"].type = 1
    call.attr["Tin"].list.type.append(1)
    path = graph.node.add(name="path", op="Const")
    path.attr["dtype"].type = 7
    path.attr["value"].tensor.string_val.append(b"/tmp")
    two = graph.node.add(name="two", op="Const")
    two.attr["dtype"].type = 1
    two.attr["value"].tensor.float_val.append(2)
    function = graph.library.function.add()
    function.signature.name = "__inference_f_9"
    for i in range(3):
        function.arg_attr[i].attr["_output_shapes"].list.shape.add(unknown_rank=True)
    graph.versions.producer = 1
    graph.debug_info.files.append("a.py")
    for i in (7, 257):
        graph.debug_info.frames_by_id[i].line = i
    return graph


SIGNATURES = {
    "serving_default": signature("x", "x_1"),
    "serving_default_2": signature("x"),
    "z": signature("y"),
}
OBJECT_GRAPH = object_graph("__inference_g_10", "__inference_f_9")


def saved_model(
    signatures: dict[str, protos.SignatureDef] = SIGNATURES,
    objects: protos.SavedObjectGraph = OBJECT_GRAPH,
) -> protos.SavedModel:
    meta_graph = protos.MetaGraphDef(
        graph_def=graph_def(), signature_def=signatures, object_graph_def=objects
    )
    return protos.SavedModel(saved_model_schema_version=1, meta_graphs=[meta_graph])


def hashes(of: protos.FingerprintDef) -> dict[str, int]:
    return {name: getattr(of, name) for name in HASHES}


def test_compute_equals_tensorflow_for_one_model() -> None:
    # Values of TensorFlow 2.21 for these bytes.
    found = fingerprint.compute(saved_model(), b"index")
    assert hashes(found) == {
        "saved_model_checksum": 4446787100848472094,
        "graph_def_program_hash": 10523268771271435380,
        "signature_def_hash": 4737655596865967027,
        "saved_object_graph_hash": 5148861412685572747,
        "checkpoint_hash": 15907549540151602841,
    }
    assert found.version.producer == 4


def test_compute_of_a_model_without_anything() -> None:
    found = fingerprint.compute(protos.SavedModel(meta_graphs=[protos.MetaGraphDef()]), None)
    assert hashes(found) == {
        "saved_model_checksum": 8176159911898888363,
        "graph_def_program_hash": 1826355931633539578,
        "signature_def_hash": 0,
        "saved_object_graph_hash": 0,
        "checkpoint_hash": 0,
    }


def test_compute_looks_at_the_first_meta_graph_only_but_for_the_checksum() -> None:
    model = saved_model()
    before = fingerprint.compute(model, None)
    model.meta_graphs.add().signature_def["train"].CopyFrom(signature("y"))
    after = fingerprint.compute(model, None)
    assert {name for name in HASHES if getattr(before, name) != getattr(after, name)} == {
        "saved_model_checksum"
    }


def test_compute_refuses_a_model_without_meta_graphs() -> None:
    with pytest.raises(SigpbError, match="no MetaGraph"):
        fingerprint.compute(protos.SavedModel(), None)


def test_compute_modifies_nothing() -> None:
    model = saved_model()
    fingerprint.compute(model, None)
    assert model == saved_model()


# A string, a group and a fixed64 that no version of SavedModel has.
UNKNOWN_FIELDS = (
    b"\xfa\x3f\x03abc",
    b"\xfb\x3f\x12\x00\xfc\x3f",
    b"\xf9\x3f\x00\x00\x00\x00\x12\xff\xff\xff",
)


# Maps: the order of their entries, which Python's protobuf gets wrong


def length_delimited(number: int, value: bytes) -> bytes:
    assert len(value) < 128
    return bytes([number << 3 | 2, len(value)]) + value


@given(st.lists(st.text("ab1é", max_size=4), unique=True, max_size=6))
def test_string_keys_count_in_byte_order(keys: list[str]) -> None:
    model = protos.SavedModel(meta_graphs=[protos.MetaGraphDef()])
    for key in keys:
        model.meta_graphs[0].collection_def[key].SetInParent()
    by_hand = length_delimited(
        2,
        b"".join(
            length_delimited(4, length_delimited(1, key) + length_delimited(2, b""))
            for key in sorted(key.encode() for key in keys)
        ),
    )
    # The hash of a file's content is the plain FarmHash64.
    assert fingerprint.saved_model_checksum(model) == fingerprint.checkpoint_hash(by_hand)


@given(st.permutations([b"a", b"a_1", b"a_10", b"b"]), st.permutations([0, 3, 20, 200, 300]))
def test_checksum_does_not_depend_on_the_order_of_maps_in_the_file(
    names: list[bytes], numbers: list[int]
) -> None:
    # A map by string, MetaGraphDef.collection_def, and one by uint32, FunctionDef.arg_attr.
    collections = b"".join(length_delimited(4, length_delimited(1, name)) for name in names)
    keys = [bytes([8, n & 127 | 128, n >> 7]) for n in numbers]
    function = b"".join(length_delimited(7, key) for key in keys)
    graph = length_delimited(2, length_delimited(2, length_delimited(1, function)))
    model = protos.SavedModel.FromString(length_delimited(2, graph + collections))
    # TensorFlow 2.21's value.
    assert fingerprint.saved_model_checksum(model) == 5940346745842021892


def test_threads_that_begin_at_once_find_the_same() -> None:
    model = protos.SavedModel()
    signatures = model.meta_graphs.add().signature_def
    for key in ("x", "x_1", "x_10", "x_2"):
        signatures[key].inputs[key].name = signatures[key].inputs[f"{key}_1"].name = key
    expected = fingerprint.saved_model_checksum(model)
    barrier = threading.Barrier(8)

    def checksum(_: int) -> int:
        barrier.wait()
        return fingerprint.saved_model_checksum(model)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            for _ in range(20):
                deterministic_bytes._layouts.clear()
                assert set(pool.map(checksum, range(8))) == {expected}
    finally:
        sys.setswitchinterval(interval)


def test_unknown_fields_count() -> None:
    encoded = saved_model().SerializeToString()
    checksums = {
        fingerprint.saved_model_checksum(protos.SavedModel.FromString(encoded + unknown))
        for unknown in (b"", *UNKNOWN_FIELDS)
    }
    assert len(checksums) == 4


# Signatures


def test_signatures_hash_to_0_without_any() -> None:
    assert fingerprint.signature_def_hash({}) == 0


def test_signatures_hash_alike_as_dict_in_any_order_and_as_protobuf_map() -> None:
    reordered = dict(reversed(SIGNATURES.items()))
    of_model = saved_model().meta_graphs[0].signature_def
    assert (
        fingerprint.signature_def_hash(reordered)
        == fingerprint.signature_def_hash(of_model)
        == 4737655596865967027
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"renamed": signature("x")},
        {"serving_default": signature("renamed")},
        {"serving_default": signature("x", "added")},
    ],
)
def test_every_name_in_a_signature_counts(changed: dict[str, protos.SignatureDef]) -> None:
    before = {"serving_default": signature("x")}
    assert fingerprint.signature_def_hash(before) != fingerprint.signature_def_hash(changed)


# The object graph

# What TensorFlow 2.21 makes of a function of this name; None: it refuses.
UID_HASHES = {
    "f_1_2": 7560557130356037837,
    "f_+7": 14417584384144197573,
    "f_-7": 4833498354680070810,
    "f_007": 994218897449308675,
    "f_ 12": 9476208899687964527,
    "f_12 ": 5030387644958229161,
    "f_\v5": 16581564282774209593,
    "12": 1675313563145412256,
    "f_9223372036854775807": 4833498354680070810,
    "f_9223372036854775808": None,
    "abc": None,
    "f_": None,
    "f_x": None,
    "f_3x": None,
    "f_٣": None,
}


def object_graph_with(function: str) -> protos.SavedObjectGraph:
    result = protos.SavedObjectGraph()
    result.concrete_functions[function].bound_inputs.append(3)
    return result


@pytest.mark.parametrize(("name", "expected"), UID_HASHES.items())
def test_a_function_name_ends_in_an_integer(name: str, expected: int | None) -> None:
    if expected is None:
        with pytest.raises(SigpbError, match=f"'{name}' .* wants its name to end in '_'"):
            fingerprint.saved_object_graph_hash(object_graph_with(name))
    else:
        assert fingerprint.saved_object_graph_hash(object_graph_with(name)) == expected


def test_functions_count_in_the_order_of_their_numbers() -> None:
    assert fingerprint.saved_object_graph_hash(OBJECT_GRAPH) == 5148861412685572747
    assert fingerprint.saved_object_graph_hash(
        object_graph("__inference_g_9", "__inference_f_10")
    ) != fingerprint.saved_object_graph_hash(OBJECT_GRAPH)


def test_maps_in_the_structure_of_a_function_count_in_order() -> None:
    # TensorFlow 2.21's value.
    assert (
        fingerprint.saved_object_graph_hash(object_graph_with_structure()) == 13271968439964426796
    )


def test_numbers_of_functions_do_not_count_themselves() -> None:
    renumbered = object_graph("__inference_g_200", "__inference_f_31")
    assert fingerprint.saved_object_graph_hash(renumbered) == 5148861412685572747


def test_of_functions_with_one_number_the_first_by_name_counts() -> None:
    both = object_graph("f_1", "g_1")
    assert fingerprint.saved_object_graph_hash(both) == fingerprint.saved_object_graph_hash(
        object_graph("f_1")
    )


# The graph


def renumber_function(graph: protos.GraphDef) -> None:
    graph.node[0].attr["f"].func.name = "__inference_f_77"


def change_device_config(graph: protos.GraphDef) -> None:
    graph.node[0].attr["config_proto"].s = b"cpu"


def change_string_constant(graph: protos.GraphDef) -> None:
    graph.node[1].attr["value"].tensor.string_val[0] = b"/home"


def drop_library(graph: protos.GraphDef) -> None:
    graph.ClearField("library")


def change_versions(graph: protos.GraphDef) -> None:
    graph.versions.producer = 2


def rename_function(graph: protos.GraphDef) -> None:
    graph.node[0].attr["f"].func.name = "__inference_g_9"


def drop_device_config(graph: protos.GraphDef) -> None:
    del graph.node[0].attr["config_proto"]


def change_type(graph: protos.GraphDef) -> None:
    graph.node[0].attr["T"].type = 2


def change_number(graph: protos.GraphDef) -> None:
    graph.node[2].attr["value"].tensor.float_val[0] = 3


def rename_node(graph: protos.GraphDef) -> None:
    graph.node[2].name = "three"


@pytest.mark.parametrize(
    "change",
    [
        renumber_function,
        change_device_config,
        change_string_constant,
        drop_library,
        change_versions,
    ],
)
def test_details_of_an_export_do_not_count(change: Callable[[protos.GraphDef], None]) -> None:
    graph = graph_def()
    change(graph)
    assert graph != graph_def()
    assert fingerprint.graph_def_program_hash(graph) == 10523268771271435380


@pytest.mark.parametrize(
    "change", [rename_function, drop_device_config, change_type, change_number, rename_node]
)
def test_the_program_counts(change: Callable[[protos.GraphDef], None]) -> None:
    graph = graph_def()
    change(graph)
    assert fingerprint.graph_def_program_hash(graph) != 10523268771271435380


def test_nodes_without_the_usual_attributes_are_hashed_as_they_are() -> None:
    graph = protos.GraphDef()
    graph.node.add(name="call", op="PartitionedCall")
    graph.node.add(name="constant", op="Const")
    before = graph.SerializeToString()
    assert fingerprint.graph_def_program_hash(graph) != 0
    assert graph.SerializeToString() == before


# The checkpoint


def test_checkpoint_hash_is_0_without_an_index_file() -> None:
    assert fingerprint.checkpoint_hash(None) == 0
    assert fingerprint.checkpoint_hash(b"") == 11160318154034397263
    assert fingerprint.checkpoint_hash(b"index") == 15907549540151602841


# Refresh


def old_fingerprint() -> protos.FingerprintDef:
    old = protos.FingerprintDef(
        saved_model_checksum=1,
        graph_def_program_hash=2,
        signature_def_hash=3,
        saved_object_graph_hash=4,
        checkpoint_hash=5,
        uuid="6",
    )
    old.version.producer = 1
    return old


def test_refresh_keeps_what_did_not_change_and_drops_the_checksum() -> None:
    new = fingerprint.refresh(old_fingerprint(), SIGNATURES)
    assert hashes(new) == {
        "saved_model_checksum": 0,
        "graph_def_program_hash": 2,
        "signature_def_hash": 4737655596865967027,
        "saved_object_graph_hash": 4,
        "checkpoint_hash": 5,
    }
    assert new.version.producer == 4


def test_refresh_recomputes_what_it_is_given() -> None:
    new = fingerprint.refresh(old_fingerprint(), SIGNATURES, OBJECT_GRAPH, program_hash=7)
    assert hashes(new) == {
        "saved_model_checksum": 0,
        "graph_def_program_hash": 7,
        "signature_def_hash": 4737655596865967027,
        "saved_object_graph_hash": 5148861412685572747,
        "checkpoint_hash": 5,
    }


def test_refresh_leaves_the_old_fingerprint_alone() -> None:
    old = old_fingerprint()
    fingerprint.refresh(old, SIGNATURES, OBJECT_GRAPH, program_hash=7)
    assert old == old_fingerprint()


# The uuid


def test_uuid_is_128_bits_in_decimal() -> None:
    uuid = fingerprint.refresh(old_fingerprint(), SIGNATURES).uuid
    assert uuid.isdecimal()
    assert 20 <= len(uuid) <= 39
    assert int(uuid) < 2**128


def test_uuid_is_the_same_for_the_same_patch_of_the_same_model() -> None:
    first, second = (fingerprint.refresh(old_fingerprint(), SIGNATURES) for _ in range(2))
    assert first.SerializeToString() == second.SerializeToString()


def test_uuid_differs_by_model_and_by_patch() -> None:
    other_model = old_fingerprint()
    other_model.uuid = "7"
    uuids = {
        old_fingerprint().uuid,
        fingerprint.refresh(old_fingerprint(), SIGNATURES).uuid,
        fingerprint.refresh(old_fingerprint(), {}).uuid,
        fingerprint.refresh(other_model, SIGNATURES).uuid,
        fingerprint.compute(saved_model(), None).uuid,
        fingerprint.compute(saved_model(), None, old_uuid="6").uuid,
    }
    assert len(uuids) == 6


def test_the_module_of_another_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    other = ModuleType("farmhash")
    other.__file__ = "site-packages/farmhash.so"
    monkeypatch.setitem(sys.modules, "farmhash", other)
    with pytest.raises(EnvironmentFailure, match="pip uninstall pyfarmhash"):
        fingerprint.compute(saved_model(), None)


def test_import_does_not_load_farmhash() -> None:
    code = "import sys, sigpb.saved_model.fingerprint; print('farmhash' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# TensorFlow's own fingerprints


@pytest.fixture(scope="module")
def tensorflow_fingerprint() -> Oracle:
    from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

    def create(model: Path) -> protos.FingerprintDef:
        return protos.FingerprintDef.FromString(fingerprinting.CreateFingerprintDef(str(model)))

    return create


def computed(model: Path) -> protos.FingerprintDef:
    index = model / "variables" / "variables.index"
    return fingerprint.compute(
        protos.SavedModel.FromString((model / "saved_model.pb").read_bytes()),
        index.read_bytes() if index.exists() else None,
    )


def write(model: Path, content: bytes | protos.SavedModel) -> Path:
    model.mkdir()
    if not isinstance(content, bytes):
        content = content.SerializeToString()
    (model / "saved_model.pb").write_bytes(content)
    return model


@pytest.mark.tensorflow
def test_every_model_of_the_corpus_agrees_with_tensorflow(
    corpus: Path, tensorflow_fingerprint: Oracle
) -> None:
    models = [pb.parent for pb in sorted(corpus.glob("*/saved_model.pb"))]
    assert len(models) > 40
    different = {
        model.name: (expected, found)
        for model in models
        if (expected := hashes(tensorflow_fingerprint(model))) != (found := hashes(computed(model)))
    }
    assert different == {}


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", UID_HASHES)
def test_function_names_agree_with_tensorflow(
    name: str, tmp_path: Path, tensorflow_fingerprint: Oracle
) -> None:
    model = write(tmp_path / "model", saved_model(objects=object_graph_with(name)))
    if UID_HASHES[name] is None:
        with pytest.raises(Exception, match="does not end in an integer"):
            tensorflow_fingerprint(model)
    else:
        assert tensorflow_fingerprint(model).saved_object_graph_hash == UID_HASHES[name]


def encodings(model: protos.SavedModel) -> Iterator[bytes]:
    """Yields the same model with maps in different orders, and with unknown fields."""
    yield model.SerializeToString(deterministic=True)
    for _ in range(3):
        # A map's own order is that of a hash table, which depends on its history.
        model = protos.SavedModel.FromString(model.SerializeToString())
        yield model.SerializeToString()
    for unknown in UNKNOWN_FIELDS:
        yield model.SerializeToString() + unknown


@pytest.mark.tensorflow
def test_any_encoding_agrees_with_tensorflow(
    tmp_path: Path, tensorflow_fingerprint: Oracle
) -> None:
    checksums = []
    for i, encoded in enumerate(encodings(saved_model())):
        model = write(tmp_path / str(i), encoded)
        assert hashes(computed(model)) == hashes(tensorflow_fingerprint(model))
        checksums.append(computed(model).saved_model_checksum)
    assert len(set(checksums)) == 4  # one, and one for each kind of unknown field


def module_with_functions(tf: Any) -> tuple[Any, dict[str, Any]]:
    module = tf.Module()
    module.weight = tf.Variable([[1.0], [2.0]])
    module.unused = tf.Variable(3)

    def apply(x: Any) -> dict[str, Any]:
        y = tf.matmul(x, module.weight)
        return {"y": y, "y_1": y + 1, "y_10": tf.cond(tf.size(y) > 1, lambda: y, lambda: -y)}

    def join(a: Any, b: Any) -> Any:
        return tf.strings.join([a, b, tf.constant("text")])

    text = tf.TensorSpec([], tf.string)
    module.apply = tf.function(apply, input_signature=[tf.TensorSpec([None, 2], name="x")])
    module.join = tf.function(join, input_signature=[text, text])
    return module, {"apply": module.apply, "join": module.join, "join_1": module.join}


def module_with_table(tf: Any, vocabulary: Path) -> tuple[Any, dict[str, Any]]:
    vocabulary.write_text("a\nb\n")
    words = tf.lookup.TextFileInitializer(
        str(vocabulary),
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )
    module = tf.Module()
    module.table = tf.lookup.StaticHashTable(words, -1)
    module.look_up = tf.function(
        module.table.lookup, input_signature=[tf.TensorSpec([None], tf.string)]
    )
    return module, {"serving_default": module.look_up}


@pytest.fixture
def saved_by_tensorflow(tmp_path: Path) -> dict[str, Path]:
    import tensorflow as tf

    modules: Iterable[tuple[str, tuple[Any, dict[str, Any]]]] = (
        ("functions", module_with_functions(tf)),
        ("table", module_with_table(tf, tmp_path / "vocabulary.txt")),
        ("nothing", (tf.Module(), {})),
    )
    saved = {}
    for name, (module, signatures) in modules:
        saved[name] = tmp_path / name
        tf.saved_model.save(module, str(saved[name]), signatures=signatures)
    return saved


@pytest.mark.tensorflow
def test_models_saved_by_tensorflow_agree_with_their_own_fingerprint(
    saved_by_tensorflow: dict[str, Path],
) -> None:
    for model in saved_by_tensorflow.values():
        written = protos.FingerprintDef.FromString((model / "fingerprint.pb").read_bytes())
        assert hashes(computed(model)) == hashes(written)


@pytest.mark.tensorflow
def test_refresh_after_a_patch_agrees_with_tensorflow_but_for_the_checksum(
    saved_by_tensorflow: dict[str, Path], tensorflow_fingerprint: Oracle
) -> None:
    model = saved_by_tensorflow["functions"]
    old = protos.FingerprintDef.FromString((model / "fingerprint.pb").read_bytes())
    patched = protos.SavedModel.FromString((model / "saved_model.pb").read_bytes())
    meta_graph = patched.meta_graphs[0]
    meta_graph.signature_def["apply_2"].CopyFrom(meta_graph.signature_def["apply"])
    (model / "saved_model.pb").write_bytes(patched.SerializeToString())

    new = fingerprint.refresh(old, meta_graph.signature_def)

    expected = tensorflow_fingerprint(model)
    assert new.signature_def_hash != old.signature_def_hash
    assert hashes(new) == {**hashes(expected), "saved_model_checksum": 0}
    assert new.version == expected.version


@pytest.mark.tensorflow
def test_tensorflow_reads_a_refreshed_fingerprint(
    tmp_path: Path, tensorflow_fingerprint: Oracle
) -> None:
    import tensorflow as tf

    model = write(tmp_path / "model", saved_model())
    old = tensorflow_fingerprint(model)
    new = fingerprint.refresh(old, SIGNATURES)
    (model / "fingerprint.pb").write_bytes(new.SerializeToString())

    read = tf.saved_model.experimental.read_fingerprint(str(model))

    assert read.saved_model_checksum == 0
    assert read.singleprint() == (
        f"{old.graph_def_program_hash}/{old.signature_def_hash}/{old.saved_object_graph_hash}/0"
    )


def test_a_map_entry_with_unknown_fields_is_hashed_or_refused() -> None:
    """Protobuf's Python code reads such an entry, its C extension does not take it for one."""
    signature = protos.SignatureDef.FromString(b"\n\x05\n\x01a\x12\x00\n\x02\x18\x01")
    with contextlib.suppress(fingerprint.FingerprintError):
        assert fingerprint.signature_def_hash({"a": signature})
