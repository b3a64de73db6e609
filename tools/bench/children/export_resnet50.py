"""Exports Keras' ResNet50, with random weights.

python export_resnet50.py OUTPUT
"""

from __future__ import annotations

import sys

import tensorflow as tf

tf.saved_model.save(tf.keras.applications.ResNet50(weights=None), sys.argv[1])
