"""The walk to the signing certificates: right on real stores, and quiet on broken ones."""

import io
import random

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.provenance import chain
from verascope.provenance.library import load
from verascope.provenance.report import parse
from verascope.provenance.signature import _Cbor, _MalformedError, read_leaf, signing_chain
from verascope.provenance.trust import contexts


def store_and_label(data: bytes) -> tuple[bytes, str]:
    context = contexts(("none",)).everything
    out = io.BytesIO()
    with load().Reader("image/jpeg", io.BytesIO(data), None, context) as reader:
        label = parse(reader.json()).active_manifest
        assert label is not None
        reader.resource_to_stream(f"self#jumbf=/c2pa/{label}/c2pa.signature", out)
    return out.getvalue(), label


@pytest.fixture(scope="module")
def signer() -> chain.Credentials:
    between = chain.authority("Throwaway Intermediate", chain.authority())
    return chain.credentials(between, purposes=(chain.CLAIM_SIGNING,))


@pytest.fixture(scope="module")
def store(signer: chain.Credentials) -> tuple[bytes, str]:
    return store_and_label(chain.sign(chain.picture(), "image/jpeg", signer))


def test_the_chain_is_the_signers(store: tuple[bytes, str], signer: chain.Credentials) -> None:
    found = [x509.load_der_x509_certificate(der) for der in signing_chain(*store)]
    assert found == x509.load_pem_x509_certificates(signer.chain)
    leaf = read_leaf(signing_chain(*store)[0])
    assert leaf is not None and leaf.may_sign
    assert leaf.serial_number == str(found[0].serial_number)


def test_the_active_manifest_is_the_one_that_is_read(signer: chain.Credentials) -> None:
    other = chain.credentials(chain.authority("Somebody Else"))
    parent = chain.Ingredient(chain.sign(chain.picture(), "image/jpeg", other), "image/jpeg")
    outer = chain.sign(chain.picture(), "image/jpeg", signer, [chain.opened()], parent)
    first = x509.load_der_x509_certificate(signing_chain(*store_and_label(outer))[0])
    assert first == x509.load_pem_x509_certificates(signer.chain)[0]


def test_two_manifests_of_one_label_give_no_chain(store: tuple[bytes, str]) -> None:
    """Which of them the library would read is its secret."""
    data, label = store
    start = data.index(b"jumb", 8) - 4  # the first manifest in the store
    size = int.from_bytes(data[start : start + 4], "big")
    twice = data + data[start : start + size]
    twice = len(twice).to_bytes(4, "big") + twice[4:]
    assert signing_chain(data, label) and signing_chain(twice, label) == ()


def test_another_label_gives_no_chain(store: tuple[bytes, str]) -> None:
    assert signing_chain(store[0], "urn:c2pa:another") == ()


def test_broken_stores_give_a_chain_or_none(store: tuple[bytes, str]) -> None:
    data, label = store
    rng = random.Random(3)
    for _ in range(4_000):
        changed = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            changed[rng.randrange(len(data))] = rng.randrange(256)
        cut = bytes(changed[: rng.choice((len(data), rng.randrange(len(data))))])
        assert isinstance(signing_chain(cut, label), tuple)


@settings(deadline=None, max_examples=500)
@given(st.binary(max_size=64))
def test_any_bytes_are_cbor_or_malformed(data: bytes) -> None:
    try:
        _Cbor(data).item()
    except _MalformedError:
        return


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("17", 23),
        ("1818", 24),
        ("1903e8", 1000),
        ("3863", -100),
        ("43010203", b"\x01\x02\x03"),
        ("6449455446", "IETF"),
        ("83010203", [1, 2, 3]),
        ("a201020304", {1: 2, 3: 4}),
        ("d28441a0a0f640", [b"\xa0", {}, None, b""]),
        ("5f42010243030405ff", b"\x01\x02\x03\x04\x05"),
        ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
        ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
        ("f5", True),
        ("fb3ff199999999999a", None),  # a float: skipped
    ],
)
def test_cbor_examples_of_the_standard(data: str, value: object) -> None:
    assert _Cbor(bytes.fromhex(data)).item() == value


@pytest.mark.parametrize("data", ["9f" * 40, "9bffffffffffffffff", "5f", "a1", "a18001"])
def test_bombs_are_malformed(data: str) -> None:
    with pytest.raises(_MalformedError):
        _Cbor(bytes.fromhex(data)).item()
