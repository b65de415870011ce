"""Archives: every member one Result, nothing on the disk, and limits that hold."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from verascope.result import Reason
from verascope.scan.choice import Choice
from verascope.scan.parts import ArchiveLimits
from verascope.scan.sources import File, Refused, Source, Stream
from verascope.scan.walk import Walk, expand

Make = Callable[[Path], None]
TINY = ArchiveLimits(max_member_bytes=1000, max_total_bytes=3000)


def names(sources: list[Source]) -> list[str]:
    return [source.uri.rpartition("/")[2] for source in sources]


def content(source: Source) -> bytes:
    assert isinstance(source, Stream)
    with source.open() as stream:
        return stream.read()


def reasons(sources: list[Source]) -> list[Reason]:
    return [source.reason for source in sources if isinstance(source, Refused)]


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def tarred(members: dict[str, bytes], mode: str = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def opened(path: Path, data: bytes, limits: ArchiveLimits | None = None) -> list[Source]:
    path.write_bytes(data)
    return list(expand([str(path)], Walk(archives=limits or ArchiveLimits())))


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.zip", zipped),
        ("a.tar", tarred),
        ("a.tar.gz", lambda members: tarred(members, "w:gz")),
        ("a.tbz2", lambda members: tarred(members, "w:bz2")),
        ("A.TAR.XZ", lambda members: tarred(members, "w:xz")),
    ],
)
def test_every_member_is_a_source_with_its_bytes(
    tmp_path: Path, name: str, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    members = {f"in/{k:03}.bin": bytes([k]) * (k + 1) for k in range(130)}  # several calls' worth
    found = opened(tmp_path / name, pack(members))
    assert [source.uri for source in found] == [f"{tmp_path / name}#{k}" for k in members]
    assert [content(source) for source in found] == list(members.values())


def test_an_archive_in_an_archive_is_gone_into_as_deep_as_allowed(tmp_path: Path) -> None:
    data = b"x"
    for level in range(4):
        data = zipped({f"{level}.zip" if level else "end.bin": data})
    found = opened(tmp_path / "outer.zip", data, ArchiveLimits(max_depth=4))
    assert [source.uri for source in found] == [f"{tmp_path}/outer.zip#3.zip#2.zip#1.zip#end.bin"]
    cut = opened(tmp_path / "outer.zip", data, ArchiveLimits(max_depth=2))
    assert reasons(cut) == [Reason.TOO_LARGE]


def test_a_bomb_is_named_and_what_came_before_it_is_kept(tmp_path: Path) -> None:
    bomb = zipped({"a.bin": b"good", **{f"{k}": bytes(10**7) for k in range(9)}}, 8)
    found = opened(tmp_path / "bomb.zip", bomb)
    assert content(found[0]) == b"good"
    assert isinstance(found[-1], Refused)
    assert found[-1].uri == str(tmp_path / "bomb.zip")
    assert (found[-1].reason, len(found)) == (Reason.TOO_LARGE, 3)


def test_one_member_over_the_limit_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    found = opened(tmp_path / "a.tar", tarred({"big": bytes(1500), "small": b"x"}), TINY)
    assert reasons(found) == [Reason.TOO_LARGE]
    assert content(found[1]) == b"x"


def test_too_many_members(tmp_path: Path) -> None:
    members = {str(k): b"x" for k in range(9)}
    found = opened(tmp_path / "a.zip", zipped(members), ArchiveLimits(max_members=4))
    assert reasons(found) == [Reason.TOO_LARGE]
    assert len(found) == 5


def test_names_that_leave_the_folder_are_only_names(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    found = opened(folder / "slip.tar", tarred({"../../out.bin": b"x", "/tmp/abs.bin": b"y"}))
    assert names(found) == ["out.bin", "abs.bin"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["deep", "er", "slip.tar"]


def test_names_that_are_no_unicode_come_through(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(
        fileobj=file, mode="w", format=tarfile.GNU_FORMAT, encoding="latin-1"
    ) as archive:
        info = tarfile.TarInfo("gr\xfc\xdfe#1.jpg")
        archive.addfile(info)
    (found,) = opened(tmp_path / "a.tar", file.getvalue())
    assert isinstance(found, Stream)
    assert found.part == "gr%FC%DFe%231.jpg"
    assert found.uri == f"{tmp_path / 'a.tar'}#gr%FC%DFe%231.jpg"


def test_links_and_devices_are_no_files(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo(f"kind-{kind.decode()}")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    assert reasons(list(expand([str(tmp_path / "a.tar")]))) == [Reason.NOT_A_FILE] * 4


def test_damage_is_named(tmp_path: Path) -> None:
    data = tarred({"a": bytes(3000), "b": bytes(3000)})
    cut = opened(tmp_path / "cut.tar", data[:5000])
    assert content(cut[0]) == bytes(3000)
    assert set(reasons(cut)) <= {Reason.TRUNCATED, Reason.CORRUPT} and reasons(cut)
    assert reasons(opened(tmp_path / "cut.zip", zipped({"a": b"x" * 99})[:80])) == [Reason.CORRUPT]
    damaged = bytearray(zipped({"a": b"x" * 99}))
    damaged[60] ^= 1
    assert reasons(opened(tmp_path / "flip.zip", bytes(damaged))) == [Reason.CORRUPT]
    squeezed = tarred({"a": bytes(10**6)}, "w:gz")
    assert reasons(opened(tmp_path / "cut.tgz", squeezed[: len(squeezed) // 2]))


def test_a_member_under_a_password(tmp_path: Path) -> None:
    data = bytearray(zipped({"a": b"secret", "b": b"open"}))
    data[6] |= 1  # the flag in the local header
    data[data.index(b"PK\1\2") + 8] |= 1  # and in the directory
    found = opened(tmp_path / "a.zip", bytes(data))
    assert reasons(found) == [Reason.ENCRYPTED]
    assert content(found[1]) == b"open"


def test_what_is_no_archive_whatever_its_name_says(tmp_path: Path) -> None:
    assert opened(tmp_path / "a.zip", b"GIF89a, not a zip") == [File(str(tmp_path / "a.zip"))]
    assert list(expand([str(tmp_path / "missing.zip")])) == [File(str(tmp_path / "missing.zip"))]


def test_an_empty_one_is_told(tmp_path: Path) -> None:
    assert reasons(opened(tmp_path / "a.zip", zipped({}))) == [Reason.EMPTY]


def test_patterns_hold_inside_too(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"in/a.jpg": b"1", "in/a.txt": b"2", "b.jpg": b"3"}))
    walk = Walk(choice=Choice(include=("*.jpg",), exclude=("/b.jpg",)))
    assert names(list(expand([str(tmp_path / "a.zip")], walk))) == ["a.jpg"]


def test_the_same_archive_may_be_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"a": b"1"}))
    found = list(expand([str(tmp_path / "a.zip")], Walk(archives=None)))
    assert found == [File(str(tmp_path / "a.zip"))]
