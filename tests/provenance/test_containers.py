"""Round trips of the rarer formats: signed, trusted, and invalid when something was changed."""

import io
from pathlib import Path

import pytest

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
    (tmp_path / "root.pem").write_bytes(made.root)
    trust = (str(tmp_path / "root.pem"),)
    path = tmp_path / "file"
    path.write_bytes(CONTAINERS[media_type]())
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
