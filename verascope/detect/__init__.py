"""One input to windows, logits, segments and a calibrated score; the shipped models."""

if __name__ != "verascope.detect":
    raise ImportError(
        "import verascope.detect, not detect: the folder in the root is only a door to it"
    )
