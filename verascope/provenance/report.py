"""The library's report on a credential, typed: what we read of its JSON and nothing else."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct, field

# Codes about identities that others attach (CAWG): trust in them is another matter.
IDENTITY_PREFIX = "cawg."
# A record of an old kind lists what went well beside what failed.
SUCCESS_ENDS = (".validated", ".match", ".trusted", ".insideValidity", ".notRevoked", ".skipped")


class Code(Struct, frozen=True):
    """One thing that was checked, by its C2PA status code."""

    code: str
    url: str | None = None
    explanation: str | None = None


class Codes(Struct, frozen=True):
    """What was checked of one manifest."""

    success: tuple[Code, ...] = ()
    informational: tuple[Code, ...] = ()
    failure: tuple[Code, ...] = ()


class Delta(Struct, frozen=True):
    """What is known now of an ingredient beyond what its record says."""

    codes: Codes = field(name="validationDeltas", default=Codes())


class Results(Struct, frozen=True):
    """The results for a manifest and for the ingredients under it."""

    active: Codes | None = field(name="activeManifest", default=None)
    deltas: tuple[Delta, ...] | None = field(name="ingredientDeltas", default=None)

    def failures(self) -> Iterator[Code]:
        """Every failure, of the manifest and of what it rests on; identities left out."""
        codes = [self.active or Codes(), *(delta.codes for delta in self.deltas or ())]
        for each in codes:
            yield from (c for c in each.failure if not c.code.startswith(IDENTITY_PREFIX))


class RawIngredient(Struct, frozen=True):
    """What a manifest records of something that went into it."""

    title: str | None = None
    relationship: str | None = None
    active_manifest: str | None = None
    validation_results: Results | None = None
    validation_status: tuple[Code, ...] | None = None

    def failures(self) -> Iterator[Code]:
        """What the record says failed when the ingredient was added."""
        yield from (self.validation_results or Results()).failures()
        for code in self.validation_status or ():
            if not code.code.endswith(SUCCESS_ENDS) and not code.code.startswith(IDENTITY_PREFIX):
                yield code


class Assertion(Struct, frozen=True):
    """One labelled statement; its data may be anything."""

    label: str
    data: Any = None


class SignatureInfo(Struct, frozen=True):
    """Who signed, in the words of the certificate. `issuer` is the subject's organisation."""

    alg: str | None = None
    issuer: str | None = None
    common_name: str | None = None
    cert_serial_number: str | None = None
    time: str | None = None


class RawManifest(Struct, frozen=True):
    """One manifest of the store."""

    title: str | None = None
    claim_generator: str | None = None
    claim_generator_info: Any = None
    claim_version: int | None = None
    ingredients: tuple[RawIngredient, ...] | None = None
    assertions: tuple[Assertion, ...] | None = None
    redactions: tuple[str, ...] | None = None
    signature_info: SignatureInfo | None = None


class Report(Struct, frozen=True):
    """The whole answer."""

    active_manifest: str | None = None
    manifests: dict[str, RawManifest] = {}
    validation_results: Results | None = None
    validation_state: str | None = None

    @property
    def results(self) -> Results:
        """The results, empty where the library gave none."""
        return self.validation_results or Results()

    @property
    def codes(self) -> Codes:
        """What was checked of the active manifest."""
        return self.results.active or Codes()

    @property
    def active(self) -> RawManifest:
        """The manifest that speaks for the file as it is."""
        return self.manifests.get(self.active_manifest or "", RawManifest())

    @property
    def has_excuse(self) -> bool:
        """Whether the state may be lower for what is not held against the active manifest.

        That is an identity that was not checked, or an ingredient whose signer is unknown.
        """
        below = [delta.codes.failure for delta in self.results.deltas or ()]
        identities = [c for c in self.codes.failure if c.code.startswith(IDENTITY_PREFIX)]
        return any(below) or bool(identities)

    def says(self, code: str) -> bool:
        """Whether the check of the active manifest gave this code, as a success or a failure."""
        return any(c.code == code for c in (*self.codes.success, *self.codes.failure))


def parse(json: str) -> Report:
    """The report in typed form.

    Raises:
        msgspec.MsgspecError: it is not what the library is known to write.
    """
    return msgspec.json.decode(json, type=Report)
