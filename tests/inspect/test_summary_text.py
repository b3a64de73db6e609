from __future__ import annotations

from typing import Any

from sigpb.inspect.summary import plain_text


def rendered(*signatures: tuple[str, dict[str, Any]], **graph: Any) -> str:
    """The text of a summary, with lines in which runs of spaces are one space."""
    text = plain_text(summary_of(*signatures, **graph))
    return "\n".join(" ".join(line.split()) for line in text.splitlines()) + "\n"


def summary_of(*signatures: tuple[str, dict[str, Any]], **graph: Any) -> dict[str, Any]:
    return {
        "model": "models/[1]",
        "file": "saved_model.pb",
        "bytes": 1234567,
        "fingerprint": None,
        "meta_graphs": [
            {
                "tags": ["serve"],
                "object_graph": True,
                "tensorflow_version": "2.16.1",
                "signatures": dict(signatures),
                **graph,
            }
        ],
    }


def signature(**parts: Any) -> dict[str, Any]:
    return {"method_name": "m", "inputs": {}, "outputs": {}, "internal": False, **parts}


def endpoint(**parts: Any) -> dict[str, Any]:
    return {"tensor": "x:0", "dtype": "int64", "shape": [], "encoding": "dense", **parts}


def test_first_line_tells_of_the_file() -> None:
    first = rendered().splitlines()[0]
    assert first == "models/[1]: saved_model.pb, 1,234,567 bytes, without a fingerprint"


def test_meta_graph() -> None:
    text = rendered()
    assert "MetaGraph {serve}: TF2, with an object graph, written by TensorFlow 2.16.1\n" in text
    assert "\nno signatures\n" in text
    text = rendered(tags=[], object_graph=False, tensorflow_version="")
    assert "MetaGraph {}: TF1, session style, written by TensorFlow an unknown version\n" in text


def test_signature() -> None:
    text = rendered(
        (
            "s",
            signature(
                inputs={"a": endpoint(shape=[None, 28]), "b": endpoint(shape=None)},
                outputs={"c": endpoint(dtype="string")},
            ),
        )
    )
    assert "\nsignature 's', method 'm'\n" in text
    assert "\nkey dtype shape tensor\n" in text
    assert (
        "\ninput a int64 [?,28] x:0\ninput b int64 <unknown> x:0\noutput c string [] x:0\n" in text
    )


def test_signature_without_anything() -> None:
    assert "\nsignature 's', method 'm'\nno inputs, no outputs\n" in rendered(("s", signature()))


def test_internal_signature_takes_one_line() -> None:
    text = rendered(("__saved_model_init_op", signature(internal=True, inputs={"a": endpoint()})))
    assert "\n'__saved_model_init_op': TensorFlow's own\n" in text
    assert "x:0" not in text


def test_components_and_defaults() -> None:
    sparse = endpoint(tensor=None, encoding="coo_sparse", components=["v:0", "i:0", "s:0"])
    values = endpoint(default={"values": ["a"], "bytes": 0})
    packed = endpoint(default={"values": [], "bytes": 12})
    text = rendered(("s", signature(inputs={"a": sparse, "b": values, "c": packed})))
    assert "\ninput a int64 [] coo_sparse: v:0, i:0, s:0\n" in text
    assert "\ninput b int64 [] x:0 (default ['a'])\n" in text
    assert "\ninput c int64 [] x:0 (default 12 bytes)\n" in text


def test_keys_are_neither_markup_nor_control_characters() -> None:
    text = rendered(("[red]", signature(inputs={"[b]k[/b]\n\x1b[1m": endpoint(tensor="[i]:0")})))
    assert "\nsignature '[red]', method 'm'\n" in text
    assert "\ninput [b]k[/b]\\n\\x1b[1m int64 [] [i]:0\n" in text


def test_columns_are_aligned() -> None:
    text = plain_text(
        summary_of(
            (
                "s",
                signature(
                    inputs={"a": endpoint(tensor="a:0"), "longer": endpoint(tensor="b:0")},
                    outputs={"c": endpoint(dtype="string", tensor="c:0")},
                ),
            )
        )
    )
    assert text.endswith(
        """
  signature 's', method 'm'
            key     dtype   shape  tensor
    input   a       int64   []     a:0
    input   longer  int64   []     b:0
    output  c       string  []     c:0
"""
    )
