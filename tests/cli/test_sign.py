"""`verascope cert dev` and `verascope sign`: a chain, a signed file, and what is refused."""

import stat
from pathlib import Path

import click
import pytest

from tests.provenance import chain
from verascope.cli.cert import cert
from verascope.cli.sign import sign
from verascope.cli.signer import CERTIFICATES, KEY
from verascope.errors import UsageError
from verascope.provenance.sign import SigningError
from verascope.provenance.verify import verify
from verascope.result import Outcome, Provenance


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys") / "new"
    assert cert.main(["dev", str(folder)], standalone_mode=False) == 0
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.jpg"
    path.write_bytes(chain.picture())
    return path


def run(keys: Path, *arguments: str | Path) -> int:
    known = ["--certificates", str(keys / "chain.pem"), "--key", str(keys / "key.pem")]
    words = [str(each) for each in arguments]
    code: int = sign.main([*words, *known], standalone_mode=False)
    return code


def check(path: Path, keys: Path) -> Provenance:
    with path.open("rb") as file:
        return verify(file, "image/jpeg", (str(keys / "root.pem"),))


def test_the_key_is_private_and_never_overwritten(keys: Path) -> None:
    assert stat.S_IMODE((keys / "key.pem").stat().st_mode) == 0o600
    before = (keys / "key.pem").read_bytes()
    with pytest.raises(click.UsageError, match="File exists"):
        cert.main(["dev", str(keys)], standalone_mode=False)
    assert (keys / "key.pem").read_bytes() == before


def test_create_then_edit(keys: Path, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.jpg"
    created = ("--created", "digitalCapture", "--training", "ai_training=notAllowed")
    assert run(keys, source, target, *created) == 0
    assert run(keys, target, target, "--action", "cropped", "--software", "scissors") == 0
    answer = check(target, keys)
    assert answer.outcome is Outcome.TRUSTED
    assert [claim.statement for claim in answer.claims] == [
        "opened",
        "cropped, with scissors",
        "captured by a camera or a recorder",
        "training AI with it: not allowed",
    ]


def test_an_ai_edit_of_another_file(keys: Path, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.jpg"
    kind = "compositeWithTrainedAlgorithmicMedia"
    assert run(keys, source, target, "--parent", source, "--action", f"edited={kind}") == 0
    said = [claim.statement for claim in check(target, keys).claims]
    assert said == ["opened", "edited: partly made or changed by generative AI"]
    for wrong in ("edited=AI", "edited=", "=", "=AI"):
        with pytest.raises(UsageError, match="unknown"):
            run(keys, source, target, "--action", wrong)


def test_keys_from_the_environment(
    keys: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(click.UsageError, match=CERTIFICATES):
        sign.main([str(source), str(source)], standalone_mode=False)
    monkeypatch.setenv(CERTIFICATES, (keys / "chain.pem").read_text())
    monkeypatch.setenv(KEY, (keys / "key.pem").read_text())
    arguments = [str(source), str(source), "--created", "digitalCapture"]
    assert sign.main(arguments, standalone_mode=False) == 0
    assert check(source, keys).outcome is Outcome.TRUSTED


def test_what_is_refused_leaves_no_target(keys: Path, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.jpg"
    with pytest.raises(UsageError, match="unknown source type"):
        run(keys, source, target, "--created", "photo")
    with pytest.raises(click.UsageError, match="USE=CHOICE"):
        run(keys, source, target, "--training", "never")
    source.write_bytes(source.read_bytes()[:-300])
    with pytest.raises(SigningError, match="damaged"):
        run(keys, source, target, "--created", "digitalCapture")
    assert not target.exists()


def test_a_chain_is_made_whole_or_not(tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_text("someone's")
    with pytest.raises(click.UsageError, match="File exists"):
        cert.main(["dev", str(tmp_path)], standalone_mode=False)
    assert [path.name for path in tmp_path.iterdir()] == ["root.pem"]
    with pytest.raises(click.UsageError, match="range"):
        cert.main(["dev", str(tmp_path / "new"), "--days", "-5"], standalone_mode=False)


@pytest.mark.parametrize("name", ["key.pem", "chain.pem"])
def test_a_key_is_never_written_over(keys: Path, source: Path, tmp_path: Path, name: str) -> None:
    before, created = (keys / name).read_bytes(), ("--created", "digitalCapture")
    with pytest.raises(click.UsageError, match="which signs"):
        run(keys, source, tmp_path / "t.jpg", *created, "--sidecar", keys / name)
    with pytest.raises(click.UsageError, match="which signs"):
        run(keys, source, keys / name, *created)
    assert (keys / name).read_bytes() == before
