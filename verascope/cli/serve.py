"""`verascope serve`: the moderation service; and the verbs that keep its keys and webhooks."""

import os
import tempfile
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from verascope.cli.config import split
from verascope.errors import ExitCode, MissingExtraError
from verascope.settings import Online, Quality, Settings

if TYPE_CHECKING:
    from verascope.serve.config import ServeSettings

DATA = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("verascope-data"),
    show_default=True,
    help="Folder of everything the service keeps.",
)
STORE = click.option(
    "--store", help="Database of items and keys, such as postgresql+psycopg://…  [default: SQLite]"
)

QUEUE = click.option(
    "--queue", "queue_url", help="Redis that holds the queue: redis://…  [default: SQLite]"
)


@click.command()
@DATA
@STORE
@QUEUE
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=int, default=8080, show_default=True, help="And its port.")
@click.option(
    "--jobs", "-j", type=click.IntRange(min=0), default=0, help="Inputs at once; 0: one a core."
)
@click.option(
    "--quality",
    type=click.Choice([each.value for each in Quality]),
    default=Quality.AUTO.value,
    show_default=True,
    help="Image detector, as for scan.",
)
@click.option(
    "--calibration", default="", metavar="NAME,...", help="Thresholds of your own, as for scan."
)
@click.option(
    "--policy", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Actions (TOML)."
)
@click.option(
    "--max-body",
    type=click.IntRange(min=1),
    default=100_000_000,
    show_default=True,
    help="Largest upload, in bytes.",
)
@click.option(
    "--max-waiting",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Items in the queue, beyond which 429 is answered.",
)
@click.option(
    "--keep-days",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="How long finished items are kept.",
)
@click.option(
    "--fetch-host",
    "fetch_hosts",
    multiple=True,
    help='Let items name media of this host by their address: {"url": "https://…"}; repeatable.',
)
@click.option(
    "--mastodon-secret",
    envvar="VERASCOPE_MASTODON_SECRET",
    help="Of a Mastodon's webhook to /v1/adapters/mastodon; else in $VERASCOPE_MASTODON_SECRET. "
    "Needs --fetch-host for its media.",
)
@click.option(
    "--sign-certificates",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM, the signer's first: lets POST /v1/sign sign with your key.",
)
@click.option(
    "--sign-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM, PKCS#8: the key of these certificates.",
)
@click.option("--demo", is_flag=True, help="In a folder for now, with a key and a few items.")
def serve(
    data: Path,
    store: str | None,
    queue_url: str | None,
    host: str,
    port: int,
    jobs: int,
    quality: str,
    calibration: str,
    policy: Path | None,
    max_body: int,
    max_waiting: int,
    keep_days: float,
    fetch_hosts: tuple[str, ...],
    mastodon_secret: str | None,
    sign_certificates: Path | None,
    sign_key: Path | None,
    demo: bool,
) -> int:
    """Run the moderation service: an API, a queue, webhooks.

    \b
      verascope serve --demo                                 try it
      verascope keys create uploader --scope scan --scope items
      verascope serve --policy rules.toml
      curl -H "Authorization: Bearer $KEY" --data-binary @photo.jpg localhost:8080/v1/scan

    It listens on this machine alone unless --host says otherwise, and speaks plain HTTP: put a
    proxy with TLS before it. docs/operations.md tells the rest.
    """
    _need_extra()
    from verascope.serve.config import ServeSettings, SigningKey

    if (sign_certificates is None) != (sign_key is None):
        raise click.UsageError("--sign-certificates and --sign-key go together")
    signing = None
    if sign_certificates is not None and sign_key is not None:
        signing = SigningKey(certificates=sign_certificates, key=sign_key)
    with tempfile.TemporaryDirectory(prefix="verascope-demo-") if demo else nullcontext() as folder:
        settings = ServeSettings(
            data=data if folder is None else Path(folder),
            store=store,
            queue=queue_url,
            scan=Settings(quality=Quality(quality), calibrations=split(calibration)),
            policy=policy,
            jobs=jobs or len(os.sched_getaffinity(0)),
            max_body_bytes=max_body,
            max_waiting=max_waiting,
            keep_days=keep_days,
            fetch=Online(hosts=fetch_hosts, max_bytes=max_body) if fetch_hosts else None,
            mastodon=mastodon_secret,
            sign=signing,
        )
        return _run(settings, host, port, demo=demo)


