"""`verascope republish`: an upload as a platform shows it, with its history."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from verascope.cli.signer import signer_options
from verascope.cli.verify import trust_lists
from verascope.settings import Settings

if TYPE_CHECKING:
    from verascope.provenance.sign import Signer


@click.command(epilog="Exit codes: 0 published; 2 not published, and nothing was written.")
@click.argument("source", type=click.Path(dir_okay=False))
@click.argument("target", type=click.Path(dir_okay=False))
@signer_options
@click.option(
    "--trust",
    default=",".join(Settings().trust),
    show_default=True,
    help="Lists of known signers, as for verify: the history keeps what they said.",
)
@click.option(
    "--long-side", type=click.IntRange(min=1), default=1080, show_default=True, help="In pixels."
)
@click.option(
    "--quality", type=click.IntRange(1, 95), default=75, show_default=True, help="Of the JPEG."
)
@click.option("--software", help="What transcoded it.")
def republish(
    source: str,
    target: str,
    whose: "Signer",
    trust: str,
    long_side: int,
    quality: int,
    software: str | None,
) -> int:
    """Verify SOURCE, transcode it as a platform does, and sign it with its history to TARGET.

    \b
      verascope cert dev keys/
      verascope republish upload.png public.jpg --certificates keys/chain.pem --key keys/key.pem

    TARGET is a JPEG without metadata, turned upright. SOURCE is read in an isolated process, and
    its credential becomes the parent of the new one, as it was found: trusted or not, broken or
    not.
    """
    from verascope.provenance.republish import republish as publish
    from verascope.provenance.upload import Recipe

    answer = publish(
        Path(source),
        Path(target),
        whose,
        trust=trust_lists(trust),
        recipe=Recipe(long_side=long_side, quality=quality),
        software=software,
    )
    click.echo(
        f"published; the upload's credential was {answer.before.outcome}, and others will call "
        f"this one {answer.after.outcome} unless they know the signer",
        err=True,
    )
    return 0
