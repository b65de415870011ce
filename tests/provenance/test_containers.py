"""Round trips of the rarer formats: signed, trusted, and invalid when something was changed."""

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.provenance import chain
from tests.provenance.containers import CONTAINERS
from verascope.provenance.certificates import DevChain, dev_chain
from verascope.provenance.sign import Declaration, Signer, sign
from verascope.provenance.verify import verify
from verascope.result import Outcome
from verascope.scanner import Scanner
from verascope.settings import Settings

AI = Declaration(source_type="trainedAlgorithmicMedia", software="a model")


@pytest.fixture(scope="module")
def made() -> DevChain:
    return dev_chain()


@pytest.mark.parametrize("media_type", CONTAINERS)
def test_round_trip(media_type: str, tmp_path: Path, made: DevChain) -> None:
    round_trip(CONTAINERS[media_type](), media_type, tmp_path, made)


def test_dng_is_a_tiff(tmp_path: Path, made: DevChain) -> None:
    round_trip(chain.picture("TIFF"), "image/x-adobe-dng", tmp_path, made)


@pytest.mark.parametrize("media_type", ["image/heic", "image/heif"])
def test_heif(media_type: str, tmp_path: Path, made: DevChain) -> None:
    heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    out = io.BytesIO()
    heif.from_pillow(Image.open(io.BytesIO(chain.picture("PNG")))).save(out)
    round_trip(out.getvalue(), media_type, tmp_path, made)


def round_trip(data: bytes, media_type: str, tmp_path: Path, made: DevChain) -> None:
    """Sign it, verify it by its type and by its bytes, change it and verify it again."""
    (tmp_path / "root.pem").write_bytes(made.root)
    trust = (str(tmp_path / "root.pem"),)
    path = tmp_path / "file"
    path.write_bytes(data)
    sign(path, path, media_type, Signer(chain=made.chain, key=made.key), AI)
    answer = verify(io.BytesIO(path.read_bytes()), media_type, trust)
    assert answer.outcome is Outcome.TRUSTED
    assert answer.claims[0].statement == "made by generative AI, with a model"
    if media_type != "image/svg+xml":  # there it is in base64
        changed = verify(io.BytesIO(chain.flip_assertion(path.read_bytes())), media_type, trust)
        assert changed.outcome is not Outcome.TRUSTED
    with Scanner(Settings(trust=trust)) as scanner:  # which tells the type by the bytes
        whole = scanner.verify(path)
    assert whole.provenance is not None and whole.provenance.outcome is Outcome.TRUSTED
