"""`verascope verify`: lines for machines, a tree for people, exit codes."""

import json
from pathlib import Path

import pytest

from tests.provenance import chain
from verascope.cli.credential import describe
from verascope.cli.escape import printable
from verascope.cli.main import run
from verascope.provenance import sign as signing
from verascope.provenance.certificates import dev_chain
from verascope.result import (
    Input,
    Manifest,
    Outcome,
    Provenance,
    Reason,
    Signer,
    Status,
    Verification,
)

JPEG = "image/jpeg"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trusted, an invalid and a plain file; one that cannot be read; and the list."""
    folder = tmp_path_factory.mktemp("files")
    root = chain.authority()
    signed = chain.sign(chain.picture(), JPEG, chain.credentials(root))
    (folder / "root.pem").write_bytes(root.pem)
    (folder / "trusted.jpg").write_bytes(signed)
    (folder / "invalid.jpg").write_bytes(chain.flip_media(signed, JPEG))
    (folder / "cut.jpg").write_bytes(signed[: signed.index(b"c2pa.claim.v2") + 40])
    (folder / "plain.jpg").write_bytes(chain.picture())
    (folder / "empty.jpg").write_bytes(b"")
    return folder


def verify(
    folder: Path, capfd: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    known = ("--trust", str(folder / "root.pem"))
    names = [str(folder / each) if each.endswith(".jpg") else each for each in arguments]
    code = run(["verify", *known, *names])
    out, err = capfd.readouterr()
    return code, out, err


def test_one_object_a_file(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files = ("trusted.jpg", "invalid.jpg", "plain.jpg", "empty.jpg", "missing.jpg")
    code, out, _ = verify(folder, capfd, *files, "--format", "jsonl")
    answers = [json.loads(line) for line in out.splitlines()]
    assert [each["outcome"] for each in answers] == ["trusted", "invalid", "none", None, None]
    assert [each["status"] for each in answers] == ["scored"] * 3 + ["skipped", "failed"]
    assert [each["reason"] for each in answers] == [None] * 3 + ["empty", "not_found"]
    assert len({tuple(each) for each in answers}) == 1  # the same fields in every line
    assert (answers[3]["claims"], answers[3]["signer"], answers[4]["history"]) == ([], None, None)
    assert answers[0]["signer"]["name"] == "Verascope Test Signer"
    assert answers[0]["trusted_by"] == answers[0]["trust_lists"] == [str(folder / "root.pem")]
    assert answers[0]["claims"][0]["source_type"] == "trainedAlgorithmicMedia"
    assert code == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("trusted.jpg", "plain.jpg"), 0),
        (("empty.jpg", "trusted.jpg"), 0),
        (("trusted.jpg", "invalid.jpg"), 1),
        (("invalid.jpg", "--exit-zero"), 0),
        (("invalid.jpg", "--fail-on", "none"), 0),
        (("plain.jpg", "--fail-on", "none,valid_untrusted"), 1),
        (("invalid.jpg", "cut.jpg"), 2),
        (("cut.jpg", "--exit-zero"), 2),
        (("missing.jpg",), 2),
        (("plain.jpg", "--fail-on", "untrusted"), 64),
        (("plain.jpg", "--trust", "offical"), 64),
        ((), 64),
    ],
)
def test_exit_codes(
    folder: Path, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int
) -> None:
    assert verify(folder, capfd, *arguments)[0] == code


def test_a_wrong_list_is_said_before_any_file_is_read(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = verify(folder, capfd, "plain.jpg", "--trust", "offical")
    assert (code, out) == (64, "") and "no list is called 'offical'" in err


@pytest.fixture(scope="module")
def beside(folder: Path) -> Path:
    """The same picture without its credential, and that credential beside it."""
    made = dev_chain()
    (folder / "beside.pem").write_bytes(made.root)
    (folder / "bare.jpg").write_bytes(chain.picture())
    signing.sign(
        folder / "bare.jpg",
        folder / "bare.jpg",
        JPEG,
        signing.Signer(chain=made.chain, key=made.key),
        signing.Declaration(source_type="digitalCapture"),
        placement=signing.Placement(sidecar=folder / "bare.c2pa"),
    )
    (folder / "other.jpg").write_bytes(chain.flip_media(chain.picture(), JPEG))
    (folder / "text.c2pa").write_text("no credential")
    (folder / "empty.c2pa").touch()
    (folder / "big.c2pa").write_bytes(bytes(16_000_001))
    return folder


@pytest.mark.parametrize(
    ("picture", "sidecar", "outcome", "code"),
    [
        ("bare.jpg", "bare.c2pa", "trusted", 0),
        ("other.jpg", "bare.c2pa", "invalid", 1),
        ("bare.jpg", "text.c2pa", "unreadable", 2),
        ("bare.jpg", "empty.c2pa", "unreadable", 2),
    ],
)
def test_a_sidecar(
    beside: Path,
    capfd: pytest.CaptureFixture[str],
    picture: str,
    sidecar: str,
    outcome: str,
    code: int,
) -> None:
    trust = ("--trust", str(beside / "beside.pem"))
    with_it = ("--sidecar", str(beside / sidecar), "--format", "jsonl")
    done = run(["verify", str(beside / picture), *trust, *with_it])
    assert (json.loads(capfd.readouterr().out)["outcome"], done) == (outcome, code)


@pytest.mark.parametrize("sidecar", ["absent.c2pa", "big.c2pa", "/dev/zero"])
def test_a_sidecar_that_cannot_be_read(
    beside: Path, capfd: pytest.CaptureFixture[str], sidecar: str
) -> None:
    code, out, err = verify(beside, capfd, "bare.jpg", "--sidecar", str(beside / sidecar))
    assert (code, out) == (64, "") and sidecar in err


def test_a_sidecar_is_for_one_file(beside: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = verify(beside, capfd, "bare.jpg", "plain.jpg", "--sidecar", "bare.c2pa")
    assert (code, out) == (64, "")


def test_the_tree_for_people(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _, out, _ = verify(folder, capfd, "trusted.jpg", "invalid.jpg")
    assert "trusted.jpg: trusted\n" in out and "invalid.jpg: invalid\n" in out
    assert "made by generative AI" in out
    assert "its content is not what was signed" in out
    assert "That proves nothing" in out


def test_history_is_drawn_and_escaped() -> None:
    evil = "a\x1b[2Jb\u202ec\udce9"
    stranger = Signer(name=evil, organization=None, trusted=False)
    parent = Manifest(
        label="b",
        title=evil,
        signer=stranger,
        relationship="parentOf",
        failures=("assertion.dataHash.mismatch",),
        ingredients=(Manifest(label=None, title="raw", relationship="componentOf"),),
    )
    history = Manifest(label="a", title=None, signer=stranger, ingredients=(parent,))
    provenance = Provenance(outcome=Outcome.TRUSTED, signer=stranger, history=history)
    text = describe(Verification.of(Input(uri=evil), provenance))
    assert "└─ made from “a\\x1b[2Jb\\u202ec\\udce9”" in text
    assert "└─ contains “raw”, which has no credential" in text
    assert "[! its content is not what was signed]" in text
    assert all(line.isprintable() for line in text.splitlines())
    text.encode()


def test_what_could_not_be_asked_says_why() -> None:
    answer = Verification.failed(Input(uri="x"), Reason.PERMISSION_DENIED)
    assert answer.status is Status.FAILED
    assert "may not be read by this user" in describe(answer)
    assert json.loads(answer.to_json())["reason"] == "permission_denied"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain name.jpg", "plain name.jpg"),
        ("Grüße 日本 é", "Grüße 日本 é"),
        ("نامه\u200cها", "نامه\u200cها"),
        ("a\nb\tc\x00", "a\\x0ab\\x09c\\x00"),
        ("\x9b31m", "\\x9b31m"),
        ("exe\u202egpj.", "exe\\u202egpj."),
        ("\udcff", "\\udcff"),
        ("a\u2028b\u200bc\ufeff", "a\\u2028b\\u200bc\\ufeff"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
