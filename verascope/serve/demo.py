"""A service to look at: a key, and items that wait for a person."""

import hashlib
import io
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from verascope.detect.image_residual import ImageResidual
from verascope.policy import Action, Policy
from verascope.serve.keys import SCOPES

if TYPE_CHECKING:
    from verascope.serve.app import Service

EXAMPLES = Path("examples")  # of a checkout that the command is run in


def fill(service: "Service") -> tuple[str, int]:
    """Make a key that may do everything, let some items wait; returns key and their number."""
    key = service.keys.create("demo", SCOPES)
    service.desk.policy = Policy(default=Action.REVIEW, name="demo")
    pictures = list(_pictures())
    for name, data in pictures:
        ident = secrets.token_hex(16)
        (service.settings.contents / ident).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        service.store.take(ident=ident, key_id="demo", body_sha256=digest, name=name)
    return key, len(pictures)


def _pictures() -> Iterator[tuple[str, bytes]]:
    """The examples where they are at hand; else pictures made by code, which are nobody's."""
    files = [path for path in sorted(EXAMPLES.rglob("*")) if path.suffix in (".jpg", ".png")]
    yield from ((path.name, path.read_bytes()) for path in files)
    if not files:
        for number, pixels in enumerate(ImageResidual().examples()):
            data = io.BytesIO()
            Image.fromarray(pixels).save(data, "PNG")
            yield f"example-{number}.png", data.getvalue()
