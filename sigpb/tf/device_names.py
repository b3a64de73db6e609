"""The names of devices that nodes may be pinned to."""

from __future__ import annotations

import re

_NAME = "[A-Za-z][A-Za-z0-9_]*"

# What the parsers of C++ and of Python both take, of which each takes more that the other refuses:
# tensorflow/core/util/device_name_utils.cc (ParseFullName), python/framework/device_spec.py.
_DEVICE = re.compile(
    rf"(?:/job:{_NAME})?(?:/replica:\d{{1,9}})?(?:/task:\d{{1,9}})?"
    rf"(?:/device:{_NAME}:(?:\d{{1,9}}|\*)|/(?:[cg]pu|[CG]PU):\d{{1,9}})?"
)

_LOCAL_CPU = re.compile(r"/device:(?:cpu|CPU):[0*]|/(?:cpu|CPU):0")


def is_device(name: str) -> bool:
    """Whether a text names a device for all of TensorFlow, such as ``/device:CPU:0``.

    Parts may be missing from ``/job:worker/replica:0/task:1/device:GPU:0``, but not all of them.
    """
    return bool(name) and _DEVICE.fullmatch(name) is not None


def is_local_cpu(name: str) -> bool:
    """Whether a device is the one that all sessions have, with kernels for nearly all ops.

    That is the first CPU of the machine itself: sessions have no second one unless they are told.
    Types of devices are spelled with capital letters, or ``cpu`` and ``gpu`` with small ones.
    """
    return _LOCAL_CPU.fullmatch(name) is not None
