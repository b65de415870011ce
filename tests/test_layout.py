"""The house as DESIGN draws it: floors, doors, what starts without what."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "verascope"
# Bottom to top; a room imports only from its own floor's room or from lower floors.
FLOORS = (
    ("result", "errors", "settings"),
    ("media",),
    ("detect", "provenance"),
    ("generate", "encoders"),
    ("train",),
    ("modality",),
    ("exchange",),
    ("reading", "rows"),
    ("verdict", "policy"),
    ("judging", "judging_rows"),
    ("sent",),
    ("tables",),
    ("scanner",),
    ("scan",),
    ("serve",),
    ("cli", "__main__"),
)
NEIGHBOURS = {
    ("errors", "result"),
    ("judging_rows", "judging"),
    ("judging", "verdict"),
    ("scanner",),
    ("__main__", "cli"),
}
FLOOR = {room: number for number, floor in enumerate(FLOORS) for room in floor}
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(file: Path) -> set[str]:
    """The modules that a file imports, at the top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_room_imports_only_from_below(file: Path) -> None:
    here = room_of(".".join(file.relative_to(ROOT).with_suffix("").parts))
    if here == "__init__":
        return  # the public face hands names on, lazily
    for module in imports(file):
        there = room_of(module)
        if not module.startswith("verascope.") or there not in FLOOR or there == here:
            continue
        assert FLOOR[there] < FLOOR[here] or (here, there) in NEIGHBOURS, (
            f"{file.relative_to(ROOT)} imports {module}, which does not stand below it"
        )


def test_every_room_stands_on_a_floor() -> None:
    rooms = {file.relative_to(PACKAGE).parts[0].removesuffix(".py") for file in FILES}
    assert rooms - {"__init__"} == set(FLOOR)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_only_train_and_generate_use_torch(file: Path) -> None:
    if file.relative_to(PACKAGE).parts[0] in ("train", "generate"):
        return
    heavy = {module.split(".")[0] for module in imports(file)}
    assert not heavy & {"torch", "sklearn", "librosa", "cv2"}


@pytest.mark.parametrize("door", ["detect", "train", "generate"])
def test_the_doors_lead_into_the_package_and_refuse_to_be_imported(door: str) -> None:
    assert (ROOT / door).resolve() == PACKAGE / door
    done = subprocess.run(
        [sys.executable, "-c", f"import {door}"], cwd=ROOT, capture_output=True, text=True
    )
    assert f"import verascope.{door}, not {door}" in done.stderr


STARTS = {
    "verascope --help": ("from verascope.cli.main import run; run(['--help'])", "numpy msgspec"),
    "verascope --version": ("from verascope.cli.main import run; run(['--version'])", "numpy"),
    "verascope scan --help": (
        "from verascope.cli.main import run; run(['scan', '--help'])",
        "numpy PIL c2pa",
    ),
    "import verascope": ("import verascope", "numpy msgspec click"),
    "the worker": ("import verascope.reading", "PIL c2pa pillow_heif"),
    "the parent": ("import verascope.scanner", "verascope.reading c2pa PIL"),
}


@pytest.mark.parametrize("start", STARTS)
def test_start_up_imports_only_what_is_needed(start: str) -> None:
    code, unwanted = STARTS[start]
    names = [*unwanted.split(), "torch", "sklearn", "onnxruntime", "cv2", "librosa"]
    check = f"import sys; print('loaded:', [n for n in {names} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {check}"], capture_output=True, text=True, check=True
    )
    assert "loaded: []" in done.stdout
