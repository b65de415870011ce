"""Corpora to augmented batches, discriminators, calibration, and a model folder with its card."""

if __name__ != "verascope.train":
    raise ImportError(
        "import verascope.train, not train: the folder in the root is only a door to it"
    )
