"""Results of a user's own real files to a calibration: operating points that hold there."""

import os
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote_to_bytes

import numpy as np

from verascope import __version__
from verascope.detect.conformal import (
    LEAST_ITEMS,
    POINTS,
    Floats,
    left_out,
    operating_points,
)
from verascope.detect.profile import ModelUse, Origin, Profile, path_of
from verascope.errors import UsageError
from verascope.provenance.writing import write_whole
from verascope.result import Input, Result, Status, Supports

DUPLICATE = "the same content as another"
DECLARED = "says itself that a machine made it"


class Reals:
    """What is taken of the Results of real files, as they come.

    A file counts once by its content, and only where all of it was scored. One whose own credential
    or marks speak of a machine is no real file; nothing is left out for its score.

    Args:
        root: the folder that holds the files.
        depth: how many folders below it name a file's source; 0 takes all for one source.
    """

    def __init__(self, root: str, depth: int = 1) -> None:
        self._root = root
        self._depth = depth
        self._scores: dict[str, list[float]] = {}  # by the detector that had the word
        self._sources: dict[str, list[str]] = {}
        self._seen: set[str] = set()
        self.left_out: Counter[str] = Counter()

    def add(self, result: Result) -> None:
        """Take one Result, or count why not."""
        why = self._unfit(result)
        if why is not None:
            self.left_out[why] += 1
            return
        name = result.detectors[0].name
        self._scores.setdefault(name, []).append(result.detectors[0].score)
        source = source_of(result.input, self._root, self._depth)
        self._sources.setdefault(name, []).append(source)

    def profile(self, name: str, models: Sequence[ModelUse], command: Sequence[str]) -> Profile:
        """The calibration under a name.

        Args:
            name: of the calibration.
            models: that judged: `Scanner.models()`.
            command: to be kept with it.

        Raises:
            UsageError: there are too few files, or several models had the word.
        """
        model = self._model(models)
        found = np.array(self._scores.get(model.detector, []))
        if len(found) < LEAST_ITEMS:
            raise UsageError(
                f"{len(found)} real files were scored; a 1 % point needs at least {LEAST_ITEMS}"
            )
        sources = self._sources[model.detector]
        return Profile(
            name=name,
            made=datetime.now(UTC).date().isoformat(),
            verascope=__version__,
            command=tuple(command),
            model=model,
            items=len(found),
            left_out=dict(self.left_out.most_common()),
            sources=_origins(found, sources),
            operating_points=operating_points(found, sources),
        )

    def _unfit(self, result: Result) -> str | None:
        """Why a Result does not count; None where it does."""
        if result.status is not Status.SCORED or not result.detectors:
            return f"{result.status} ({result.reason})"
        if any(e.kind != "detector" and e.supports is Supports.SYNTHETIC for e in result.evidence):
            return DECLARED
        sha256 = result.input.sha256 or ""
        if sha256 in self._seen:
            return DUPLICATE
        self._seen.add(sha256)
        return None

    def _model(self, models: Sequence[ModelUse]) -> ModelUse:
        """The one model that had the word."""
        if len(self._scores) > 1:
            counts = ", ".join(f"{len(each):,} {name}" for name, each in self._scores.items())
            raise UsageError(
                f"the files were judged by several detectors ({counts}); a calibration is of one: "
                "name it by --detector"
            )
        judged = [each for each in models if each.detector in self._scores]
        return judged[0] if judged else models[0]


def keep(profile: Profile, *, replace: bool = False) -> Path:
    """Write a calibration where its name is looked for; returns its file.

    Raises:
        UsageError: there is one of that name, or nothing can be written there.
    """
    file = free(profile.name, replace=replace)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error
    write_whole(file, profile.to_json())
    return file


def free(name: str, *, replace: bool = False) -> Path:
    """The file for a new calibration of that name.

    Raises:
        UsageError: the name cannot be used, or is taken and not to be replaced.
    """
    file = path_of(name)
    if file.exists() and not replace:
        raise UsageError(
            f"there is a calibration called {name!r}: choose another --name, or --replace"
        )
    return file


def source_of(given: Input, root: str, depth: int) -> str:
    """The folders below the root that a file lies in, so many of them; `.` for the root itself.

    An archive is a folder like others.
    """
    part = given.part or ""
    uri = given.uri.removesuffix(f"#{part}") if part else given.uri
    if uri.startswith("file:") and not root.startswith("file:"):  # see uri_of
        uri = os.fsdecode(unquote_to_bytes(uri.removeprefix("file:")))
    pieces = [*Path(os.path.relpath(uri, root)).parts, *filter(None, part.split("/"))]
    found = "/".join(pieces[:-1][:depth]) or "."
    return os.fsencode(found).decode(errors="backslashreplace")


def _origins(scores: Floats, sources: Sequence[str]) -> dict[str, Origin]:
    counts = Counter(sources)
    reach = {name: left_out(scores, sources, allowed) for name, allowed in POINTS}
    return {
        source: Origin(items=items, reach={name: reach[name][source] for name in reach})
        for source, items in sorted(counts.items())
    }
