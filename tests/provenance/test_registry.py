"""Durable credentials: a stripped copy finds the credential of what it was made from."""

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.conftest import ROOT, Command
from tests.provenance import chain
from tests.test_third_party import install
from verascope.errors import UsageError
from verascope.media.picture import Pixels
from verascope.provenance.certificates import DevChain, dev_chain
from verascope.provenance.fingerprint import Fingerprint, fingerprint, usable
from verascope.provenance.hamming import MAX_DISTANCE, Index, popcount
from verascope.provenance.pdq import TURNS, pdq
from verascope.provenance.recovery import Matches
from verascope.provenance.registry import Asset, Registry
from verascope.provenance.sign import Declaration, Signer, sign
from verascope.result import Modality, Outcome, Provenance
from verascope.scanner import Scanner
from verascope.settings import Settings

JPEG = "image/jpeg"
# What Meta's own code (pdqhash 0.2.8) gives for `blocks`, as it is and mirrored.
REFERENCE = {
    (200, 300): (
        "c8aee26b3a6ec97b3784c5111d9c0771e6cea4b7d59c03a1898e46b9a2d54f0b",
        "9ddb373e6f3b942e62d1904448c15224f39bf1e200c956f4dcdb13ecf7801a5e",
    ),
    (700, 500): (
        "fb21d64a617d2a1ca19666bfde485ca3de828831c35e67a7825baa5755a2231d",
        "a674821f34287f49f4c333aa8b1d09f60bd7dd64960b32f2d70eff0200f77648",
    ),
}


def blocks(height: int, width: int) -> Pixels:
    """A picture with structure at every scale, the same on every machine."""
    random = np.random.default_rng(7)
    shades = np.full((height, width, 3), 128.0)
    for side in (64, 16, 4, 1):
        small = np.sqrt(side) * random.integers(-12, 13, (height // side + 1, width // side + 1, 3))
        shades += small.repeat(side, axis=0).repeat(side, axis=1)[:height, :width]
    return shades.clip(0, 255).astype(np.uint8)


def bits(first: bytes, second: bytes) -> int:
    return (int.from_bytes(first, "big") ^ int.from_bytes(second, "big")).bit_count()


class TestPdq:
    @pytest.mark.parametrize("size", REFERENCE)
    def test_as_metas_own_code(self, size: tuple[int, int]) -> None:
        found = pdq(blocks(*size))
        assert found.quality == 100
        for ours, theirs in zip(found.hashes, REFERENCE[size], strict=False):
            assert bits(ours, bytes.fromhex(theirs)) <= 2  # rounding may turn a bit at the median

    @pytest.mark.parametrize("number", range(len(TURNS)))
    def test_positions(self, number: int) -> None:
        picture = blocks(300, 400)
        transposed, rows, columns = list(TURNS.values())[number]
        turned = picture.transpose(1, 0, 2) if transposed else picture
        turned = turned[::-1] if rows else turned
        turned = turned[:, ::-1] if columns else turned
        # The filter is not quite symmetric, so the samples lie elsewhere.
        assert bits(pdq(turned).hashes[0], pdq(picture).hashes[number]) <= 20

    def test_sizes_down_to_a_pixel(self) -> None:
        for size in ((1, 1), (1, 500), (63, 64), (2000, 3)):
            assert len(pdq(blocks(*size)).hashes) == len(TURNS)

    def test_a_plain_picture_is_not_usable(self) -> None:
        plain = np.full((300, 300, 3), 200, np.uint8)
        assert not usable(fingerprint(plain, Modality.IMAGE))
        assert usable(fingerprint(blocks(300, 300), Modality.IMAGE)) and not usable(None)


class TestIndex:
    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**32), st.integers(0, MAX_DISTANCE + 5), st.integers(0, 400))
    def test_finds_what_a_full_pass_finds(self, seed: int, flips: int, count: int) -> None:
        random = np.random.default_rng(seed)
        hashes = random.integers(0, 256, (count, 32), np.uint8)
        wanted = random.integers(0, 256, 32, np.uint8)
        for row in range(0, count, 3):
            changed = np.unpackbits(wanted)
            changed[random.permutation(256)[: (flips + row) % 40]] ^= 1
            hashes[row] = np.packbits(changed)
        distances = popcount(hashes ^ wanted)
        full = {row: int(each) for row, each in enumerate(distances) if each <= MAX_DISTANCE}
        found = Index(hashes).near(wanted.tobytes())
        assert dict(found) == full
        assert [near.distance for near in found] == sorted(full.values())

    def test_numpy_without_bitwise_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        hashes = np.random.default_rng(3).integers(0, 256, (50, 32), np.uint8)
        fast = popcount(hashes)
        monkeypatch.delattr(np, "bitwise_count", raising=False)
        assert (popcount(hashes) == fast).all()

    def test_no_distance_that_it_would_miss(self) -> None:
        with pytest.raises(ValueError, match="32"):
            Index(np.zeros((1, 32), np.uint8)).near(bytes(32), MAX_DISTANCE + 1)


