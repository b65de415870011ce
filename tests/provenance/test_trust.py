"""Trust lists, and that every key of the library's settings does what it is there for."""

import io
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.provenance import chain
from verascope.errors import UsageError
from verascope.provenance import trust
from verascope.provenance.library import load

CLAIM_ONLY = (chain.CLAIM_SIGNING,)


@pytest.mark.parametrize(
    ("name", "signers", "time_stamps", "allowed"),
    [("official", 30, 22, 0), ("interim", 18, 0, 86)],
)
def test_shipped_lists_are_whole(name: str, signers: int, time_stamps: int, allowed: int) -> None:
    (found,) = trust.resolve((name,))
    for text, count in zip(found[1:], (signers, time_stamps, allowed), strict=True):
        assert len(x509.load_pem_x509_certificates(text.encode()) if text else []) == count


def test_none_is_no_list_and_stands_alone() -> None:
    assert trust.resolve(("none",)) == ()
    with pytest.raises(UsageError, match="cannot be combined"):
        trust.resolve(("none", "official"))


def test_a_list_named_twice_is_asked_once() -> None:
    assert [each.name for each in trust.resolve(("official", "official"))] == ["official"]


def test_contexts_are_built_once() -> None:
    assert trust.contexts(("official",)) is trust.contexts(("official",))


@pytest.fixture
def known(tmp_path: Path) -> tuple[chain.Authority, tuple[str, ...]]:
    root = chain.authority()
    return root, (chain.write_root(root, tmp_path),)


def test_a_known_signer_comes_out_trusted(
    known: tuple[chain.Authority, tuple[str, ...]],
) -> None:
    """A misspelt key for the anchors or the purposes would be ignored without a word."""
    root, names = known
    signer = chain.credentials(root, purposes=CLAIM_ONLY)
    state = _state(chain.sign(chain.picture(), "image/jpeg", signer), names)
    assert state == "Trusted"


def test_misspelt_settings_would_be_noticed(
    known: tuple[chain.Authority, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: with one letter changed in a key, nobody is trusted any more."""
    root, names = known
    data = chain.sign(chain.picture(), "image/jpeg", chain.credentials(root, purposes=CLAIM_ONLY))
    original = trust._settings
    for key in ("anchors", "trust_config"):

        def misspelt(
            anchors: list[dict[str, str]], *, check_time_stamps: bool, key: str = key
        ) -> dict[str, Any]:
            settings = original(anchors, check_time_stamps=check_time_stamps)
            settings["trust"][key + "x"] = settings["trust"].pop(key)
            return settings

        monkeypatch.setattr(trust, "_settings", misspelt)
        trust.contexts.cache_clear()
        assert _state(data, names) != "Trusted"
    trust.contexts.cache_clear()


def _state(data: bytes, names: tuple[str, ...]) -> str:
    context = trust.contexts(names).everything
    with load().Reader("image/jpeg", io.BytesIO(data), None, context) as reader:
        state: str = reader.get_validation_state()
        return state
