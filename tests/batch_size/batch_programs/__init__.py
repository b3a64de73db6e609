"""Random programs of TensorFlow's ops; see `program`. A module of steps is found by being here."""
