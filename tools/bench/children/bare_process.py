"""The least that a command with flags and TensorFlow's messages can be.

    python bare_process.py DESCRIPTORS

It imports absl's flags and protobuf, and puts the files of a descriptor set into a pool.
"""

from __future__ import annotations

import sys

import absl.flags  # noqa: F401
import google.protobuf.message_factory  # noqa: F401
from google.protobuf import descriptor_pb2, descriptor_pool

with open(sys.argv[1], "rb") as descriptors:  # noqa: PTH123 (imports no more than it says)
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptors.read()).file
pool = descriptor_pool.DescriptorPool()
for file in files:
    pool.AddSerializedFile(file.SerializeToString())
pool.FindMessageTypeByName("tensorflow.SavedModel")
