"""Drawn vocoders, one corpus; whole families kept out for a second one."""

from pathlib import Path

import msgspec
import pytest

from verascope.errors import UsageError
from verascope.generate import manifest
from verascope.generate.contract import Budget
from verascope.generate.draw_sound import FAMILIES, Drawn, drawn
from verascope.generate.pairs import Plan
from verascope.generate.registry import find
from verascope.generate.sound_encode import SoundCodec
from verascope.generate.sound_mixture import parted, sound_mixture
from verascope.generate.sounds import example_sounds, open_sounds


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    for item in example_sounds(2.5, n=12):
        folder = tmp_path / "recordings" / f"voice{item.key % 6}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{item.key}.wav").write_bytes(SoundCodec(format="WAV").encode(item.media))
    return tmp_path / "recordings"


def tiny(seed: int, k: int, again: int, families: tuple[str, ...]) -> Drawn:
    """The tiny preset of the family whose turn it is: drawn ones take minutes."""
    found: Drawn = find(drawn(seed, k, again, families).name).tiny()  # type: ignore[assignment]
    return found


def test_twenty_are_twenty_different_ones() -> None:
    found = [drawn(0, k) for k in range(20)]
    assert [g.name for g in found[:5]] == list(FAMILIES)
    assert len({(g.name, g.config.sha256()) for g in found}) == 20
    again = [drawn(0, k).config for k in range(20)]
    assert again == [g.config for g in found]
    assert drawn(0, 3, 1).config != drawn(0, 3).config
    for generator in found:
        assert sum(p.numel() for p in generator.network().parameters()) > 10_000
    with pytest.raises(UsageError, match="not 'espeak'"):
        drawn(0, 0, families=["espeak"])


def test_what_is_kept_out_is_heard_by_no_one(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verascope.generate.sound_mixture.drawn", tiny)
    plan = Plan(count=4, seed=0, window_s=(2.0, 2.4), sign=False, allow_confounds=True)
    families = ("vocos", "vq-codec", "token-lm")

    def made(out: Path) -> dict[str, list[manifest.Row]]:
        result = sound_mixture(
            *(recordings, out),
            vocoders=3,
            budget=Budget(steps=2),
            plan=plan,
            families=families,
            keep_out=("token-lm",),
            device="cpu",
        )
        assert [maker.generator.name for maker in result.kept] == list(families)
        return {c: list(manifest.read(out / c / "manifest.csv")) for c in ("corpus", "unheard")}

    rows = made(tmp_path / "m")
    assert {r.generator for r in rows["corpus"]} - {""} == {"vocos", "vq-codec"}
    assert {r.generator for r in rows["unheard"]} - {""} == {"token-lm"}
    assert {r.split for r in rows["corpus"]} == {"train"}
    assert {r.split for r in rows["unheard"]} == {"dev"}
    sources = [{r.source for r in found} for found in rows.values()]
    assert not sources[0] & sources[1]
    for real, twin in zip(rows["corpus"][::2], rows["corpus"][1::2], strict=True):
        assert real.pair == twin.pair
    assert made(tmp_path / "m") == rows  # again: nothing is made anew


def test_a_corpus_whose_recordings_are_all_train_is_parted_by_source(recordings: Path) -> None:
    found = open_sounds(recordings)
    plain = found.relabelled([msgspec.structs.replace(r, split="train") for r in found.rows])
    train, dev = parted(plain)
    assert len(train) + len(dev) == 12
    assert not {r.source for r in train.rows} & {r.source for r in dev.rows}
    assert {r.split for r in dev.rows} == {"dev"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"families": ("vocos", "nothing")}, "not 'nothing'"),
        ({"keep_out": ("world",)}, "world cannot be kept out"),
        ({"families": ("vocos",), "keep_out": ("vocos",)}, "leave one"),
        ({"vocoders": 2}, "draw 5 at least"),
    ],
)
def test_a_wrong_wish_is_named(
    options: dict[str, object], said: str, recordings: Path, tmp_path: Path
) -> None:
    wish = {"vocoders": 5, "budget": Budget(steps=1), "plan": Plan(count=1, seed=0)} | options
    with pytest.raises(UsageError, match=said):
        sound_mixture(recordings, tmp_path / "m", **wish)  # type: ignore[arg-type]
