"""The settings that image generators leave in the files they write.

A key alone declares nothing: what is in it must be what the programs that write it put there.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from verascope.provenance.history import cut
from verascope.provenance.mark import Declared, Mark

# A parameter line of AUTOMATIC1111 and its kin: several of its fields, or it is prose.
A1111_FIELD = re.compile(r"\b(Steps|Sampler|CFG scale|Seed|Model hash|Model|Size): ?[^,\n]+")
A1111_MIN_FIELDS = 3
# Fields that a generator's own JSON has; two of them, or it is somebody's JSON.
GENERATOR_FIELDS = frozenset(
    {
        "prompt",
        "positive_prompt",
        "negative_prompt",
        "seed",
        "steps",
        "sampler",
        "cfg_scale",
        "scale",
        "model",
        "base_model",
        "model_weights",
        "generation_mode",
        "app_version",
        "sui_image_params",
    }
)
# Keys that only one program writes, and what it is.
PROGRAMS = {
    "invokeai_metadata": "InvokeAI",
    "invokeai_graph": "InvokeAI",
    "sd-metadata": "InvokeAI",
    "parameters": "a Stable Diffusion program",
    "Comment": "NovelAI",
    "prompt": "ComfyUI",
    "workflow": "ComfyUI",
}
COMFY_PREFIX = re.compile(r"^(workflow|prompt): ?(?=\{)", re.IGNORECASE)


def parameters(key: str, text: str, *, novelai: bool) -> Iterator[Mark]:
    """The settings that a generator left behind, if they are such."""
    fields = {match[1] for match in A1111_FIELD.finditer(text)}
    if len(fields) >= A1111_MIN_FIELDS and {"Steps", "Seed"} <= fields:
        yield _generated("a Stable Diffusion program", f"{key}: {', '.join(sorted(fields))}")
        return
    prefixed = COMFY_PREFIX.match(text)
    if key not in PROGRAMS and prefixed is None:
        return
    found = read_json(text[prefixed.end() :] if prefixed else text)
    if _is_graph(found):
        yield _generated("ComfyUI", key)
    elif isinstance(found, dict) and (key != "Comment" or novelai):
        known = GENERATOR_FIELDS & _keys(found)
        if len(known) >= 2:
            yield _generated(PROGRAMS.get(key, "a generator"), f"{key}: {', '.join(sorted(known))}")


def _keys(found: dict[str, Any]) -> set[str]:
    """Its keys and those of the objects in it."""
    below = [each for each in found.values() if isinstance(each, dict)]
    return set(found).union(*below)


def _is_graph(found: object) -> bool:
    """A ComfyUI graph: nodes with a class or a type."""
    if not isinstance(found, dict):
        return False
    nodes = found.get("nodes")
    listed = nodes if isinstance(nodes, list) else [*found.values()]
    named = [n for n in listed if isinstance(n, dict) and ("class_type" in n or "type" in n)]
    return bool(named) and (isinstance(nodes, list) or any("class_type" in n for n in named))


def _generated(program: str, value: str) -> Mark:
    return Mark(
        kind="generator_parameters",
        declared=Declared.AI,
        value=cut(value),
        statement=f"Its metadata holds the settings of an image generator ({program}).",
    )


def read_json(text: str) -> Any:
    """What a text says as JSON; None if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
