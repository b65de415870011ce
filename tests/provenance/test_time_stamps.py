"""Time stamps, by a real authority on this machine: asked, believed only when known, told."""

import io
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.provenance import chain
from tests.provenance.time_stamps import OPENSSL, TimeStampServer, serving
from verascope.provenance.library import load
from verascope.provenance.sign import Declaration, Signer, SigningError, sign
from verascope.provenance.verify import verify
from verascope.result import Outcome, Provenance

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="no openssl to stamp with")
PNG = "image/png"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimeStampServer]:
    with serving(tmp_path_factory.mktemp("authority")) as running:
        yield running


@pytest.fixture(scope="module")
def root() -> chain.Authority:
    return chain.authority()


def stamped(examples: Path, target: Path, signer: chain.Credentials, url: str | None) -> Path:
    sign(
        examples / "photographs" / "chelsea.png",
        target,
        PNG,
        Signer(chain=signer.chain, key=signer.key, time_stamp_url=url),
        Declaration(source_type="digitalCapture", title="cat"),
    )
    return target


def checked(file: Path, *trust: str) -> Provenance:
    media_type = PNG if file.suffix == ".png" else "image/jpeg"
    with file.open("rb") as opened:
        return verify(opened, media_type, trust)


@pytest.fixture
def lists(tmp_path: Path, root: chain.Authority, server: TimeStampServer) -> tuple[str, str]:
    """The signers' root, and the authority's as a list of time stamps."""
    (tmp_path / "signers.pem").write_bytes(root.pem)
    (tmp_path / "clock.pem").write_bytes(server.root)
    return str(tmp_path / "signers.pem"), f"tsa:{tmp_path / 'clock.pem'}"


def test_a_stamp_is_believed_where_its_authority_is_known(
    examples: Path,
    tmp_path: Path,
    root: chain.Authority,
    server: TimeStampServer,
    lists: tuple[str, str],
) -> None:
    file = stamped(examples, tmp_path / "cat.png", chain.credentials(root), server.url())
    signers, clock = lists
    for trust, outcome, believed in (
        (("none",), Outcome.VALID_UNTRUSTED, False),
        ((signers,), Outcome.TRUSTED, False),
        ((signers, clock), Outcome.TRUSTED, True),
        ((clock,), Outcome.VALID_UNTRUSTED, True),
    ):
        answer = checked(file, *trust)
        assert (answer.outcome, answer.signed_at_trusted) == (outcome, believed), trust
        assert answer.signed_at is not None


def test_a_stamp_outlives_the_signers_certificate(
    examples: Path,
    tmp_path: Path,
    root: chain.Authority,
    server: TimeStampServer,
    lists: tuple[str, str],
) -> None:
    """What was signed in time stays trusted, if a known authority vouches for the time."""
    soon = chain.credentials(root, lasts=timedelta(seconds=4))
    with_stamp = stamped(examples, tmp_path / "stamped.png", soon, server.url())
    without = stamped(examples, tmp_path / "bare.png", soon, None)
    assert checked(without, *lists).outcome is Outcome.TRUSTED
    time.sleep(5)
    assert checked(with_stamp, *lists).outcome is Outcome.TRUSTED
    assert checked(without, *lists).outcome is not Outcome.TRUSTED


@pytest.mark.parametrize("version", [1, 2])
def test_a_clock_of_ones_own_does_not_revive_an_expired_certificate(
    tmp_path: Path,
    root: chain.Authority,
    lists: tuple[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    version: int,
) -> None:
    """In manifests of version 1 the library takes anyone's word; who has an old key has a clock."""
    soon = chain.credentials(root, lasts=timedelta(seconds=3))
    file = tmp_path / "made.jpg"
    with serving(tmp_path_factory.mktemp("own")) as own:
        file.write_bytes(by_library(soon, own.url(), version))
    assert checked(file, *lists).outcome is Outcome.TRUSTED  # as any that is not stamped
    time.sleep(4)
    answer = checked(file, *lists)
    assert (answer.outcome, answer.trusted_by) == (Outcome.VALID_UNTRUSTED, ())
    told = {each.code for each in answer.warnings}
    assert ("expired_without_known_time" in told) == (version == 1)
    assert ("expired_certificate" in told) == (version == 2)
    if version == 1:  # nobody is listed who could know the time: it is trusted, and that is said
        alone = checked(file, lists[0])
        assert alone.outcome is Outcome.TRUSTED
        assert "expired_without_known_time" in {each.code for each in alone.warnings}


def by_library(signer: chain.Credentials, url: str, version: int) -> bytes:
    """A picture with a manifest of that version; `sign` makes those of version 2 alone."""
    c2pa = load()
    info = c2pa.C2paSignerInfo(b"es256", signer.chain, signer.key, url.encode())
    actions = {"label": "c2pa.actions", "data": {"actions": [chain.created()]}}
    manifest = {"claim_version": version, "title": "made", "assertions": [actions]}
    made = io.BytesIO()
    with c2pa.Builder(json.dumps(manifest)) as builder:
        picture = io.BytesIO(chain.picture())
        builder.sign(c2pa.Signer.from_info(info), "image/jpeg", picture, made)
    return made.getvalue()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/garbage", "decode error"),
        ("/another", "nonce"),
        ("/away", "redirect"),
        ("/500", "500"),
        ("/big", "HTTP"),
    ],
)
def test_an_authority_that_misbehaves_is_named_and_nothing_is_written(
    examples: Path,
    tmp_path: Path,
    root: chain.Authority,
    server: TimeStampServer,
    path: str,
    words: str,
) -> None:
    with pytest.raises(SigningError, match=words):
        stamped(examples, tmp_path / "cat.png", chain.credentials(root), server.url(path))
    assert not list(tmp_path.iterdir())


def test_an_authority_that_is_not_there(
    examples: Path, tmp_path: Path, root: chain.Authority
) -> None:
    with pytest.raises(SigningError, match="not signed"):
        stamped(examples, tmp_path / "cat.png", chain.credentials(root), "http://127.0.0.1:9/")
    assert not list(tmp_path.iterdir())
