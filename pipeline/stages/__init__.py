"""The stages of a run, in the order of the files: inputs, discovery, calibration, evaluation."""