def _run(settings: "ServeSettings", host: str, port: int, *, demo: bool) -> int:
    import uvicorn

    from verascope.serve.app import create_app

    settings.data.mkdir(parents=True, exist_ok=True)
    app = create_app(settings)
    if demo:
        from verascope.serve.demo import fill

        key, taken = fill(app.state.service)
        click.echo(f"{taken} items wait for you; open http://{host}:{port}/review", err=True)
        click.echo(f"and sign in with the key {key}", err=True)
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False, server_header=False
    )
    click.echo(f"listening on http://{host}:{port}", err=True)
    with suppress(KeyboardInterrupt):  # a signal is how a service ends, and raised again by it
        uvicorn.Server(config).run()
    return int(ExitCode.OK)


@click.group()
def keys() -> None:
    """API keys of the service: made, listed, revoked. Only a hash of each is kept."""


@keys.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    help="What it may do: scan, verify, sign, items, models, review, metrics, admin; repeatable.",
)
@click.option("--per-minute", type=click.IntRange(min=1), help="Requests a minute.")
@DATA
@STORE
def create(
    name: str, scopes: tuple[str, ...], per_minute: int | None, data: Path, store: str | None
) -> int:
    """Make a key called NAME and print it: it is shown this once."""
    click.echo(_keys(data, store).create(name, scopes, per_minute))
    return int(ExitCode.OK)


@keys.command("list")
@DATA
@STORE
def list_(data: Path, store: str | None) -> int:
    """List keys by their ids; no secret is shown, since none is kept."""
    for key in _keys(data, store).all():
        state = "revoked" if key.revoked_at else "in force"
        click.echo(f"{key.id}  {state:<8}  {' '.join(sorted(key.scopes)):<30}  {key.name}")
    return int(ExitCode.OK)


@keys.command()
@click.argument("ident", metavar="ID")
@DATA
@STORE
def revoke(ident: str, data: Path, store: str | None) -> int:
    """Let the key ID open nothing any more."""
    _keys(data, store).revoke(ident)
    return int(ExitCode.OK)


@click.group()
def webhooks() -> None:
    """Addresses that are told of every judged item (Standard Webhooks)."""


@webhooks.command()
@click.argument("url")
@DATA
@STORE
def add(url: str, data: Path, store: str | None) -> int:
    """Tell URL of every item from now on; prints the webhook's id and secret."""
    ident, secret = _webhooks(data, store).add(url)
    click.echo(f"{ident} {secret}")
    return int(ExitCode.OK)


@webhooks.command("list")
@DATA
@STORE
def list_webhooks(data: Path, store: str | None) -> int:
    """List webhooks by their ids."""
    for hook in _webhooks(data, store).all():
        click.echo(f"{hook.id}  {'disabled' if hook.disabled else 'in force'}  {hook.url}")
    return int(ExitCode.OK)


@webhooks.command()
@click.argument("ident", metavar="ID")
@DATA
@STORE
def rotate(ident: str, data: Path, store: str | None) -> int:
    """Give the webhook ID a new secret; the last one signs too, until the next rotation."""
    click.echo(_webhooks(data, store).rotate(ident))
    return int(ExitCode.OK)


@webhooks.command()
@click.argument("ident", metavar="ID")
@DATA
@STORE
def disable(ident: str, data: Path, store: str | None) -> int:
    """Tell the webhook ID nothing any more."""
    _webhooks(data, store).disable(ident)
    return int(ExitCode.OK)


@click.group()
def queue() -> None:
    """The service's queue: how long it is, and its dead letters."""


@queue.command("dead")
@DATA
@QUEUE
def dead(data: Path, queue_url: str | None) -> int:
    """List the items that were given up, with the reason."""
    for each in _queue(data, queue_url).dead():
        click.echo(f"{each.item}  {each.attempts} attempts  {each.error or ''}")
    return int(ExitCode.OK)


@queue.command()
@click.argument("item")
@DATA
@STORE
@QUEUE
def replay(item: str, data: Path, store: str | None, queue_url: str | None) -> int:
    """Let the dead letter ITEM be tried again."""
    from verascope.errors import UsageError
    from verascope.serve.store import Store

    waiting = _queue(data, queue_url)
    if item not in [each.item for each in waiting.dead()]:
        raise UsageError(f"no dead letter {item!r}; `verascope queue dead` shows them")
    Store(_engine(data, store)).take_up(item)  # first: a job of an item that is dead is dropped
    waiting.replay(item)
    return int(ExitCode.OK)


@click.group()
def decisions() -> None:
    """What people decided at /review."""


