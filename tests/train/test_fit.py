import csv
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from verascope.errors import UsageError
from verascope.generate.device import pick
from verascope.train import export, nulls
from verascope.train.corpora import headline, items_of, read_corpora
from verascope.train.fit import CHECKPOINT, LOG, Budget, fit
from verascope.train.network import Discriminator, dct_filters, statistics
from verascope.train.pixels import PixelStore
from verascope.train.recipe import RECIPES, Architecture, Recipe
from verascope.train.recipe_file import recipe_of

CPU = pick("cpu")
TINY = msgspec.structs.replace(RECIPES["tiny"], steps=6, batch=4)


@pytest.fixture(scope="module")
def store(toy: Path) -> PixelStore:
    return PixelStore(headline(items_of(read_corpora([toy], "train"))))


def losses(folder: Path) -> list[float]:
    with (folder / LOG).open(newline="") as log:
        return [float(row["loss"]) for row in csv.DictReader(log)]


def weights(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.flatten() for p in network.state_dict().values()])


def test_a_run_that_was_stopped_goes_on_to_the_same_losses(
    store: PixelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verascope.train.fit.LOG_EVERY", 1)
    monkeypatch.setattr("verascope.train.fit.SAVE_EVERY", 2)
    chosen = list(range(len(store.items)))
    whole = fit(TINY, store, chosen, tmp_path / "whole", CPU)

    def stop(line: object) -> None:
        if getattr(line, "step", 0) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # after the log of step 4, before its checkpoint
        fit(TINY, store, chosen, tmp_path / "cut", CPU, report=stop)
    resumed = fit(TINY, store, chosen, tmp_path / "cut", CPU, workers=2)
    uncut, cut = losses(tmp_path / "whole"), losses(tmp_path / "cut")
    assert cut == uncut[:4] + uncut[2:]  # steps 3 and 4 were done again
    assert torch.equal(weights(whole), weights(resumed))


def test_training_learns_what_a_toy_shows(store: PixelStore, tmp_path: Path) -> None:
    recipe = msgspec.structs.replace(TINY, steps=30, batch=8)
    network = fit(recipe, store, list(range(len(store.items))), tmp_path, CPU)
    logits = export.torch_score(network)(np.stack([store[i][:192, :192] for i in range(24)]))
    synthetic = np.array([item.row.label == "synthetic" for item in store.items])
    assert logits[synthetic].mean() > logits[~synthetic].mean()


def test_a_budget_in_seconds_ends_the_run(store: PixelStore, tmp_path: Path) -> None:
    recipe = msgspec.structs.replace(TINY, steps=10**9)
    fit(recipe, store, list(range(24)), tmp_path, CPU, budget=Budget(seconds=0.5))
    assert (tmp_path / CHECKPOINT).is_file()


def test_a_checkpoint_of_another_network_is_refused(store: PixelStore, tmp_path: Path) -> None:
    fit(msgspec.structs.replace(TINY, steps=1), store, list(range(24)), tmp_path, CPU)
    wider = msgspec.structs.replace(TINY, architecture=Architecture(widths=(4, 6, 8, 10)))
    with pytest.raises(UsageError, match="another recipe"):
        fit(wider, store, list(range(24)), tmp_path, CPU)


def test_the_graph_gives_the_networks_logits_for_any_number_of_crops() -> None:
    torch.manual_seed(0)
    network = Discriminator(RECIPES["default"].architecture).eval()
    graph = export.to_onnx(network)  # raises where the parity check fails
    windows = export.test_windows()
    from verascope.detect.session import Session

    session = Session(graph, ["CPUExecutionProvider"], 1)
    single = np.concatenate([session(windows[i : i + 1]) for i in range(len(windows))])
    np.testing.assert_allclose(session(windows), single, atol=1e-5)
    np.testing.assert_allclose(export.torch_score(network)(windows), single, atol=1e-4)


def test_the_default_network_keeps_its_bounds() -> None:
    network = Discriminator(RECIPES["default"].architecture)
    assert sum(p.numel() for p in network.parameters()) <= 1_000_000


def test_a_highpass_stem_does_not_see_flat_colour() -> None:
    network = Discriminator(Architecture(highpass=True)).eval()
    inner = [network.stem(torch.full((1, 3, 64, 64), v))[..., 2:-2, 2:-2] for v in (-1.0, 1.0)]
    torch.testing.assert_close(*inner)


def test_dct_filters_are_orthonormal() -> None:
    flat = dct_filters().reshape(64, 64)
    torch.testing.assert_close(flat @ flat.T, torch.eye(64), atol=1e-5, rtol=0)


def test_statistics_are_mean_and_deviation() -> None:
    x = torch.randn(2, 3, 40, 40)
    expected = torch.cat([x.mean((2, 3)), x.std((2, 3), correction=0)], 1)
    torch.testing.assert_close(statistics(x), expected, atol=1e-4, rtol=1e-4)


def test_a_recipe_file_replaces_keys_of_the_default(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\nsteps = 7\n[fates]\nblur = 0.5\n')
    recipe = recipe_of(str(file), RECIPES)
    assert (recipe.steps, recipe.fates.blur, recipe.batch) == (7, 0.5, Recipe().batch)
    file.write_text('stepz = "7"\n')
    with pytest.raises(UsageError, match="stepz"):
        recipe_of(str(file), RECIPES)
    with pytest.raises(UsageError, match="no recipe"):
        recipe_of("absent", RECIPES)


def test_the_null_sees_nothing_but_size(store: PixelStore) -> None:
    noisy, smooth = (store[i] for i in (12, 0))
    values = np.array([nulls.features(pixels, "equal-crops", 1) for pixels in (noisy, smooth)])
    assert (values[:, :3] == [200, 200, 1]).all()
    assert values[0, 3] > values[1, 3]  # noise costs bytes: here the null alone tells the classes


def test_the_null_of_files_as_they_are_sees_their_own_bytes(store: PixelStore) -> None:
    (found,) = nulls.table(store, [0], "as-is")
    assert found[3] == store.items[0].file.stat().st_size
    assert found[:2].tolist() == [216, 216]
