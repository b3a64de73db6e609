"""The names of devices that nodes may be pinned to."""

from __future__ import annotations

import re

_NAME = "[A-Za-z][A-Za-z0-9_]*"

# What the parsers of C++ and of Python both take, of which each takes more that the other refuses:
# tensorflow/core/util/device_name_utils.cc (ParseFullName), python/framework/device_spec.py.
_DEVICE = re.compile(
    rf"(?P<job>/job:{_NAME})?(?P<replica>/replica:\d{{1,9}})?(?P<task>/task:\d{{1,9}})?"
    rf"(?:/device:(?P<type>{_NAME}):(?:\d{{1,9}}|\*)|/(?P<legacy>[cg]pu|[CG]PU):\d{{1,9}})?"
)


def is_device(name: str) -> bool:
    """Whether a text names a device for all of TensorFlow, such as ``/device:CPU:0``.

    Parts may be missing from ``/job:worker/replica:0/task:1/device:GPU:0``, but not all of them.
    """
    return bool(name) and _DEVICE.fullmatch(name) is not None


def is_local_cpu(name: str) -> bool:
    """Whether a device is a CPU, which has a kernel for every op, of no machine in particular."""
    found = _DEVICE.fullmatch(name)
    if found is None or any(found[part] for part in ("job", "replica", "task")):
        return False
    return (found["type"] or found["legacy"] or "").upper() == "CPU"