@decisions.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@DATA
@STORE
def export(out: Path, data: Path, store: str | None) -> int:
    """Write the decisions as a corpus into OUT, for `verascope train`.

    Each file whose content is still kept, with the label that a person gave it; the uploader is its
    source, by a hash.
    """
    engine = _engine(data, store)
    from verascope.serve.config import ServeSettings
    from verascope.serve.review.export import export as write

    counts = write(engine, ServeSettings(data=data).contents, out)
    said = ", ".join(f"{number} {label}" for label, number in counts.most_common())
    click.echo(said, err=True)
    click.echo(out)
    return int(ExitCode.OK)


@decisions.command()
@DATA
@STORE
def agreement(data: Path, store: str | None) -> int:
    """Show how often people decided what, by the machine's verdict."""
    engine = _engine(data, store)
    from verascope.serve.review.decisions import Decisions

    for verdict, counts in sorted(Decisions(engine).agreement().items()):
        said = ", ".join(f"{number} {choice}" for choice, number in sorted(counts.items()))
        click.echo(f"{verdict:<14} {said}")
    from verascope.serve.review.appeals import counted

    for said, number in counted(engine).most_common():
        click.echo(f"appeals        {number} {said}")
    return int(ExitCode.OK)


@decisions.command()
@click.argument("file", type=click.File("rb"))
@DATA
@STORE
def appeals(file: BinaryIO, data: Path, store: str | None) -> int:
    """Take in appeals that were decided: FILE has one JSON object a line, as Coop sends them.

    appealId, item and appealDecision (ACCEPT or REJECT). `decisions agreement` counts those that
    were accepted as overturned.
    """
    engine = _engine(data, store)
    from verascope.serve.review.appeals import take

    counts = take(engine, file)
    click.echo(", ".join(f"{number} {what}" for what, number in counts.most_common()) or "none")
    return int(ExitCode.OK)


@click.command()
@click.option("--source", help="The DID of your labeler.")
@click.option("--definitions", is_flag=True, help="Print what a labeler declares of its labels.")
@DATA
@STORE
def labels(source: str | None, definitions: bool, data: Path, store: str | None) -> int:
    """Print judged items as labels of the AT Protocol, one a line.

    Of items whose context is {"uri": "at://…", "cid": "…"}. A label is bound to the cid, and taken
    back when a later item of the same address is judged otherwise. Signing and serving them is the
    labeler's.
    """
    engine = _engine(data, store)
    import json

    from verascope.serve.adapters import atproto
    from verascope.serve.store import Store

    if definitions:
        click.echo(json.dumps(atproto.definitions(), indent=1))
        return int(ExitCode.OK)
    if source is None or not source.startswith("did:"):
        raise click.UsageError("--source takes the DID of your labeler: did:plc:…")
    for label in atproto.labels(Store(engine).done(), source):
        click.echo(json.dumps(label))
    return int(ExitCode.OK)


@click.group()
def audit() -> None:
    """The log of who did what to which item."""


@audit.command()
@DATA
@STORE
def verify(data: Path, store: str | None) -> int:
    """Check the chain of hashes: 1 where a row was changed, removed or put in."""
    from verascope.serve.audit import verify as check

    count, broken = check(_engine(data, store))
    if broken is None:
        click.echo(f"{count} rows, the chain holds")
        return int(ExitCode.OK)
    click.echo(f"the chain breaks at row {broken}", err=True)
    return int(ExitCode.FLAGGED)


def _need_extra() -> None:
    from importlib.util import find_spec

    for module in ("fastapi", "uvicorn", "sqlalchemy", "httpx", "prometheus_client"):
        if find_spec(module) is None:
            raise MissingExtraError(module, "serve")


def _engine(data: Path, store: str | None) -> Any:
    _need_extra()
    from verascope.serve.config import ServeSettings
    from verascope.serve.schema import engine_of

    data.mkdir(parents=True, exist_ok=True)
    return engine_of(ServeSettings(data=data, store=store).store_url)


def _keys(data: Path, store: str | None) -> Any:
    engine = _engine(data, store)
    from verascope.serve.keys import Keys

    return Keys(engine)


def _webhooks(data: Path, store: str | None) -> Any:
    engine = _engine(data, store)
    from verascope.serve.webhooks import Webhooks

    return Webhooks(engine)


def _queue(data: Path, url: str | None) -> Any:
    _need_extra()
    from verascope.serve.queue import open_queue

    return open_queue(data, url)
