"""`verascope inspect`: the raw store, its resources, and a page that cannot do anything."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.provenance import chain
from tests.provenance.containers import zipped
from verascope.cli.inspect import inspect
from verascope.cli.inspect_worker import Answer
from verascope.errors import UsageError
from verascope.provenance.certificates import dev_chain
from verascope.provenance.inspect import inspect as look
from verascope.provenance.library import load
from verascope.provenance.sign import Declaration, Signer, sign
from verascope.result import Input

EVIL = '<script>alert(1)</script><img src="https://example.org/x">\x1b[2J'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    made = dev_chain(EVIL[:60])
    source = folder / "signed.jpg"
    source.write_bytes(chain.picture())
    says = Declaration(
        source_type="trainedAlgorithmicMedia", title=EVIL, software=EVIL, thumbnail=True
    )
    sign(source, source, "image/jpeg", Signer(chain=made.chain, key=made.key), says)
    (folder / "plain.jpg").write_bytes(chain.picture())
    data = source.read_bytes()
    (folder / "cut.jpg").write_bytes(data[: data.index(b"c2pa.claim.v2") + 40])
    return folder


def run(*arguments: str | Path) -> int:
    code: int = inspect.main([str(each) for each in arguments], standalone_mode=False)
    return code


def test_the_raw_store(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(folder / "signed.jpg") == 0
    out = capfd.readouterr().out
    store = json.loads(out)
    (manifest,) = store["manifests"].values()
    assert store["outcome"] == "valid_untrusted"
    assert manifest["claim"]["dc:title"] == EVIL
    assert all(line.isprintable() for line in out.splitlines())


def test_the_parts(folder: Path, tmp_path: Path) -> None:
    assert run(folder / "signed.jpg", "--extract", tmp_path / "parts") == 0
    parts = {path.name: path.read_bytes() for path in (tmp_path / "parts").iterdir()}
    assert set(parts) == {"manifest.c2pa", "000.jpg"}
    assert parts["manifest.c2pa"][4:8] == b"jumb" and parts["000.jpg"][:3] == b"\xff\xd8\xff"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.targets += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_runs_nothing_and_fetches_nothing(folder: Path, tmp_path: Path) -> None:
    assert run(folder / "signed.jpg", "--report", tmp_path / "page.html") == 0
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    assert "script" not in tags.found and "img" in tags.found
    assert tags.targets and all(each.startswith("data:image/jpeg;base64,") for each in tags.targets)
    assert "default-src 'none'" in text
    assert "&lt;script&gt;" in text and "made by generative AI" in text


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("plain.jpg", 0, "none: There is no Content Credential"),
        ("cut.jpg", 2, "unreadable: "),
        ("missing.jpg", 2, "There is no such file."),
    ],
)
def test_where_there_is_nothing_to_show(
    folder: Path, capfd: pytest.CaptureFixture[str], name: str, code: int, said: str
) -> None:
    assert run(folder / name) == code
    out, err = capfd.readouterr()
    assert out == "" and said in err


def test_nothing_is_written_over_the_file_itself(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "000.jpg"
    source.write_bytes((folder / "signed.jpg").read_bytes())
    for arguments in (("--report", source), ("--extract", tmp_path)):
        with pytest.raises(UsageError, match="written over"):
            run(source, *arguments)
    assert source.read_bytes() == (folder / "signed.jpg").read_bytes()


def test_a_report_that_cannot_be_written(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        run(folder / "signed.jpg", "--report", tmp_path / "nowhere" / "page.html")


def test_a_document(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """By its bytes it is a ZIP archive; the library knows it by the name of its kind."""
    made, source = dev_chain(), tmp_path / "book.epub"
    source.write_bytes(zipped("application/epub+zip")())
    says = Declaration(source_type="digitalCreation", title="a book")
    known = Signer(chain=made.chain, key=made.key)
    sign(source, source, "application/epub+zip", known, says)
    assert run(source) == 0
    (manifest,) = json.loads(capfd.readouterr().out)["manifests"].values()
    assert manifest["claim"]["dc:title"] == "a book"
    assert run(source, "--extract", tmp_path / "parts") == 0
    assert (tmp_path / "parts" / "manifest.c2pa").exists()


def test_no_report_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's report is a stand-in here: no file is known for which it alone fails."""

    def fail(*_: object) -> None:
        raise load().C2paError("no\x1b report")

    monkeypatch.setattr("verascope.provenance.inspect._all", fail)
    with (folder / "signed.jpg").open("rb") as file:
        found = look(file, "image/jpeg", ("none",))
    assert found.store_json is None and found.no_report == "no\x1b report"
    answer = Answer(input=Input(uri="signed.jpg"), inspection=found)
    monkeypatch.setattr("verascope.cli.inspect._ask", lambda *_: answer)
    assert run(folder / "signed.jpg") == 2
