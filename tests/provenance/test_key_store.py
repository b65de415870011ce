"""A key that stays in its store: SoftHSM, by PKCS#11, as a smart card or an HSM would."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from tests.conftest import Command
from tests.provenance import chain
from verascope.errors import UsageError
from verascope.provenance.certificates import DevChain, dev_chain
from verascope.provenance.key_store import key_store

TOKEN, PIN = "verascope tests", "1234"
MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@pytest.fixture(scope="module")
def module() -> str:
    pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed: the extra `pkcs11`")
    found = next((path for path in MODULES if Path(path).exists()), None)
    if found is None or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM is not installed: apt-get install softhsm2")
    return found


@pytest.fixture(scope="module")
def token(module: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty token in a folder of its own."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "conf").write_text(f"directories.tokendir = {folder}/tokens\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "conf"))
        _util("--init-token", "--free", "--label", TOKEN, "--so-pin", PIN)
        yield folder


def _util(*arguments: str) -> None:
    subprocess.run(["softhsm2-util", *arguments, "--pin", PIN], check=True, capture_output=True)


def put(folder: Path, label: str, pem: bytes) -> None:
    """Import a private key (PKCS#8 PEM) into the token."""
    path = folder / f"{label}.pem"
    path.write_bytes(pem)
    number = hashlib.sha256(label.encode()).hexdigest()[:4]
    _util("--import", str(path), "--token", TOKEN, "--label", label, "--id", number)
    path.unlink()


def pem_of(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.fixture(scope="module")
def made(token: Path) -> DevChain:
    made = dev_chain("A key in a store")
    put(token, "signer", made.key)
    return made


def test_the_verb_signs_with_it(
    module: str,
    made: DevChain,
    tmp_path: Path,
    verascope: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, data in (("chain.pem", made.chain), ("root.pem", made.root)):
        (tmp_path / name).write_bytes(data)
    picture, target = tmp_path / "picture.jpg", tmp_path / "signed.jpg"
    picture.write_bytes(chain.picture())
    store = ("--pkcs11", module, "--token", TOKEN, "--key-label")
    options = ("--certificates", tmp_path / "chain.pem", "--created", "digitalCapture", *store)
    without = verascope("sign", picture, target, *options, "signer")
    assert without.code == 64 and "VERASCOPE_PKCS11_PIN" in without.err
    monkeypatch.setenv("VERASCOPE_PKCS11_PIN", PIN)
    assert verascope("sign", picture, target, *options, "signer").code == 0
    trust = ("--trust", tmp_path / "root.pem", "--format", "jsonl")
    assert json.loads(verascope("verify", target, *trust).out)["outcome"] == "trusted"
    absent = verascope("sign", picture, target, *options, "somebody")
    assert absent.code == 64 and "no single key" in absent.err
    monkeypatch.setenv("VERASCOPE_PKCS11_PIN", "9999")
    wrong = verascope("sign", picture, target, *options, "signer")
    assert wrong.code == 64 and "PinIncorrect" in wrong.err


@pytest.mark.parametrize("algorithm", ["es256", "es384", "es512"])
def test_elliptic_curves(algorithm: str, module: str, token: Path) -> None:
    curves = {"es256": ec.SECP256R1(), "es384": ec.SECP384R1(), "es512": ec.SECP521R1()}
    digests = {"es256": hashes.SHA256(), "es384": hashes.SHA384(), "es512": hashes.SHA512()}
    key = ec.generate_private_key(curves[algorithm])
    put(token, algorithm, pem_of(key))
    with key_store(module, TOKEN, algorithm, PIN, algorithm) as sign:
        raw = sign(b"a claim")
    half = len(raw) // 2
    numbers = (int.from_bytes(part, "big") for part in (raw[:half], raw[half:]))
    signature = utils.encode_dss_signature(*numbers)
    key.public_key().verify(signature, b"a claim", ec.ECDSA(digests[algorithm]))


def test_rsa(module: str, token: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    put(token, "ps256", pem_of(key))
    with key_store(module, TOKEN, "ps256", PIN, "ps256") as sign:
        signature = sign(b"a claim")
    padded = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)
    key.public_key().verify(signature, b"a claim", padded, hashes.SHA256())


def test_ed25519(module: str, token: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    put(token, "ed25519", pem_of(key))
    with key_store(module, TOKEN, "ed25519", PIN, "ed25519") as sign:
        key.public_key().verify(sign(b"a claim"), b"a claim")


def test_what_is_not_there(module: str, token: Path) -> None:
    for where, which in ((module, "no such token"), ("/no/such.so", TOKEN)):
        with (
            pytest.raises(UsageError, match="key store"),
            key_store(where, which, "x", PIN, "es256"),
        ):
            pass
