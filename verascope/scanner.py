"""In the parent: one input to one Result. A worker reads it, the models run here.

The parent never opens the input itself; what it gets are facts, windows and provenance.
"""

import io
import os
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self, TypeAlias

import msgspec

from verascope import __version__, sent
from verascope.detect import registry
from verascope.detect.contract import Detector, Locates, Windows
from verascope.detect.profile import ModelUse, Profile, fitting, use_of
from verascope.errors import InputTrouble, UsageError
from verascope.exchange import FUNCTION, Reading, ReadRequest, RowsRequest, Stage
from verascope.judging import input_of, judge, result_of
from verascope.media.sandbox import Sandbox
from verascope.media.table import Span
from verascope.provenance import evidence as credential
from verascope.provenance import trust
from verascope.result import (
    SENTENCES,
    Modality,
    Outcome,
    Provenance,
    Reason,
    Result,
    Verification,
    Warn,
)
from verascope.settings import Settings
from verascope.tables import Table, Tables

if TYPE_CHECKING:
    from verascope.detect.sound_watermark import Listeners
    from verascope.provenance.recovery import Registration
    from verascope.provenance.registry import Registry
    from verascope.provenance.watermark_key import WatermarkKey

MAX_WINDOWS = 4096  # of one input for one detector

PathLike = str | os.PathLike[str]
# The Result of an input of the same content (its sha256), where there is one already.
Known: TypeAlias = Callable[[str], Result | None]


