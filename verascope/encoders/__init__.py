"""Public image encoders brought into a form that our detectors can stand on (extra `models`)."""
