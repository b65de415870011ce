"""Mastodon's admin webhooks: a post that was made, to its pictures' addresses.

Mastodon signs the body (X-Hub-Signature: sha256=…, HMAC of the webhook's secret) and has no hook
before a post is shown, so what is judged here is acted on through its own API afterwards.
"""

import hashlib
import hmac
from typing import NamedTuple

import msgspec
from msgspec import Struct

from verascope.serve.problems import ProblemError

EVENTS = ("status.created", "status.updated")
MOST = 16  # attachments of a post


class Attachment(Struct):
    """A picture, film or sound of a post."""

    id: str
    url: str | None = None
    type: str = ""


class Account(Struct):
    """Who posted."""

    id: str


class Status(Struct):
    """A post."""

    id: str
    account: Account | None = None
    media_attachments: list[Attachment] = []


class Event(Struct):
    """What a webhook sends."""

    event: str
    object: msgspec.Raw


class Named(NamedTuple):
    """One medium to judge: where it is, and what it is of."""

    url: str
    name: str
    subject: str | None
    context: str
    idempotency: str


def named(body: bytes, signature: str, secret: str) -> list[Named]:
    """The media of a webhook's post; none for other events.

    Raises:
        ProblemError: 401 where the signature is not of this secret, 422 for another body.
    """
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature.encode(), f"sha256={mac}".encode()):
        raise ProblemError(401, "X-Hub-Signature does not fit")
    try:
        event = msgspec.json.decode(body, type=Event)
        if event.event not in EVENTS:
            return []
        status = msgspec.json.decode(event.object, type=Status)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProblemError(422, f"it is no event of Mastodon's: {error}") from error
    return [
        Named(
            each.url,
            each.url.rpartition("/")[2] or each.id,
            status.account.id if status.account else None,
            msgspec.json.encode({"status": status.id, "attachment": each.id}).decode(),
            f"mastodon-{each.id}",
        )
        for each in status.media_attachments[:MOST]
        if each.url
    ]
