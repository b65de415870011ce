"""The outcomes on files that the test signs itself: every attack gets its stated answer."""

import io
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.provenance import chain
from tests.provenance.chain import Authority, Ingredient, credentials, sign
from verascope.errors import UsageError
from verascope.provenance.verify import verify
from verascope.result import Extent, Outcome, Provenance

JPEG = "image/jpeg"


@pytest.fixture(scope="module")
def root() -> Authority:
    return chain.authority()


@pytest.fixture(scope="module")
def trust(root: Authority, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return (chain.write_root(root, tmp_path_factory.mktemp("trust")),)


@pytest.fixture(scope="module")
def signer(root: Authority) -> chain.Credentials:
    return credentials(root)


@pytest.fixture(scope="module")
def signed(signer: chain.Credentials) -> bytes:
    return sign(chain.picture(), JPEG, signer)


def check(data: bytes, trust: tuple[str, ...], media_type: str = JPEG) -> Provenance:
    return verify(io.BytesIO(data), media_type, trust)


@pytest.mark.parametrize("media_type", chain.MEDIA)
class TestTamperMatrix:
    @pytest.fixture
    def media(self, media_type: str, signer: chain.Credentials) -> bytes:
        return sign(chain.MEDIA[media_type](), media_type, signer)

    def test_untouched(self, media: bytes, media_type: str, trust: tuple[str, ...]) -> None:
        answer = check(media, trust, media_type)
        assert answer.outcome is Outcome.TRUSTED
        assert answer.trusted_by == trust
        assert answer.signer is not None and answer.signer.trusted
        assert answer.claims[0].source_type == "trainedAlgorithmicMedia"
        assert answer.claims[0].extent is Extent.WHOLE and answer.claims[0].trusted

    def test_unlisted(self, media: bytes, media_type: str) -> None:
        answer = check(media, ("official",), media_type)
        assert answer.outcome is Outcome.VALID_UNTRUSTED
        assert not answer.claims[0].trusted
        assert "unproven_name" in {warning.code for warning in answer.warnings}

    def test_one_bit_of_the_media(
        self, media: bytes, media_type: str, trust: tuple[str, ...]
    ) -> None:
        answer = check(chain.flip_media(media, media_type), trust, media_type)
        assert answer.outcome is Outcome.INVALID
        kind = "bmffHash" if media_type in ("image/avif", "video/mp4") else "dataHash"
        assert answer.failures == (f"assertion.{kind}.mismatch",)
        assert answer.detail is not None and "tampered" not in answer.detail

    def test_a_byte_of_an_assertion(
        self, media: bytes, media_type: str, trust: tuple[str, ...]
    ) -> None:
        answer = check(chain.flip_assertion(media), trust, media_type)
        assert answer.outcome is Outcome.INVALID
        assert answer.failures == ("assertion.hashedURI.mismatch",)

    def test_a_byte_of_the_certificate(
        self, media: bytes, media_type: str, trust: tuple[str, ...]
    ) -> None:
        changed = chain.flip(media, media.index(b"Verascope Test Signer"))
        assert check(changed, trust, media_type).outcome is Outcome.INVALID

    def test_appended(self, media: bytes, media_type: str, trust: tuple[str, ...]) -> None:
        assert check(media + bytes(16), trust, media_type).outcome is Outcome.INVALID

    def test_cut_inside_the_manifest(
        self, media: bytes, media_type: str, trust: tuple[str, ...]
    ) -> None:
        cut = media[: media.index(b"c2pa.claim.v2") + 40]
        # A cut MP3 is still one to the library, and its credential is broken.
        outcome = Outcome.INVALID if media_type == "audio/mpeg" else Outcome.UNREADABLE
        assert check(cut, trust, media_type).outcome is outcome

    def test_manifest_of_another_file(
        self, media: bytes, media_type: str, trust: tuple[str, ...]
    ) -> None:
        """The same signer's manifest, moved onto media of the same length."""
        plain = chain.MEDIA[media_type]()
        assert check(plain, trust, media_type).outcome is Outcome.NONE
        assert check(media, trust, media_type).outcome is Outcome.TRUSTED
        other = chain.flip_media(media, media_type)
        assert check(other, trust, media_type).outcome is Outcome.INVALID

    def test_parent_changed_before_it_was_added(
        self, media: bytes, media_type: str, trust: tuple[str, ...], signer: chain.Credentials
    ) -> None:
        parent = Ingredient(chain.flip_media(media, media_type), media_type, title="holiday")
        outer = sign(chain.MEDIA[media_type](), media_type, signer, [chain.opened()], parent)
        answer = check(outer, trust, media_type)
        assert answer.outcome is Outcome.TRUSTED
        warning = next(each for each in answer.warnings if each.code == "ingredient_failed")
        assert "does not validate: its content is not what was signed" in warning.statement
        assert not next(c for c in answer.claims if c.action == "c2pa.created").trusted

    def test_parent_changed_after_signing(
        self, media: bytes, media_type: str, trust: tuple[str, ...], signer: chain.Credentials
    ) -> None:
        outer = sign(
            chain.MEDIA[media_type](),
            media_type,
            signer,
            [chain.opened()],
            Ingredient(media, media_type),
        )
        assert check(outer, trust, media_type).outcome is Outcome.TRUSTED
        assert check(chain.flip_assertion(outer), trust, media_type).outcome is Outcome.INVALID


def test_box_type_broken_is_invalid(signed: bytes, trust: tuple[str, ...]) -> None:
    changed = chain.flip(signed, signed.index(b"jumd") + 3)
    assert check(changed, trust).outcome is Outcome.INVALID


@pytest.mark.parametrize("purpose", [chain.TIME_STAMPING, chain.OCSP_SIGNING])
def test_leaf_for_another_purpose_is_never_trusted(
    root: Authority, trust: tuple[str, ...], purpose: str
) -> None:
    answer = check(sign(chain.picture(), JPEG, credentials(root, purposes=(purpose,))), trust)
    assert answer.outcome is Outcome.VALID_UNTRUSTED
    assert "not_a_signing_certificate" in {warning.code for warning in answer.warnings}


def test_leaf_for_claim_signing_alone_is_trusted(root: Authority, trust: tuple[str, ...]) -> None:
    data = sign(chain.picture(), JPEG, credentials(root, purposes=(chain.CLAIM_SIGNING,)))
    assert check(data, trust).outcome is Outcome.TRUSTED


def test_chain_to_a_time_stamp_authority_only(
    trust: tuple[str, ...], tmp_path: Path, signed: bytes
) -> None:
    stamps = chain.authority("Throwaway Time Stamps")
    data = sign(chain.picture(), JPEG, credentials(stamps))
    name = f"tsa:{chain.write_root(stamps, tmp_path)}"
    answer = check(data, (*trust, name))
    assert answer.outcome is Outcome.VALID_UNTRUSTED
    assert "time_stamp_authority_only" in {warning.code for warning in answer.warnings}
    assert check(signed, (*trust, name)).outcome is Outcome.TRUSTED


def test_a_chain_that_cannot_be_read_is_not_trusted(
    signer: chain.Credentials, trust: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library trusts it; whether its leaf may sign is not known."""
    data = sign(chain.picture(), JPEG, signer)
    monkeypatch.setattr("verascope.provenance.answer._store", lambda reader, label: b"")
    answer = check(data, trust)
    assert answer.outcome is Outcome.VALID_UNTRUSTED
    assert "certificate_not_read" in {warning.code for warning in answer.warnings}


def test_intermediate(root: Authority, trust: tuple[str, ...]) -> None:
    between = chain.authority("Throwaway Intermediate", root)
    data = sign(chain.picture(), JPEG, credentials(between))
    assert check(data, trust).outcome is Outcome.TRUSTED


def test_expired_leaf_is_untrusted_and_not_invalid(root: Authority, trust: tuple[str, ...]) -> None:
    data = sign(chain.picture(), JPEG, credentials(root, lasts=timedelta(seconds=3)))
    assert check(data, trust).outcome is Outcome.TRUSTED
    time.sleep(4.1)  # certificates know whole seconds only
    answer = check(data, trust)
    assert answer.outcome is Outcome.VALID_UNTRUSTED
    assert "expired_certificate" in {warning.code for warning in answer.warnings}


def test_self_made_chain_with_a_known_name(trust: tuple[str, ...]) -> None:
    forger = credentials(chain.authority("Google C2PA Root CA G3"), "Pixel Camera", "Google LLC")
    data = sign(chain.picture(), JPEG, forger, [chain.created("digitalCapture")])
    for lists in (trust, ("official",), ("official", "interim"), ("none",)):
        answer = check(data, lists)
        assert answer.outcome is Outcome.VALID_UNTRUSTED
        assert answer.signer is not None and not answer.signer.trusted
        assert not any(claim.trusted for claim in answer.claims)


def test_trusted_over_an_untrusted_parent(
    root: Authority, trust: tuple[str, ...], signer: chain.Credentials
) -> None:
    stranger = credentials(chain.authority("Somebody Else"))
    parent = sign(chain.picture(), JPEG, stranger, [chain.created("digitalCapture")])
    for anchors in (None, root.pem):  # the signing program knew the list, or did not
        outer = sign(
            chain.picture(),
            JPEG,
            signer,
            [chain.opened()],
            Ingredient(parent, JPEG),
            anchors=anchors,
        )
        answer = check(outer, trust)
        assert answer.outcome is Outcome.TRUSTED
        assert "ingredient_untrusted" in {warning.code for warning in answer.warnings}
        assert not next(c for c in answer.claims if c.source_type == "digitalCapture").trusted


def test_a_known_signer_that_was_unknown_when_taken_in(
    trust: tuple[str, ...], signer: chain.Credentials, signed: bytes
) -> None:
    """The editor asked no list; we ask ours."""
    parent = Ingredient(signed, JPEG)
    edited = sign(chain.picture(), JPEG, signer, [chain.opened()], parent, anchors=None)
    answer = check(edited, trust)
    assert answer.outcome is Outcome.TRUSTED
    assert "ingredient_untrusted" not in {warning.code for warning in answer.warnings}
    assert next(c for c in answer.claims if c.source_type == "trainedAlgorithmicMedia").trusted
    assert answer.history is not None and not answer.history.ingredients[0].failures
    stamps = check(edited, (f"tsa:{trust[0]}",))  # a list of time stamps knows no signer
    assert stamps.history is not None and stamps.history.ingredients[0].failures


def test_component_is_a_part(
    trust: tuple[str, ...], signer: chain.Credentials, signed: bytes
) -> None:
    part = Ingredient(signed, JPEG, "componentOf", "a sky")
    actions = [chain.created("composite"), chain.placed()]
    answer = check(sign(chain.picture(), JPEG, signer, actions, part), trust)
    ai = next(c for c in answer.claims if c.source_type == "trainedAlgorithmicMedia")
    assert answer.outcome is Outcome.TRUSTED and ai.extent is Extent.PART
    assert answer.history is not None
    assert [each.relationship for each in answer.history.ingredients] == ["componentOf"]


def test_stripped_is_none(trust: tuple[str, ...], signed: bytes) -> None:
    from PIL import Image

    out = io.BytesIO()
    Image.open(io.BytesIO(signed)).save(out, "JPEG")
    assert check(out.getvalue(), trust) == Provenance(outcome=Outcome.NONE, trust_lists=trust)


def test_remote_only_keeps_the_address(trust: tuple[str, ...], signer: chain.Credentials) -> None:
    url = "https://example.org/manifest.c2pa"
    answer = check(sign(chain.picture(), JPEG, signer, remote_url=url), trust)
    assert answer.outcome is Outcome.REMOTE_ONLY and answer.remote_url == url


@pytest.mark.parametrize(
    ("data", "media_type", "outcome"),
    [
        (b"", JPEG, Outcome.NONE),
        (b"C2PA is a word", "text/plain", Outcome.UNSUPPORTED),
        (chain.picture("BMP"), "image/bmp", Outcome.UNSUPPORTED),
        (b"OggS" + bytes(60), "audio/ogg", Outcome.UNSUPPORTED),
        (b"\xff\xd8\xff\xe1\xff\xff", JPEG, Outcome.UNREADABLE),
    ],
)
def test_without_a_report(
    data: bytes, media_type: str, outcome: Outcome, trust: tuple[str, ...]
) -> None:
    assert check(data, trust, media_type).outcome is outcome


def test_sidecar(trust: tuple[str, ...], signed: bytes, signer: chain.Credentials) -> None:
    """A manifest beside its file: with it trusted, with another file invalid, alone unsupported."""
    import json

    from verascope.provenance.library import load

    c2pa = load()
    plain, out = chain.picture(), io.BytesIO()
    manifest = {"assertions": [{"label": "c2pa.actions", "data": {"actions": [chain.created()]}}]}
    context = c2pa.Context.from_dict(chain._settings(None))
    with c2pa.Builder(json.dumps(manifest), context=context) as builder:
        builder.set_no_embed()
        store = builder.sign(chain._signer(c2pa, signer), JPEG, io.BytesIO(plain), out)
    assert check(plain, trust).outcome is Outcome.NONE
    assert verify(io.BytesIO(plain), JPEG, trust, sidecar=store).outcome is Outcome.TRUSTED
    other = chain.flip_media(plain, JPEG)
    assert verify(io.BytesIO(other), JPEG, trust, sidecar=store).outcome is Outcome.INVALID
    alone = verify(io.BytesIO(store), "application/c2pa", trust)
    assert alone.outcome is Outcome.UNSUPPORTED


def test_redaction_is_told(trust: tuple[str, ...], signer: chain.Credentials) -> None:
    private = {"assertions": [{"label": "org.example.private", "data": {"name": "x"}}]}
    parent = sign(chain.picture(), JPEG, signer, more=private)
    history = check(parent, trust).history
    assert history is not None
    uri = f"self#jumbf=/c2pa/{history.label}/c2pa.assertions/org.example.private"
    redacted = {"action": "c2pa.redacted", "reason": "c2pa.PII.present"}
    actions = [chain.opened(), redacted | {"parameters": {"redacted": uri}}]
    more = {"redactions": [uri]}
    outer = sign(chain.picture(), JPEG, signer, actions, Ingredient(parent, JPEG), more=more)
    answer = check(outer, trust)
    assert answer.outcome is Outcome.TRUSTED
    assert "redacted" in {warning.code for warning in answer.warnings}


def test_unknown_list_is_wrong_usage(signed: bytes, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    for names in (
        ("offical",),
        ("none", "official"),
        (str(empty),),
        ("no/such.pem",),
        (str(broken),),
    ):
        with pytest.raises(UsageError):
            check(signed, names)