def print_of(picture: Pixels) -> Fingerprint:
    return fingerprint(picture, Modality.IMAGE)


def asset(number: int, picture: Pixels | None = None, store: bytes = b"store") -> Asset:
    return Asset(
        sha256=f"{number:064x}",
        media_type=JPEG,
        fingerprint=print_of(blocks(300, 300) if picture is None else picture),
        store=store,
        provenance=Provenance(outcome=Outcome.TRUSTED, trusted_by=("official",)),
    )


class TestRegistry:
    def test_add_and_find(self, tmp_path: Path) -> None:
        with Registry(tmp_path / "new" / "r.sqlite", create=True) as registry:
            assert registry.add(asset(1)) and not registry.add(asset(1))
            assert registry.add(asset(1, store=b"signed again"))
            assert len(registry) == 2
            first, _ = registry.find(print_of(blocks(300, 300)[::2, ::2])).files
            assert first.distance <= 20 and first.outcome is Outcome.TRUSTED
            assert registry.store(first.manifest_sha256) == b"store"
            assert registry.find(print_of(blocks(300, 300)[:, ::-1])).files[0].turned == "mirrored"
            assert registry.find(print_of(blocks(900, 300))) == Matches()
            assert registry.find(None) == Matches()

    def test_forget(self, tmp_path: Path) -> None:
        with Registry(tmp_path / "r.sqlite", create=True) as registry:
            for number in (1, 2):  # two files with one manifest store, as with an update
                registry.add(asset(number, store=b"very secret" * 500))
            (found, *_) = registry.find(print_of(blocks(300, 300))).files
            assert registry.forget(f"{1:064x}") and not registry.forget(f"{1:064x}")
            assert len(registry.find(print_of(blocks(300, 300))).files) == 1
            assert registry.store(found.manifest_sha256) is not None  # the other still has it
            assert registry.forget(f"{2:064x}")
            assert registry.store(found.manifest_sha256) is None and len(registry) == 0
        assert not any(b"very secret" in path.read_bytes() for path in tmp_path.iterdir())

    def test_what_another_process_adds_is_found(self, tmp_path: Path) -> None:
        path = tmp_path / "r.sqlite"
        with Registry(path, create=True) as reader, Registry(path, write=True) as writer:
            assert reader.find(print_of(blocks(300, 300))) == Matches()
            writer.add(asset(1))
            assert len(reader.find(print_of(blocks(300, 300))).files) == 1

    def test_a_reader_does_not_wait_for_a_writer(self, tmp_path: Path) -> None:
        path = tmp_path / "r.sqlite"
        with Registry(path, create=True) as registry:
            registry.add(asset(1))
        writer = sqlite3.connect(path, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        with Registry(path) as reader:
            assert len(reader.find(print_of(blocks(300, 300))).files) == 1
        writer.close()

    def test_a_registry_that_is_damaged_later_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "r.sqlite"
        with Registry(path, create=True) as registry:
            for number in range(50):
                registry.add(asset(number, store=b"%d" % number * 1000))
        with Registry(path) as registry:
            data = bytearray(path.read_bytes())
            data[4096:] = b"\xff" * (len(data) - 4096)
            path.write_bytes(data)
            found = registry.find(print_of(blocks(300, 300)))
            assert found.files == () and str(path) in (found.trouble or "")
            with pytest.raises(UsageError, match="cannot be used"):
                len(registry)

    @pytest.mark.parametrize(
        ("change", "left"),
        [
            ("UPDATE assets SET fingerprint = x'00' WHERE id = 1", 2),
            ("UPDATE assets SET fingerprint = 'text' WHERE id = 1", 2),
            ("UPDATE assets SET provenance = x'c1' WHERE id = 1", 2),
            ("UPDATE assets SET provenance = 'text' WHERE id = 1", 2),
            ("UPDATE assets SET registered_at = x'ff' WHERE id = 1", 2),
            ("UPDATE assets SET registered_at = '\x1b[2J' WHERE id = 1", 2),
            ("UPDATE assets SET sha256 = 7 WHERE id = 1", 2),
            ("PRAGMA foreign_keys = OFF; DROP TABLE assets", 0),
        ],
    )
    def test_a_bad_entry_does_not_hide_the_others(
        self, tmp_path: Path, change: str, left: int
    ) -> None:
        path = tmp_path / "r.sqlite"
        with Registry(path, create=True) as registry:
            for number in range(3):
                registry.add(asset(number))
        database = sqlite3.connect(path, isolation_level=None)
        database.executescript(change)
        database.close()
        with Registry(path) as registry:
            found = registry.find(print_of(blocks(300, 300)))
        assert len(found.files) == left and str(path) in (found.trouble or "")

    def test_asking_writes_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "empty"
        path.touch()
        with pytest.raises(UsageError, match="not a registry"):
            Registry(path)
        assert path.read_bytes() == b""

    def test_a_registry_that_may_only_be_read(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "r.sqlite"
            with Registry(path, create=True) as registry:
                registry.add(asset(1))
            path.chmod(0o444)
            Path(folder).chmod(0o555)
            user = os.geteuid()
            if user == 0:
                os.seteuid(65534)  # root may write everywhere
            try:
                with Registry(path) as registry:
                    assert len(registry.find(print_of(blocks(300, 300))).files) == 1
                with pytest.raises(UsageError), Registry(path, write=True) as registry:
                    registry.add(asset(2))
            finally:
                os.seteuid(user)
                Path(folder).chmod(0o755)

    def test_a_locked_registry_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("verascope.provenance.registry.WAIT_S", 0.1)
        path = tmp_path / "r.sqlite"
        with Registry(path, create=True) as registry:
            registry.add(asset(1))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with Registry(path) as registry:
            found = registry.find(print_of(blocks(300, 300)))
            assert found.files == () and "locked" in (found.trouble or "")
            other.close()
            assert len(registry.find(print_of(blocks(300, 300))).files) == 1

    def test_a_killed_writer_leaves_whole_entries(self, tmp_path: Path) -> None:
        path = tmp_path / "r.sqlite"
        Registry(path, create=True).close()
        code = (
            "import sys; from pathlib import Path; from tests.provenance.test_registry import *\n"
            "with Registry(Path(sys.argv[1]), write=True) as r:\n"
            "  for n in range(10**6):\n"
            "    r.add(asset(n, store=b'%d' % n * 5000)); print(n, flush=True)\n"
        )
        writer = subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, cwd=ROOT
        )
        assert writer.stdout is not None
        for _ in range(20):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        with Registry(path) as registry:
            assert len(registry) >= 20
            for found in registry.find(print_of(blocks(300, 300))).files:
                assert registry.store(found.manifest_sha256) is not None

    def test_what_is_no_registry_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="there is no registry"):
            Registry(tmp_path / "absent")
        (tmp_path / "text").write_text("not a database" * 100)
        other = sqlite3.connect(tmp_path / "other")
        other.execute("CREATE TABLE x (y)")
        other.close()
        for name in ("text", "other"):
            with pytest.raises(UsageError):
                Registry(tmp_path / name, create=True)


