"""What is signed here, by another implementation that shares no code with ours: encypher-c2pa.

It is asked offline and without telemetry, always.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.provenance import chain
from verascope.provenance.certificates import DevChain, dev_chain
from verascope.provenance.sign import Declaration, Parent, Signer, sign

FORMATS: dict[str, Callable[[], bytes]] = {
    **chain.MEDIA,
    "image/gif": lambda: chain.picture("GIF"),
    "image/tiff": lambda: chain.picture("TIFF"),
}
AI = Declaration(source_type="trainedAlgorithmicMedia", title="a picture", software="a model")


@pytest.fixture(scope="module")
def made() -> DevChain:
    return dev_chain()


def state(path: Path, media_type: str, trust: bytes | None = None) -> str:
    """The other implementation's word: Trusted, Valid or Invalid."""
    encypher = pytest.importorskip("encypher_c2pa", reason="encypher-c2pa is not installed")
    options: dict[str, Any] = {"telemetry": False, "online": False, "no_default_trust": True}
    if trust is not None:
        options["trust_pem"] = trust.decode()
    return str(encypher.verify(str(path), media_type, **options)["validation_state"])


@pytest.mark.parametrize("media_type", FORMATS)
def test_it_agrees(media_type: str, tmp_path: Path, made: DevChain) -> None:
    path, changed = tmp_path / "signed", tmp_path / "changed"
    path.write_bytes(FORMATS[media_type]())
    sign(path, path, media_type, Signer(chain=made.chain, key=made.key), AI)
    assert state(path, media_type, made.root) == "Trusted"
    assert state(path, media_type) == "Valid"
    changed.write_bytes(chain.flip_assertion(path.read_bytes()))
    assert state(changed, media_type, made.root) == "Invalid"
    if media_type in chain.MEDIA:
        changed.write_bytes(chain.flip_media(path.read_bytes(), media_type))
        assert state(changed, media_type, made.root) == "Invalid"


def test_it_agrees_on_a_history(tmp_path: Path, made: DevChain) -> None:
    first, second = tmp_path / "first.jpg", tmp_path / "second.jpg"
    signer = Signer(chain=made.chain, key=made.key)
    for path in (first, second):
        path.write_bytes(chain.picture())
    sign(first, first, "image/jpeg", signer, AI)
    says = Declaration(actions=("cropped",))
    sign(second, second, "image/jpeg", signer, says, parent=Parent(first, "image/jpeg"))
    assert state(second, "image/jpeg", made.root) == "Trusted"
