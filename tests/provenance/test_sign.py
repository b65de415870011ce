"""Signing: the file is what was said, appears whole or not at all, and refuses nonsense."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image

from tests.provenance import chain
from verascope.errors import UsageError
from verascope.provenance import examine
from verascope.provenance.certificates import DevChain, dev_chain
from verascope.provenance.evidence import declares_ai
from verascope.provenance.sign import (
    Action,
    Declaration,
    Parent,
    Placement,
    Signer,
    SigningError,
    sign,
)
from verascope.provenance.verify import verify
from verascope.result import Extent, Outcome, Provenance

JPEG = "image/jpeg"
AI = Declaration(source_type="trainedAlgorithmicMedia", title="a picture", software="a model")


@pytest.fixture(scope="module")
def made() -> DevChain:
    return dev_chain()


@pytest.fixture(scope="module")
def signer(made: DevChain) -> Signer:
    return Signer(chain=made.chain, key=made.key)


@pytest.fixture
def trust(made: DevChain, tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "root.pem").write_bytes(made.root)
    return (str(tmp_path / "root.pem"),)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.jpg"
    path.write_bytes(chain.picture())
    return path


def check(path: Path, trust: tuple[str, ...], media_type: str = JPEG) -> Provenance:
    with path.open("rb") as file:
        return verify(file, media_type, trust)


@pytest.mark.parametrize("media_type", [*chain.MEDIA, "image/gif", "image/tiff"])
def test_round_trip(
    media_type: str, tmp_path: Path, signer: Signer, trust: tuple[str, ...]
) -> None:
    kind = media_type.rpartition("/")[2].upper()
    data = chain.MEDIA.get(media_type, lambda: chain.picture(kind))()
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(data)
    assert sign(source, target, media_type, signer, AI).outcome is Outcome.VALID_UNTRUSTED
    answer = check(target, trust, media_type)
    assert answer.outcome is Outcome.TRUSTED
    (claim,) = answer.claims
    assert (claim.source_type, claim.extent) == ("trainedAlgorithmicMedia", Extent.WHOLE)
    assert claim.statement == "made by generative AI, with a model"
    assert source.read_bytes() == data
    if media_type.startswith("image/"):
        before, after = (Image.open(path).convert("RGB").tobytes() for path in (source, target))
        assert before == after


def test_onto_itself_and_keeping_history(
    source: Path, signer: Signer, trust: tuple[str, ...]
) -> None:
    source.chmod(0o640)
    sign(source, source, JPEG, signer, AI)
    sign(source, source, JPEG, signer, Declaration(actions=("cropped", "resized")))
    answer = check(source, trust)
    assert answer.outcome is Outcome.TRUSTED
    said = [claim.statement for claim in answer.claims]
    assert said == ["opened", "cropped", "resized", "made by generative AI, with a model"]
    assert answer.history is not None
    assert [each.relationship for each in answer.history.ingredients] == ["parentOf"]
    assert stat.S_IMODE(source.stat().st_mode) == 0o640


def test_another_file_as_parent(
    source: Path, tmp_path: Path, signer: Signer, trust: tuple[str, ...]
) -> None:
    original = tmp_path / "original.jpg"
    sign(source, original, JPEG, signer, AI)
    small, png = tmp_path / "small.png", "image/png"
    Image.open(original).resize((48, 48)).save(small)
    assert check(small, trust, png).outcome is Outcome.NONE
    resized = Declaration(actions=("resized",))
    sign(small, small, png, signer, resized, parent=Parent(original, JPEG))
    answer = check(small, trust, png)
    assert answer.outcome is Outcome.TRUSTED and answer.claims[-1].extent is Extent.WHOLE


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(
    "kind", ["compositeWithTrainedAlgorithmicMedia", "trainedAlgorithmicMedia"]
)
def test_an_action_of_ai_on_a_parent(
    kind: str, own: bool, source: Path, tmp_path: Path, signer: Signer, trust: tuple[str, ...]
) -> None:
    original, twin, png = tmp_path / "original.jpg", tmp_path / "twin.png", "image/png"
    sign(source, original, JPEG, signer, Declaration(source_type="digitalCapture"), trust=trust)
    Image.open(source).resize((48, 48)).save(twin)
    says = Declaration(actions=(Action("edited", kind), "resized"), software="a model")
    sign(twin, twin, png, signer, says, parent=Parent(original, JPEG), trust=trust, own=own)
    answer = check(twin, trust, png)
    assert answer.outcome is Outcome.TRUSTED and not answer.failures
    assert [(each.action, each.source_type, each.extent) for each in answer.claims] == [
        ("c2pa.opened", None, Extent.WHOLE),
        ("c2pa.edited", kind, Extent.PART),
        ("c2pa.resized", None, Extent.WHOLE),
        ("c2pa.created", "digitalCapture", Extent.WHOLE),
    ]
    assert declares_ai(answer) is Extent.PART  # the picture goes on showing what its parent shows
    assert b"c2pa.thumbnail" not in twin.read_bytes()


def test_update_leaves_the_media_alone(
    source: Path, signer: Signer, trust: tuple[str, ...]
) -> None:
    sign(source, source, JPEG, signer, AI)
    before = Image.open(source).tobytes()
    says = Declaration(update=True, training={"ai_training": "notAllowed"})
    sign(source, source, JPEG, signer, says)
    answer = check(source, trust)
    assert answer.outcome is Outcome.TRUSTED and Image.open(source).tobytes() == before
    assert "made by generative AI, with a model" in [claim.statement for claim in answer.claims]
    with pytest.raises(SigningError):  # a crop changes the media: that is an edit
        sign(source, source, JPEG, signer, Declaration(update=True, actions=("cropped",)))


def test_beside_the_file(
    source: Path, tmp_path: Path, signer: Signer, trust: tuple[str, ...]
) -> None:
    before, target, beside = source.read_bytes(), tmp_path / "t.jpg", tmp_path / "t.c2pa"
    sign(source, target, JPEG, signer, AI, placement=Placement(sidecar=beside))
    assert target.read_bytes() == before and check(target, trust).outcome is Outcome.NONE
    with target.open("rb") as file:
        answer = verify(file, JPEG, trust, sidecar=beside.read_bytes())
    assert answer.outcome is Outcome.TRUSTED


def test_at_an_address(
    source: Path, tmp_path: Path, signer: Signer, trust: tuple[str, ...]
) -> None:
    url, beside = "https://example.org/t.c2pa", tmp_path / "t.c2pa"
    both = tmp_path / "both.jpg"
    sign(source, both, JPEG, signer, AI, placement=Placement(remote_url=url))
    assert check(both, trust).outcome is Outcome.TRUSTED and url.encode() in both.read_bytes()
    sign(source, source, JPEG, signer, AI, placement=Placement(remote_url=url, sidecar=beside))
    answer = check(source, trust)
    assert (answer.outcome, answer.remote_url) == (Outcome.REMOTE_ONLY, url)
    with source.open("rb") as file:
        assert verify(file, JPEG, trust, sidecar=beside.read_bytes()).outcome is Outcome.TRUSTED


def test_training_choices_read_back(source: Path, signer: Signer) -> None:
    says = Declaration(source_type="digitalCapture", training={"ai_training": "notAllowed"})
    answer = sign(source, source, JPEG, signer, says)
    assert "training AI with it: not allowed" in [claim.statement for claim in answer.claims]


def test_a_thumbnail_only_on_demand(source: Path, tmp_path: Path, signer: Signer) -> None:
    plain, pictured = tmp_path / "plain.jpg", tmp_path / "pictured.jpg"
    sign(source, plain, JPEG, signer, AI)
    sign(source, pictured, JPEG, signer, Declaration(source_type="digitalCapture", thumbnail=True))
    assert b"c2pa.thumbnail" in pictured.read_bytes()
    assert b"c2pa.thumbnail" not in plain.read_bytes()


def test_a_key_that_stays_where_it_is(made: DevChain, source: Path, trust: tuple[str, ...]) -> None:
    key = serialization.load_pem_private_key(made.key, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)

    def store(data: bytes) -> bytes:
        return key.sign(data, ec.ECDSA(hashes.SHA256()))

    sign(source, source, JPEG, Signer(chain=made.chain, callback=store), AI)
    assert check(source, trust).outcome is Outcome.TRUSTED


def broken_store(data: bytes) -> bytes:
    return b"not a signature"


def test_nothing_is_left_where_signing_fails(
    made: DevChain, source: Path, signer: Signer, tmp_path: Path
) -> None:
    before, target = source.read_bytes(), tmp_path / "target.jpg"
    target.write_bytes(b"precious")
    broken = Signer(chain=made.chain, callback=broken_store)
    wrong_key = Signer(chain=dev_chain().chain, key=signer.key)
    for bad in (broken, wrong_key):
        with pytest.raises(SigningError):
            sign(source, target, JPEG, bad, AI)
        with pytest.raises(SigningError):
            sign(source, source, JPEG, bad, AI)
    assert target.read_bytes() == b"precious" and source.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"source.jpg", "target.jpg"}


@pytest.mark.parametrize("change", ["cut", "changed", "not a picture"])
def test_damaged_media_is_refused(
    change: str, source: Path, tmp_path: Path, signer: Signer
) -> None:
    if change == "cut":
        source.write_bytes(chain.picture()[:-400])
    elif change == "changed":
        sign(source, source, JPEG, signer, AI)
        source.write_bytes(chain.flip_media(source.read_bytes(), JPEG))
    else:
        source.write_bytes(b"text")
    with pytest.raises(SigningError):
        sign(source, tmp_path / "target.jpg", JPEG, signer, AI)
    assert not (tmp_path / "target.jpg").exists()


@pytest.mark.parametrize(
    "says",
    [
        Declaration(source_type="TrainedAlgorithmicMedia"),
        Declaration(actions=("enhanced",)),
        Declaration(actions=("created",)),
        Declaration(actions=(Action("edited", "AI"),)),
        Declaration(training={"ai_training": "never"}),
        Declaration(training={"training": "allowed"}),
        Declaration(source_type="unknown", update=True),
    ],
)
def test_what_the_library_would_sign_without_a_word(
    says: Declaration, source: Path, signer: Signer
) -> None:
    before = source.read_bytes()
    with pytest.raises(UsageError, match="unknown"):
        sign(source, source, JPEG, signer, says)
    assert source.read_bytes() == before


@pytest.mark.parametrize("name", ["source.jpg", "target.jpg", "parent.jpg", "link.jpg"])
def test_a_sidecar_replaces_nothing_that_is_read_or_written(
    name: str, source: Path, tmp_path: Path, signer: Signer
) -> None:
    original, before = tmp_path / "parent.jpg", source.read_bytes()
    original.write_bytes(before)
    (tmp_path / "link.jpg").symlink_to(source)
    placement = Placement(sidecar=tmp_path / name)
    with pytest.raises(UsageError, match="sidecar"):
        sign(
            source,
            tmp_path / "target.jpg",
            JPEG,
            signer,
            Declaration(),
            parent=Parent(original, JPEG),
            placement=placement,
        )
    assert source.read_bytes() == original.read_bytes() == before
    assert not (tmp_path / "target.jpg").exists()


@pytest.mark.parametrize("says", [AI, Declaration(update=True)])
def test_a_parent_is_never_dropped(
    says: Declaration, source: Path, tmp_path: Path, signer: Signer
) -> None:
    with pytest.raises(UsageError, match="parent"):
        sign(source, tmp_path / "t.jpg", JPEG, signer, says, parent=Parent(source, JPEG))


def test_a_link_stays_a_link(source: Path, tmp_path: Path, signer: Signer) -> None:
    link = tmp_path / "link.jpg"
    link.symlink_to(source)
    sign(link, link, JPEG, signer, AI)
    assert link.is_symlink() and check(source, ("none",)).outcome is Outcome.VALID_UNTRUSTED


def test_a_folder_that_is_not_there(source: Path, tmp_path: Path, signer: Signer) -> None:
    with pytest.raises(SigningError, match="No such file"):
        sign(source, tmp_path / "nowhere" / "t.jpg", JPEG, signer, AI)
    aside = Placement(sidecar=tmp_path / "nowhere" / "t.c2pa")
    with pytest.raises(UsageError, match="No such file"):
        sign(source, tmp_path / "t.jpg", JPEG, signer, AI, placement=aside)
    assert not (tmp_path / "t.jpg").exists()


def half_a_scan() -> bytes:
    data = chain.picture()
    start = data.index(b"\xff\xda")
    return data[: start + (len(data) - start) // 2].rstrip(b"\xff") + b"\xff\xd9"


def a_wrong_checksum() -> bytes:
    data = bytearray(chain.picture("PNG"))
    at = data.rindex(b"IEND") - 8  # the last checksum of the pixels
    data[at] ^= 1
    return bytes(data)


def a_cut_tiff() -> bytes:
    return chain.picture("TIFF")[:-2000]


DAMAGED = {"image/jpeg": half_a_scan, "image/png": a_wrong_checksum, "image/tiff": a_cut_tiff}


@pytest.mark.parametrize("media_type", DAMAGED)
def test_damaged_pixels_are_refused(media_type: str, tmp_path: Path, signer: Signer) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(DAMAGED[media_type]())
    with pytest.raises(SigningError, match=r"damaged|not signed"):
        sign(source, target, media_type, signer, AI)
    assert not target.exists()


@pytest.mark.parametrize(
    ("data", "media_type"), [(half_a_scan(), JPEG), (b"import os\n", "text/plain")]
)
def test_a_parent_that_is_no_whole_media_is_refused(
    data: bytes, media_type: str, source: Path, tmp_path: Path, signer: Signer
) -> None:
    (tmp_path / "parent").write_bytes(data)
    parent = Parent(tmp_path / "parent", media_type)
    with pytest.raises(SigningError, match="parent is damaged"):
        sign(source, source, JPEG, signer, Declaration(), parent=parent)


def test_fill_bytes_are_no_damage(source: Path, signer: Signer, trust: tuple[str, ...]) -> None:
    """Any number of 0xFF may stand before a marker (T.81, B.1.1.2)."""
    data = source.read_bytes()
    at = data.index(b"\xff\xdb")
    source.write_bytes(data[:at] + b"\xff" * 3 + data[at:-2] + b"\xff\xff" + data[-2:])
    sign(source, source, JPEG, signer, AI)
    assert check(source, trust).outcome is Outcome.TRUSTED


def test_a_pipe_is_not_waited_for(source: Path, tmp_path: Path, signer: Signer) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(SigningError, match="regular file"):
        sign(pipe, tmp_path / "t.jpg", JPEG, signer, AI)
    with pytest.raises(SigningError, match="regular file"):
        sign(source, tmp_path / "t.jpg", JPEG, signer, Declaration(), parent=Parent(pipe, JPEG))


def test_the_history_keeps_what_the_lists_said(
    source: Path, tmp_path: Path, signer: Signer, trust: tuple[str, ...]
) -> None:
    sign(source, source, JPEG, signer, Declaration(source_type="digitalCapture"))
    edit = Declaration(actions=("cropped",))
    for number, lists in enumerate((trust, ("official",))):
        edited = tmp_path / f"{number}.jpg"
        sign(source, edited, JPEG, signer, edit, trust=lists)
        recorded = b"signingCredential.untrusted" in edited.read_bytes()
        assert recorded == (lists != trust)
        assert str(tmp_path).encode() not in edited.read_bytes()  # where a list lies on this disk
        answer = check(edited, trust)
        assert "ingredient_untrusted" not in {each.code for each in answer.warnings}
        assert all(claim.trusted for claim in answer.claims)


def test_too_much_of_a_credential_is_refused(
    source: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(source, source, JPEG, signer, AI)
    monkeypatch.setattr(examine, "MAX_ASSERTIONS", 1)
    with pytest.raises(SigningError, match="assertions, the limit is 1"):
        sign(source, source, JPEG, signer, Declaration(), own=True)
    monkeypatch.undo()
    monkeypatch.setattr(examine, "MAX_INGREDIENT_BYTES", 1000)
    with pytest.raises(SigningError, match="bytes, the limit is 1000"):
        sign(source, source, JPEG, signer, Declaration(), own=True)
