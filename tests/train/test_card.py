"""What a card must say by itself, from figures that are put into a shipped description."""

import copy
from typing import Any

import msgspec
import pytest

from verascope.detect.image_residual import SHIPPED
from verascope.detect.model_folder import ModelDescription, ModelFolder
from verascope.train.card import card, has_lift


@pytest.fixture
def described() -> ModelDescription:
    return ModelFolder(SHIPPED).description


def changed(described: ModelDescription, *path: str, to: Any) -> str:
    """The limits of the card with one figure of dev put in."""
    metrics = copy.deepcopy(described.metrics)
    place = metrics["dev"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    text = card(msgspec.structs.replace(described, metrics=metrics))
    return text[text.index("## Limits") :]


def figure(value: float, low: float, high: float) -> dict[str, Any]:
    return {"value": value, "interval": [low, high]}


@pytest.mark.parametrize("protocol", ["equal-crops", "whole", "as-is", "small"])
@pytest.mark.parametrize(
    ("gap", "told"),
    [
        (figure(0.2, 0.1, 0.3), None),
        (figure(0.2, -0.01, 0.3), "was not shown to be above its null"),
        (figure(0.2, 0.0, 0.3), "was not shown to be above its null"),
        (figure(-0.05, -0.2, 0.1), "is not above its null"),
    ],
)
def test_a_protocol_whose_lead_over_the_null_reaches_0_is_a_limit(
    described: ModelDescription, protocol: str, gap: dict[str, Any], told: str | None
) -> None:
    limits = changed(described, "discrimination", protocol, "above_null", to=gap)
    lines = [line for line in limits.splitlines() if f"Dev split, {protocol}: the score" in line]
    assert len(lines) == (told is not None)
    assert told is None or told in lines[0]


def test_a_point_without_lift_is_a_limit(described: ModelDescription) -> None:
    path = ("found", "equal-crops", "all", "high_precision")
    assert "do not reach the 1 % point" in changed(described, *path, to=figure(0.0, 0.0, 0.01))
    limits = changed(described, *path, to=figure(0.9, 0.8, 0.95))
    assert "Dev split, equal-crops: synthetic items do not reach the 1 %" not in limits


def test_a_split_with_too_few_pictures_still_has_a_card(described: ModelDescription) -> None:
    limits = changed(described, "found", "equal-crops", to={})
    assert "Dev split: too few items to say what reaches the operating points." in limits


def test_lift_needs_intervals_that_stand_apart() -> None:
    real = figure(0.02, 0.01, 0.04)
    assert has_lift(figure(0.5, 0.3, 0.6), real) is True
    assert has_lift(figure(0.03, 0.01, 0.06), real) is None
    assert has_lift(figure(0.02, 0.01, 0.06), real) is False


def test_the_card_says_what_intervals_are_over_and_how_scores_hold_as_probabilities(
    described: ModelDescription,
) -> None:
    text = card(described)
    assert "where a class has one source, over its items" in text
    assert "Brier score" in text
    assert "true positives there" in text
    dev = described.metrics["dev"]["auroc_by_source"]
    assert all(found["clusters"][0] == 1 for found in dev.values())