class Scanner:
    """Judges inputs one after the other. A context manager; usable from one thread at a time.

    The worker process and the models start with the first input and stay until `close`. A setting
    that cannot be (no such detector or trust list) raises UsageError at the first input.

    Example:
        >>> with Scanner() as scanner:
        ...     result = scanner.scan("examples/photographs/coffee.webp")
        ...     print(result.verdict)
    """

    def __init__(
        self, settings: Settings | None = None, *, models: "Scanner | None" = None
    ) -> None:
        """Start nothing yet.

        Args:
            settings: what to do; the command line's defaults if left out.
            models: a Scanner of the same settings, whose loaded models this one shares.
        """
        self.settings = settings or Settings()
        if models is not None:
            self._entries, self._detectors = models._entries, models._detectors
            self._profiles = models._profiles
        self._sandbox = Sandbox(
            FUNCTION,
            memory_bytes=self.settings.limits.worker_memory_bytes,
            timeout_s=self.settings.limits.stage_timeout_s,
        )
        self._tables = Tables(self.settings.limits)

    def scan(
        self,
        path: PathLike,
        *,
        follow_links: bool = True,
        known: Known | None = None,
        name: str | None = None,
    ) -> Result:
        """Judge one file. Whatever is wrong with the file is in the Result, never raised.

        Args:
            path: of the file.
            follow_links: judge what a symbolic link leads to.
            known: asked with the content's sha256 before a model runs; a Result that it gives is
                taken over, under this input's name.
            name: what the Result calls it; its path if left out.
        """
        called = uri_of(os.fspath(path)) if name is None else name
        return self._scan(os.fspath(path), called, follow_links, known=known)

    def scan_bytes(self, data: bytes, name: str = "-") -> Result:
        """Judge one input held in memory; `name` is what the Result calls it."""
        return self.scan_stream(io.BytesIO(data), name)

    def scan_stream(
        self,
        stream: BinaryIO,
        name: str = "-",
        *,
        part: str | None = None,
        known: Known | None = None,
    ) -> Result:
        """Judge what a stream holds up to its end; `name` is what the Result calls it.

        It is copied in pieces to a nameless temporary file, of which nothing is left when killed.
        `part` is what it is of a larger file, for the Result; `known` as for `scan`.
        """
        from verascope.media.spool import Spool

        with Spool(stream, self.settings.limits.max_bytes) as path:
            return self._scan(path, name, part=part, known=known)

    def scan_rows(self, table: Table, span: Span) -> list[Result]:
        """Judge some rows of a table: one Result each, named by the row's number."""
        self.start()
        provenance = self.settings.provenance
        read = self._request(table.path, self._entries, provenance, table.follow_links)
        request = RowsRequest(read=read, kind=table.kind, columns=table.columns, span=span)
        return self._tables.judge(request, table.uri, self._detectors, self._profiles)

    def scan_many(
        self, paths: Iterable[PathLike], *, follow_links: bool = True
    ) -> Iterator[Result]:
        """Judge files as they come: one Result each, in their order."""
        for path in paths:
            yield self.scan(path, follow_links=follow_links)

    def verify(self, path: PathLike, *, sidecar: bytes | None = None) -> Verification:
        """Check one file's Content Credential and nothing else; decodes no pixel.

        With a registry in the settings, a file without an intact one is decoded after all, and
        what is registered of files that look like it is told beside its outcome. With `online` in
        the settings, a credential that is elsewhere is fetched; otherwise no network is used.
        A `sidecar` is a manifest store that came beside the file, checked instead of its own.

        Raises:
            UsageError: the sidecar is over the limit on metadata.
        """
        if sidecar is not None and len(sidecar) > self.settings.limits.max_metadata_bytes:
            raise UsageError("the sidecar is over the limit on metadata")
        request = self._request(os.fspath(path), {}, provenance=True)
        request = msgspec.structs.replace(
            request, sidecar=sidecar, store=self.settings.online is not None
        )
        reading = self._fetched(msgspec.structs.replace(request, fingerprint=False))
        reading = self._asked_after(reading)
        if request.fingerprint and not credential.is_intact(reading.provenance):
            look, _ = self._read(msgspec.structs.replace(request, provenance=False))
            if look.sha256 == reading.sha256:  # the file is still the same
                reading = msgspec.structs.replace(reading, fingerprint=look.fingerprint)
        reading = self._recover(reading)
        source = input_of(reading, uri_of(os.fspath(path)))
        if reading.provenance is None:
            reason = reading.reason or Reason.WORKER_CRASHED
            return Verification.failed(source, reason, reading.detail)
        return Verification.of(source, reading.provenance)

    def register(self, path: PathLike, registry: "Registry") -> "Registration":
        """Put a signed file's fingerprint and its credential into a registry."""
        from verascope.provenance import recovery

        request = self._request(os.fspath(path), {}, provenance=True)
        request = msgspec.structs.replace(request, fingerprint=True, store=True)
        reading, _ = self._read(request)
        source = input_of(reading, uri_of(os.fspath(path)))
        if reading.reason or reading.provenance is None:
            reason = reading.reason or Reason.WORKER_CRASHED
            return recovery.Registration(
                source, refused=f"{SENTENCES[reason]} {reading.detail or ''}"
            )
        found = recovery.Found(reading.provenance, reading.fingerprint, reading.manifest_store)
        return recovery.register(registry, source, found)

    def identity(self) -> dict[str, Any]:
        """What decides what a scan answers: the package, the models, the settings that count."""
        found = {
            name: [each.version, each.sha256, getattr(each, "encoder_sha256", None)]
            for name, each in self._detectors.items()
        }
        settings = msgspec.to_builtins(self.settings)
        for never in ("model_threads", "batch", "heatmaps"):
            del settings[never]
        settings["calibrations"] = [each.label for each in self._profiles.values()]
        return {"verascope": __version__, "models": found, "settings": settings}

    def models(self) -> tuple[ModelUse, ...]:
        """The models that judge, in the order in which they have the word."""
        return tuple(use_of(detector) for detector in self._detectors.values())

    def start(self) -> None:
        """Start the worker, and load the models of pictures meanwhile; else the first input does.

        Those of sound, which not everybody has, wait for the first recording.
        """
        self._sandbox.start()
        _ = self._profiles, self._key  # one that does not fit is told now
        for detector in self._detectors.values():
            if detector.modality is Modality.IMAGE or self.settings.detectors:
                detector.load()

    def close(self) -> None:
        """End the worker. The next input would start another."""
        self._sandbox.close()
        self._tables.close()
        registry = self.__dict__.pop("_registry", None)  # opened again with the next input
        if registry is not None:
            registry.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def _scan(
        self,
        path: str,
        uri: str,
        follow_links: bool = True,
        *,
        part: str | None = None,
        known: Known | None = None,
    ) -> Result:
        start = time.perf_counter()
        self.start()
        provenance = self.settings.provenance
        reading, cuts = self._read(self._request(path, self._entries, provenance, follow_links))
        if known is not None and cuts and reading.sha256 is not None:
            twin = known(reading.sha256)
            if twin is not None:
                return _renamed(twin, uri, part)
        reading = self._listened(self._recover(reading), cuts)
        started_scoring = time.perf_counter()
        maps = self.settings.heatmaps
        judged = [
            judge(
                self._detectors[name],
                windows,
                heat=maps is not None,
                profile=self._profiles.get(name),
            )
            for name, windows in cuts.items()
        ]
        if maps is not None:
            from verascope.detect.heat import save

            for each in judged:
                if each.heat is not None:
                    save(Path(maps), uri, reading.sha256, each.heat)
        done = time.perf_counter()
        timing = {
            **reading.timing,
            "score": round(1000 * (done - started_scoring), 3),
            "total": round(1000 * (done - start), 3),
        }
        return _renamed(result_of(reading, uri, judged, timing), uri, part)

    def _request(
        self,
        path: str,
        detectors: dict[str, registry.Entry],
        provenance: bool,
        follow_links: bool = True,
    ) -> ReadRequest:
        trust.resolve(self.settings.trust)  # a list that does not exist is the caller's error
        return ReadRequest(
            path=os.fsencode(path),
            follow_links=follow_links,
            detectors=detectors,
            provenance=provenance,
            trust=self.settings.trust,
            limits=self.settings.limits,
            text=self.settings.text,
            fingerprint=self._registry is not None and provenance,
            watermarks=self.settings.watermarks and bool(detectors),
            key=self._key if detectors else None,
        )

    def _fetched(self, request: ReadRequest) -> Reading:
        """The reading; where its credential is elsewhere and may be fetched, with that one."""
        reading, _ = self._read(request)
        provenance, online = reading.provenance, self.settings.online
        if online is None or provenance is None or provenance.remote_url is None:
            return reading
        if provenance.outcome is not Outcome.REMOTE_ONLY:
            return reading
        from verascope.provenance import remote

        fetched = remote.fetch(provenance.remote_url, online)
        if fetched.data is not None:
            again, _ = self._read(msgspec.structs.replace(request, sidecar=fetched.data))
            if again.provenance is not None and again.sha256 == reading.sha256:
                reading = again
        return msgspec.structs.replace(
            reading, provenance=remote.told(provenance, reading.provenance, fetched)
        )

    def _asked_after(self, reading: Reading) -> Reading:
        """With what a trusted signer's issuer says of it today, where it may be asked."""
        provenance, online = reading.provenance, self.settings.online
        if online is None or provenance is None or provenance.outcome is not Outcome.TRUSTED:
            return reading
        label = provenance.history.label if provenance.history else None
        if reading.manifest_store is None or label is None:
            return reading
        from verascope.provenance import revocation

        asked = revocation.RevocationRequest(
            reading.manifest_store, label, self.settings.trust, online
        )
        found = revocation.ask(asked)
        return msgspec.structs.replace(reading, provenance=revocation.told(provenance, found))

    def _recover(self, reading: Reading) -> Reading:
        """With what the registry, if there is one, knows of files that look like this one."""
        provenance = reading.provenance
        if self._registry is None or provenance is None or credential.is_intact(provenance):
            return reading
        from verascope.provenance import recovery

        found = self._registry.find(reading.fingerprint)
        return msgspec.structs.replace(reading, provenance=recovery.told(provenance, found))

    def _listened(self, reading: Reading, cuts: dict[str, Windows]) -> Reading:
        """With the watermarks that installed detectors hear in the windows of a recording."""
        if not self.settings.watermarks or reading.modality is not Modality.AUDIO or not cuts:
            return reading
        from verascope.provenance.sound_watermark import watermark

        start = time.perf_counter()
        found = [
            mark
            for heard in self._listeners.hear(next(iter(cuts.values())).values)
            for mark in watermark(heard.name, heard.confidences.tolist())
        ]
        spent = reading.timing.get("watermarks", 0) + 1000 * (time.perf_counter() - start)
        timing = {**reading.timing, "watermarks": round(spent, 3)}
        return msgspec.structs.replace(reading, marks=(*reading.marks, *found), timing=timing)

    @cached_property
    def _listeners(self) -> "Listeners":
        """The installed detectors of watermarks in sound."""
        from verascope.detect.sound_watermark import Listeners

        return Listeners(self.settings.providers, self.settings.model_threads)

    @cached_property
    def _key(self) -> "WatermarkKey | None":
        """The key of a watermark of text, if there is one."""
        if (file := self.settings.watermark_key) is None:
            return None
        from verascope.provenance.watermark_key import load_key

        return load_key(Path(file))

    @cached_property
    def _registry(self) -> "Registry | None":
        """The registry to ask, opened with the first input."""
        if self.settings.registry is None:
            return None
        from verascope.provenance.registry import Registry

        return Registry(Path(self.settings.registry))

    def _read(self, request: ReadRequest) -> tuple[Reading, dict[str, Windows]]:
        """What the worker found, however far it came, and each detector's windows."""
        reading = Reading(stage=Stage.OPENED)
        cuts: dict[str, Windows] = {}
        try:
            for message in self._sandbox.call(msgspec.msgpack.encode(request)):
                told = sent.decoded(message.data, Reading)
                if told.stage is Stage.CUT:
                    cuts = sent.windows(told.windowed, message.arrays, self._detectors, MAX_WINDOWS)
                reading = told
        except InputTrouble as trouble:
            reading = _died(reading, trouble)
        return reading, {name: cuts[name] for name in reading.windowed if name in cuts}

    @cached_property
    def _entries(self) -> dict[str, registry.Entry]:
        """The wanted detectors: where they come from, for the worker."""
        names = self.settings.detectors
        if names:
            return {n: registry.resolve(n) for n in names}
        return registry.wanted(self.settings.quality)

    @cached_property
    def _detectors(self) -> dict[str, Detector]:
        """The wanted detectors, for the parent."""
        settings = self.settings
        found = {
            name: registry.build(
                name,
                entry,
                providers=settings.providers,
                threads=settings.model_threads,
                batch=settings.batch,
            )
            for name, entry in self._entries.items()
        }
        if settings.heatmaps and not any(isinstance(each, Locates) for each in found.values()):
            raise UsageError(
                f"heat maps are made by the accurate tier, not by {', '.join(found)}; "
                "install its encoder: verascope models install clip-vit-b16"
            )
        return found

    @cached_property
    def _profiles(self) -> dict[str, Profile]:
        """The user's own thresholds, by the detector that they are for."""
        return fitting(self.settings.calibrations, self._detectors)


