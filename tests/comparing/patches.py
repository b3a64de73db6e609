"""Patches of the models in `proto_fixtures` that between them ask for every edit."""

from __future__ import annotations

PATCHES = [
    ("tf2_linear", 'signature { key: "serving_default" input { key: "x" rename_to: "a" } }'),
    (
        "tf2_linear",
        """signature { key: "serving_default"
          output { key: "p" rename_to: "s" } output { key: "s" rename_to: "p" } }""",
    ),
    (
        "tf2_linear",
        """signature { key: "serving_default"
          input { key: "x" rename_to: "b" dtype: "uint8" } input { key: "b" rename_to: "x" } }""",
    ),
    (
        "tf2_linear",
        """signature { key: "serving_default" rename_to: "predict"
          input { key: "x" rename_to: "zz" dtype: "uint8" shape: "[?,3,1]" }
          output { key: "p" rename_to: "s" dtype: "int64" } output { key: "s" rename_to: "p" } }""",
    ),
    (
        "tf2_linear",
        """signature { key: "serving_default" output { key: "p" drop: true } }
        signature { key: "old" copy_of: "serving_default" }""",
    ),
    (
        "tf2_linear",
        """signature { key: "new" copy_of: "serving_default" method_name: "m"
          input { key: "x" dtype: "int32" rename_to: "q" } output { key: "s" dtype: "string" } }""",
    ),
    (
        "tf2_linear",
        """signature { key: "serving_default"
          input { key: "x" bind: "[[1,2,3],[4,5,6.5]]" } input { key: "b" default: "[[0.1,2,3]]" } }
        set_tags { tag: "serve" tag: "gpu" }""",
    ),
    ("tf2_linear", 'signature { key: "serving_default" batch_size: "3" }'),
    ("tf2_linear", 'signature { key: "serving_default" drop: true }'),
    (
        "tf2_image",
        """signature { key: "serving_default" input { key: "training" bind: "false" }
          input { key: "x" dtype: "uint8" shape: "[?,2,2,1]" }
          output { key: "label" dtype: "float32" rename_to: "class" }
          output { key: "pooled" from_tensor: "pool/Mean:0" dtype: "float64" } }""",
    ),
    (
        "tf2_image",
        """signature { key: "serving_default"
          output { key: "pooled" from_tensor: "pool/Mean:0" } }""",
    ),
    (
        "tf2_image",
        """signature { key: "echo" rename_to: "serving_default"
          input { key: "text" dtype: "int32" } }
        signature { key: "serving_default" rename_to: "echo" }""",
    ),
    (
        "tf2_linear",
        """signature { key: "serving_default" input { key: "x" bind: "[[1,2,3]]" }
          output { key: "p" dtype: "float64" } output { key: "s" dtype: "float64" } }
        signature { key: "second" copy_of: "serving_default" input { key: "x" bind: "[[4,5,6]]" }
          output { key: "p" dtype: "float64" } output { key: "s" dtype: "float64" } }""",
    ),
    ("tf2_fixed_batch", 'signature { key: "serving_default" batch_size: "?" }'),
    (
        "tf2_fixed_batch",
        """signature { key: "serving_default" batch_size: "?"
          input { key: "x" dtype: "uint8" rename_to: "z" } }""",
    ),
    (
        "tf2_many",
        """signature { key: "serving_default" batch_size: "4" }""",
    ),
    (
        "tf2_defaults",
        """signature { key: "serving_default"
          input { key: "scale" dtype: "int32" default: "[1,2,3]" } }""",
    ),
    ("tf2_shared", 'signature { key: "alias" rename_to: "other" }'),
    ("tf2_shared", 'signature { key: "twin" drop: true } signature { key: "alias" drop: true }'),
    ("tf2_stateful", 'signature { key: "reset" rename_to: "clear" }'),
    (
        "tf1_shared",
        """signature { key: "serving_default" rename_to: "predict"
          input { key: "x" rename_to: "zz" dtype: "uint8" shape: "[?,3,1]" }
          output { key: "sum" dtype: "int64" rename_to: "zp" } }
        signature { key: "regress" input { key: "inputs" dtype: "float64" } }""",
    ),
    (
        "tf1_shared",
        """signature { key: "serving_default" rename_to: "regress" }
        signature { key: "regress" rename_to: "serving_default" method_name: "other" }""",
    ),
    (
        "tf1_interior",
        """signature { key: "serving_default"
          input { key: "x" dtype: "int64" rename_to: "zz" }
          output { key: "y" dtype: "float64" } }""",
    ),
    ("tf1_interior", 'signature { key: "serving_default" drop: true }'),
    ("tf1_fixed_batch", 'signature { key: "serving_default" batch_size: "?" }'),
    (
        "tf1_sparse",
        """signature { key: "serving_default" input { key: "s" dtype: "int32" rename_to: "t" }
          output { key: "doubled" dtype: "int64" }
          output { key: "d2" from_tensor: "s/values:0" } }""",
    ),
    (
        "tf1_two_graphs",
        """tags { tag: "serve" } set_tags { tag: "train" }
        signature { key: "serving_default" method_name: "m" }""",
    ),
    ("tf1_two_graphs", 'signature { key: "serving_default" rename_to: "predict" }'),
]
