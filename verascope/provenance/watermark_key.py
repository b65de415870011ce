"""The key of a watermark of text, and its file: everything that maker and checker must share."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from verascope.errors import UsageError


class WatermarkKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key file: everything that maker and checker must share.

    Attributes:
        key: secret, 32 hexadecimal digits.
        scheme: kgw or synthid.
        tokenizer: what a token is; characters of the text as it is judged.
        hash: of context and token.
        context: tokens before a token that decide with it.
        gamma: of kgw, the share of green tokens, 0 to 1.
        delta: of kgw, what a green token's logit gets when text is made.
        layers: of synthid, the tournament's rounds.
    """

    key: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    scheme: Literal["kgw", "synthid"] = "kgw"
    tokenizer: Literal["characters"] = "characters"
    hash: Literal["splitmix64"] = "splitmix64"
    context: Annotated[int, Meta(ge=1, le=16)] = 4
    gamma: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    delta: Annotated[float, Meta(gt=0)] = 2.0
    layers: Annotated[int, Meta(ge=1, le=64)] = 30


def new_key(scheme: Literal["kgw", "synthid"]) -> WatermarkKey:
    """A key that nobody has."""
    import secrets  # 5 ms that scans are spared

    return WatermarkKey(key=secrets.token_hex(16), scheme=scheme)


def load_key(path: Path) -> WatermarkKey:
    """A key out of its TOML file.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=WatermarkKey)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no key of a watermark: {error}") from error


def key_text(key: WatermarkKey) -> str:
    """A key as its file holds it, TOML."""
    lines = msgspec.to_builtins(key).items()
    shown = (f'{name} = "{v}"' if isinstance(v, str) else f"{name} = {v}" for name, v in lines)
    return "\n".join(shown) + "\n"
