"""Shards from anyone: what the corpus does not name is never touched, what it names is checked."""

import io
import tarfile
from pathlib import Path

import pytest

from verascope.errors import UsageError
from verascope.generate import manifest, members
from verascope.generate.manifest import Row
from verascope.generate.members import Member, places

ROW = Row(path="real/0.png", label="real", source="s", bytes=4)
SHARD = "train-000000.tar"


def entry(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def pack(
    folder: Path,
    entries: list[tuple[tarfile.TarInfo, bytes]],
    *,
    shard: str = SHARD,
    member: str = "m",
    form: int = tarfile.USTAR_FORMAT,
) -> None:
    """A packed corpus of one row, whose shard holds what is given."""
    with tarfile.open(folder / SHARD, "w", format=form) as tar:
        for info, content in entries:
            info.size = len(content) if info.isreg() else info.size
            tar.addfile(info, io.BytesIO(content))
    members.write(folder / members.MEMBERS, [Member(path=ROW.path, shard=shard, member=member)])
    manifest.write(folder / manifest.MANIFEST, [ROW])


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_member_is_read_where_it_lies(tmp_path: Path, form: int) -> None:
    before = [(entry("x" * 300 if form != tarfile.USTAR_FORMAT else "x"), b"before" * 200)]
    folder = (entry("folder", tarfile.DIRTYPE), b"")
    pack(tmp_path, [*before, folder, (entry("m"), b"here")], form=form)
    (place,) = places(tmp_path, [ROW])
    assert place.read() == b"here"
    assert str(place).endswith(f"{SHARD}: m")


@pytest.mark.parametrize(
    "kind",
    [
        *(tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE),
        *(tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE, tarfile.XHDTYPE),
    ],
)
def test_only_a_plain_member_counts(tmp_path: Path, kind: bytes) -> None:
    (tmp_path / "secret").write_bytes(b"four")
    pack(tmp_path, [(entry("m", kind, linkname=str(tmp_path / "secret")), b"")])
    with pytest.raises(UsageError, match="holds no file 'm'"):
        list(places(tmp_path, [ROW]))


def test_a_plain_member_behind_a_link_of_its_name_is_the_one(tmp_path: Path) -> None:
    link = entry("m", tarfile.SYMTYPE, linkname="/etc/passwd")
    pack(tmp_path, [(link, b""), (entry("m"), b"here")])
    assert [place.read() for place in places(tmp_path, [ROW])] == [b"here"]


@pytest.mark.parametrize("name", ["../outside.tar", "/tmp/outside.tar", "sub/x.tar", "..", ""])
def test_a_shard_lies_in_the_folder_itself(tmp_path: Path, name: str) -> None:
    (tmp_path / "c" / "sub").mkdir(parents=True)
    pack(tmp_path / "c", [(entry("m"), b"here")], shard=name)
    for outside in (tmp_path / "outside.tar", tmp_path / "c" / "sub" / "x.tar"):
        outside.write_bytes((tmp_path / "c" / SHARD).read_bytes())
    with pytest.raises(UsageError, match="holds no shard"):
        list(places(tmp_path / "c", [ROW]))


def test_a_shard_is_no_link(tmp_path: Path) -> None:
    pack(tmp_path, [(entry("m"), b"here")], shard="link.tar")
    (tmp_path / "link.tar").symlink_to(tmp_path / SHARD)
    with pytest.raises(UsageError, match="holds no shard"):
        list(places(tmp_path, [ROW]))


def test_the_name_of_a_member_is_never_a_path(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"four")
    pack(tmp_path, [(entry("../secret"), b"here")], member="../secret")
    assert [place.read() for place in places(tmp_path, [ROW])] == [b"here"]


def test_sizes_are_the_manifests(tmp_path: Path) -> None:
    pack(tmp_path, [(entry("m"), b"longer")])
    with pytest.raises(UsageError, match="m has 6 bytes, but 4 in the corpus's manifest"):
        list(places(tmp_path, [ROW]))


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    pack(tmp_path, [(entry("m"), b"here"), (entry("m"), b"four")])
    with pytest.raises(UsageError, match="holds m twice"):
        list(places(tmp_path, [ROW]))


def test_what_members_csv_does_not_name_is_an_error(tmp_path: Path) -> None:
    pack(tmp_path, [(entry("m"), b"here")])
    other = Row(path="real/1.png", label="real", source="s", bytes=4)
    with pytest.raises(UsageError, match=r"does not say where real/1\.png is"):
        list(places(tmp_path, [other]))


@pytest.mark.parametrize("size", [1 << 40, -512, -(1 << 40)])
def test_a_size_that_lies_neither_reads_on_nor_goes_round(tmp_path: Path, size: int) -> None:
    pack(tmp_path, [(entry("m"), b"here")])
    liar = entry("first")
    liar.size = size
    header = liar.tobuf(tarfile.GNU_FORMAT)
    (tmp_path / SHARD).write_bytes(header + (tmp_path / SHARD).read_bytes())
    with pytest.raises(UsageError, match="is cut off in first"):
        list(places(tmp_path, [ROW]))


@pytest.mark.parametrize("content", [b"", b"x" * 700, b"x" * 100])
def test_what_is_no_tar_is_named(tmp_path: Path, content: bytes) -> None:
    pack(tmp_path, [(entry("m"), b"here")])
    (tmp_path / SHARD).write_bytes(content)
    with pytest.raises(UsageError, match=r"is no tar file at byte 0|holds no file"):
        list(places(tmp_path, [ROW]))


def test_a_shard_that_is_cut_off_says_so(tmp_path: Path) -> None:
    pack(tmp_path, [(entry("m"), b"here")])
    (tmp_path / SHARD).write_bytes((tmp_path / SHARD).read_bytes()[:514])
    with pytest.raises(UsageError, match="is cut off in m"):
        list(places(tmp_path, [ROW]))
