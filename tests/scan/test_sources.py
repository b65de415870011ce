"""Every file once, in a stable order; links and cycles are handed on, not followed."""

import io
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verascope.scan.sources import STDIN, File, Stream
from verascope.scan.walk import expand, listed


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.jpg", "a.jpg", "sub/c.jpg", "sub/deeper/d.jpg", "z.txt"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    return tmp_path


def test_a_folder_is_all_the_files_below_it_sorted(tree: Path) -> None:
    paths = [source.uri for source in expand([str(tree)])]
    names = ["a.jpg", "b.jpg", "sub/c.jpg", "sub/deeper/d.jpg", "z.txt"]
    assert paths == [str(tree / name) for name in names]


def test_a_cycle_of_links_ends_and_is_not_entered(tree: Path) -> None:
    (tree / "sub" / "up").symlink_to(tree)
    (tree / "loop").symlink_to(tree / "loop")
    sources = list(expand([str(tree)]))
    assert len(sources) == 7
    assert all(isinstance(source, File) and not source.follow_links for source in sources)


def test_what_the_user_names_is_handed_on_as_it_is(tree: Path) -> None:
    missing = str(tree / "missing")
    named, stream = expand([missing, STDIN])
    assert named == File(missing)
    assert isinstance(stream, Stream) and stream.uri == STDIN


def test_a_very_deep_folder_is_no_recursion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    depth = sys.getrecursionlimit() + 100
    monkeypatch.chdir(tmp_path)
    for _ in range(depth):
        os.mkdir("d")
        os.chdir("d")
    Path("end").touch()
    try:
        assert len(list(expand([str(tmp_path)]))) == 1
    finally:
        Path("end").unlink()
        for _ in range(depth):  # what removes temporary folders is recursive
            os.chdir("..")
            os.rmdir("d")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_may_not_be_listed_becomes_an_input(tree: Path) -> None:
    (tree / "sub").chmod(0)
    try:
        assert str(tree / "sub") in [source.uri for source in expand([str(tree)])]
    finally:
        (tree / "sub").chmod(0o700)


NAMES = st.lists(st.binary(min_size=1).filter(lambda name: not {0, 10} & set(name)))


@given(NAMES, st.sampled_from([b"\n", b"\0"]), st.booleans())
def test_lists_of_names_come_back_byte_for_byte(
    names: list[bytes], separator: bytes, ended: bool
) -> None:
    data = separator.join(names) + (separator if ended else b"")
    assert [os.fsencode(name) for name in listed(io.BytesIO(data), separator)] == names