def refused(uri: str, reason: Reason, detail: str = "", *, part: str | None = None) -> Result:
    """The Result of an input that was never read, because it could not be asked for."""
    reading = Reading(stage=Stage.DONE, reason=reason, detail=detail or None)
    return _renamed(result_of(reading, uri, [], {}), uri, part)


def _renamed(result: Result, uri: str, part: str | None) -> Result:
    """A Result under the name of another input of the same content."""
    if (result.input.uri, result.input.part) == (uri, part):
        return result
    source = msgspec.structs.replace(result.input, uri=uri, part=part)
    return msgspec.structs.replace(result, input=source)


def uri_of(path: str) -> str:
    """How a Result names a file: its path, or a file: URI where the path is no valid Unicode."""
    try:
        path.encode()
    except UnicodeEncodeError:
        from urllib.parse import quote

        return "file:" + quote(os.fsencode(path))
    return path


def _died(reading: Reading, trouble: InputTrouble) -> Reading:
    """The last Reading of a worker that did not finish."""
    if reading.stage is Stage.OPENED:
        return msgspec.structs.replace(reading, reason=trouble.reason, detail=trouble.detail)
    detail = f"checking the credential was stopped: {trouble}"
    return msgspec.structs.replace(
        reading,
        stage=Stage.DONE,
        provenance=Provenance(outcome=Outcome.UNREADABLE, detail=detail),
        warnings=(*reading.warnings, Warn.PROVENANCE_STOPPED),
    )
