"""What a run's options and a corpus's corpus.json record of how they were made."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from verascope.generate.contract import Budget, Data, Generator
from verascope.generate.device import Device

LIBRARIES = ("verascope", "torch", "numpy", "pillow")


def options(
    generator: Generator, data: Data, budget: Budget, seed: int, device: Device
) -> dict[str, Any]:
    """The resolved options of one training."""
    return {
        "generator": generator.name,
        "modality": str(generator.modality),
        "family": generator.family,
        "config": msgspec.to_builtins(generator.config),
        "config_sha256": generator.config.sha256(),
        "budget": msgspec.to_builtins(budget),
        "seed": seed,
        "data_items": len(data),
        "data_sha256": data.sha256,
        "machine": device.describe(),
        "versions": versions(),
        "card": msgspec.to_builtins(generator.card),
    }


def versions(libraries: Sequence[str] = LIBRARIES) -> dict[str, str]:
    """Versions of what decides the bytes of a sample and of its file."""
    return {name: version(name) for name in libraries}
