"""`verascope trust`: what the lists hold, lists of one's own, and which have worn out."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.provenance import chain
from verascope.cli import main
from verascope.cli.trust import trust
from verascope.errors import UsageError
from verascope.provenance import local_lists
from verascope.provenance.trust import resolve
from verascope.provenance.verify import verify
from verascope.result import Outcome


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    resolve.cache_clear()
    return tmp_path


def run(*arguments: str | Path) -> int:
    code: int = trust.main([str(each) for each in arguments], standalone_mode=False)
    return code


def test_shipped_lists(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    official, interim = capfd.readouterr().out.splitlines()
    assert official.startswith("official") and interim.startswith("interim")
    assert "30 authorities of signers, 22 of time stamps" in official
    assert "issued 2026-08-05; next due 2027-08-05" in official
    assert "86 single signers" in interim and "expired" in interim


def test_a_list_of_ones_own(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = chain.authority()
    (home / "root.pem").write_bytes(root.pem)
    assert run("import", "newsroom", home / "root.pem") == 0
    assert run("list") == 0
    today = datetime.now(UTC).date()
    said = capfd.readouterr().out
    assert f"newsroom     1 authorities of signers; imported {today}\n" in said
    path = home / "signed.jpg"
    path.write_bytes(chain.sign(chain.picture(), "image/jpeg", chain.credentials(root)))
    with path.open("rb") as file:
        answer = verify(file, "image/jpeg", ("official", "newsroom"))
    assert (answer.outcome, answer.trusted_by) == (Outcome.TRUSTED, ("newsroom",))


def test_a_leaf_is_no_list(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The library would know nobody by it, without a word."""
    root = chain.authority()
    signer = chain.credentials(root)
    (home / "leaf.pem").write_bytes(signer.chain)
    with pytest.raises(UsageError, match="holds no authority"):
        run("import", "mine", home / "leaf.pem")
    assert local_lists.names() == ()
    assert run("check", home / "leaf.pem") == 1
    assert "1 that vouch for nobody" in capfd.readouterr().out
    path = home / "signed.jpg"
    path.write_bytes(chain.sign(chain.picture(), "image/jpeg", signer))
    assert main.run(["verify", str(path), "--trust", str(home / "leaf.pem")]) == 0
    out, err = capfd.readouterr()
    assert "holds no authority, so it trusts nobody" in err and "valid_untrusted" in out
    (home / "both.pem").write_bytes(signer.chain + root.pem)
    assert run("import", "both", home / "both.pem") == 0
    assert "1 authorities of signers, 1 that vouch for nobody" in capfd.readouterr().out


def test_a_signer_that_signed_its_own_certificate_may_be_listed(home: Path) -> None:
    """As docs/provenance.md says: it is known by being listed itself."""
    signer = chain.self_signed()
    (home / "one.pem").write_bytes(signer.chain)
    data = chain.sign(chain.picture(), "image/jpeg", signer)
    path = str(home / "one.pem")
    assert verify(io.BytesIO(data), "image/jpeg", (path,)).outcome is Outcome.TRUSTED
    assert local_lists.facts(*resolve((path,))[0])[:4] == (0, 0, 1, 0)


@pytest.mark.parametrize("name", ["official", "none", "../x", "A", "", "a/b"])
def test_names_that_cannot_be(home: Path, name: str) -> None:
    (home / "root.pem").write_bytes(chain.authority().pem)
    with pytest.raises(UsageError, match="cannot be called"):
        run("import", name, home / "root.pem")
    assert local_lists.names() == ()


def test_what_is_no_list_is_not_kept(home: Path) -> None:
    (home / "root.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(UsageError, match="broken certificate"):
        run("import", "mine", home / "root.pem")
    assert local_lists.names() == ()


def test_check_flags_what_has_expired(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (home / "good.pem").write_bytes(chain.authority().pem)
    expired = chain.credentials(chain.authority(), lasts=timedelta(hours=-1)).chain
    (home / "old.pem").write_bytes(expired)
    assert run("check", home / "good.pem") == 0
    assert run("check", home / "good.pem", home / "old.pem") == 1
    assert "1 expired" in capfd.readouterr().out


def test_an_overdue_list_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import date

    monkeypatch.setitem(local_lists.ISSUED, "official", (date(2020, 1, 1), date(2021, 1, 1)))
    assert run("check", "official") == 1


def test_a_list_that_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with pytest.raises(UsageError, match="cannot write"):
        local_lists.keep("newsroom", "")
