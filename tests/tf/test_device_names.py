from __future__ import annotations

import pytest

from sigpb.tf.device_names import is_device, is_local_cpu

DEVICES = (
    "/device:CPU:0",
    "/device:cpu:0",
    "/device:GPU:*",
    "/device:XLA_GPU:12",
    "/cpu:0",
    "/GPU:1",
    "/job:localhost",
    "/job:worker_2/replica:0/task:1/device:GPU:0",
    "/task:3",
    "/job:a/gpu:0",
)
OTHERS = (
    "",
    "/",
    "CPU:0",
    "cpu",
    "/cpu",
    "/device:CPU",
    "/device:CPU:",
    "/device:CPU:-1",
    "/device:CPU:0 ",
    "/device:CPU:0\n",
    "/device:C-U:0",
    "/device:1PU:0",
    "/device:é:0",
    "/Device:CPU:0",
    "/device:*:0",
    "/device:CPU:0/job:a",
    "/device:GPU:0/cpu:0",
    "/device:GPU:9999999999",
    "/job:a-b",
    "/job:1",
    "/job:*",
    "/task:x",
    "/tpu:0",
    "/cpu:*",
)


@pytest.mark.parametrize("name", DEVICES)
def test_a_device(name: str) -> None:
    assert is_device(name)


@pytest.mark.parametrize("name", OTHERS)
def test_no_device(name: str) -> None:
    assert not is_device(name)


def test_the_cpu_of_the_machine_itself() -> None:
    for name in ("/device:CPU:0", "/cpu:0", "/CPU:0", "/device:cpu:*"):
        assert is_local_cpu(name)
    for name in ("/device:CPU:1", "/cpu:1", "/device:Cpu:0", "/device:CPU:00"):
        assert is_device(name)
        assert not is_local_cpu(name)
    for name in ("/device:GPU:0", "/gpu:0", "/job:localhost", "/task:0/device:CPU:0", "", "cpu"):
        assert not is_local_cpu(name)
