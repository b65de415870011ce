"""A service to look at: a key, and items made by code, which are nobody's pictures."""

import io
import secrets
from typing import TYPE_CHECKING

from PIL import Image

from verascope.detect.image_residual import ImageResidual
from verascope.serve.keys import SCOPES

if TYPE_CHECKING:
    from verascope.serve.app import Service


def fill(service: "Service") -> tuple[str, int]:
    """Make a key that may do everything, let some items wait; returns key and their number."""
    key = service.keys.create("demo", SCOPES)
    examples = ImageResidual().examples()
    for number, pixels in enumerate(examples):
        ident = secrets.token_hex(16)
        data = io.BytesIO()
        Image.fromarray(pixels).save(data, "PNG")
        (service.settings.contents / ident).write_bytes(data.getvalue())
        service.store.take(
            ident=ident,
            key_id="demo",
            body_sha256="",
            name=f"example-{number}.png",
        )
    return key, len(examples)