@pytest.fixture(scope="module")
def made() -> DevChain:
    return dev_chain()


@pytest.fixture
def signed(tmp_path: Path, made: DevChain) -> Path:
    path = tmp_path / "signed.jpg"
    Image.fromarray(blocks(400, 600)).save(path, quality=95)
    says = Declaration(source_type="trainedAlgorithmicMedia", software="a model")
    sign(path, path, JPEG, Signer(chain=made.chain, key=made.key), says)
    return path


@pytest.fixture
def copy(tmp_path: Path, signed: Path) -> Path:
    """What a platform makes of it: smaller, coded again, no metadata."""
    path = tmp_path / "copy.jpg"
    Image.open(signed).resize((300, 200)).save(path, quality=75)
    return path


@pytest.fixture
def detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Options for a scan with the detector of CONTRIBUTING, which is there in every checkout."""
    install(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return ("--detector", "noise-level")


def test_a_stripped_copy_is_found(
    tmp_path: Path,
    signed: Path,
    copy: Path,
    made: DevChain,
    verascope: Command,
    detector: tuple[str, str],
) -> None:
    (tmp_path / "root.pem").write_bytes(made.root)
    registry = ("--registry", tmp_path / "r.sqlite")
    trust = ("--trust", tmp_path / "root.pem")
    done = verascope("register", signed, *registry, *trust)
    assert (done.code, done.out) == (0, f"{signed}: registered\n")
    assert verascope("register", signed, *registry).out == f"{signed}: was registered before\n"
    saving = ("--format", "jsonl", "--save-found", tmp_path / "found")
    answer = json.loads(verascope("verify", copy, *registry, *saving).out)
    assert answer["outcome"] == "none"  # its own outcome stays what it is
    (found,) = answer["recovered"]
    assert found["distance"] <= 20 and found["outcome"] == "trusted"
    (saved,) = (tmp_path / "found").iterdir()
    assert saved.name == found["manifest_sha256"] + ".c2pa"
    store = saved.read_bytes()
    assert hashlib.sha256(store).hexdigest() == found["manifest_sha256"] and b"a model" in store
    assert answer["warnings"][0]["code"] == "similar_registered"
    assert "made by generative AI, with a model" in answer["warnings"][0]["statement"]
    scanned = json.loads(verascope("scan", copy, *registry, *detector, "--format", "jsonl").out)
    (item,) = [each for each in scanned["evidence"] if each["kind"] == "recovered"]
    assert (item["supports"], item["strength"]) == ("synthetic", "weak")
    assert scanned["provenance"]["outcome"] == "none" and scanned["verdict"] != "synthetic"
    assert "fingerprint" in scanned["timing"]
    own = json.loads(verascope("verify", signed, *registry, "--format", "jsonl").out)
    assert (own["outcome"], own["recovered"]) == ("valid_untrusted", [])


def test_the_verb_forgets(tmp_path: Path, signed: Path, copy: Path, verascope: Command) -> None:
    registry = ("--registry", tmp_path / "r.sqlite")
    verascope("register", signed, *registry)
    answer = json.loads(verascope("verify", copy, *registry, "--format", "jsonl").out)
    known = answer["recovered"][0]["sha256"]
    done = verascope("register", "--forget", known, *registry)
    assert (done.code, done.out) == (0, f"{known}: forgotten\n")
    done = verascope("register", "--forget", known, *registry)
    assert (done.code, done.out) == (2, f"{known}: is not registered\n")
    assert verascope("register", "--forget", "photo.jpg", *registry).code == 64
    answer = json.loads(verascope("verify", copy, *registry, "--format", "jsonl").out)
    assert answer["recovered"] == []


def test_without_being_asked_no_fingerprint_is_taken(
    copy: Path, verascope: Command, detector: tuple[str, str]
) -> None:
    result = json.loads(verascope("scan", copy, *detector, "--format", "jsonl").out)
    assert "decode" in result["timing"] and "fingerprint" not in result["timing"]
    assert result["provenance"]["recovered"] == []


def test_what_cannot_be_registered(tmp_path: Path, copy: Path, signed: Path) -> None:
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(signed.read_bytes()[:-2000])
    sound = tmp_path / "sound.wav"
    sound.write_bytes(chain.sound())
    with Registry(tmp_path / "r", create=True) as registry, Scanner() as scanner:
        for path in (copy, cut, sound, tmp_path / "absent"):
            answer = scanner.register(path, registry)
            assert answer.refused is not None and not answer.new
        assert len(registry) == 0


def test_a_damaged_registry_does_not_end_a_batch(
    tmp_path: Path, signed: Path, copy: Path, verascope: Command
) -> None:
    path = tmp_path / "r.sqlite"
    with Registry(path, create=True) as registry:
        for number in range(300):
            registry.add(asset(number, store=b"%d" % number * 500))
    data = path.read_bytes()
    path.write_bytes(data[:8192] + b"\xff" * (len(data) - 8192))
    done = verascope("verify", copy, signed, copy, "--registry", path, "--format", "jsonl")
    first, second, third = map(json.loads, done.out.splitlines())
    assert done.code == 0 and second["warnings"][-1]["code"] != "registry_unreadable"
    for answer in (first, third):
        assert answer["outcome"] == "none" and answer["recovered"] == []
        assert answer["warnings"][-1]["code"] == "registry_unreadable"


def test_a_store_that_is_damaged_is_not_saved(
    tmp_path: Path, signed: Path, copy: Path, verascope: Command
) -> None:
    path, folder = tmp_path / "r.sqlite", tmp_path / "found"
    with Registry(path, create=True) as registry, Scanner() as scanner:
        scanner.register(signed, registry)
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("UPDATE stores SET store = x'00'")
    database.close()
    saving = ("--registry", path, "--save-found", folder, "--format", "jsonl")
    done = verascope("verify", copy, copy, *saving)
    assert done.code == 0 and len(done.out.splitlines()) == 2
    assert list(folder.iterdir()) == [] and "was not saved: it is damaged" in done.err


def test_a_registry_that_is_not_there_is_wrong_usage(
    copy: Path, tmp_path: Path, verascope: Command
) -> None:
    done = verascope("verify", copy, "--registry", tmp_path / "absent")
    assert done.code == 64 and "there is no registry" in done.err


def test_the_pixels_are_read_in_the_worker_only(copy: Path, tmp_path: Path, signed: Path) -> None:
    path = tmp_path / "r"
    with Registry(path, create=True) as registry, Scanner() as scanner:
        scanner.register(signed, registry)
    opened: list[str] = []
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
    with Scanner(Settings(registry=str(path))) as scanner:
        answer = scanner.verify(copy)
    assert answer.provenance is not None and len(answer.provenance.recovered) == 1
    assert str(copy) not in opened
