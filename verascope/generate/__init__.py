"""Built-in generators, and the writer of the corpora that they make."""

if __name__ != "verascope.generate":
    raise ImportError(
        "import verascope.generate, not generate: the folder in the root is only a door to it"
    )
