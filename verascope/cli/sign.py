"""`verascope sign`: write a file with a Content Credential."""

import mimetypes
import mmap
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from verascope.cli.signer import signer_options
from verascope.cli.verify import trust_lists
from verascope.settings import Limits, Settings

if TYPE_CHECKING:
    from verascope.provenance.sign import Signer


@click.command(epilog="Exit codes: 0 signed; 2 not signed, and nothing was written.")
@click.argument("source", type=click.Path(exists=True, dir_okay=False))
@click.argument("target", type=click.Path(dir_okay=False))
@signer_options
@click.option(
    "--created",
    metavar="TYPE",
    help="How the media was made, e.g. digitalCapture or trainedAlgorithmicMedia. Without it, "
    "SOURCE was edited and becomes the parent.",
)
@click.option("--update", is_flag=True, help="Change the credential only; the media is as it was.")
@click.option(
    "--action",
    "actions",
    multiple=True,
    metavar="NAME[=TYPE]",
    help="What was done to it, e.g. cropped, and by which source type, e.g. "
    "edited=compositeWithTrainedAlgorithmicMedia; may be repeated.",
)
@click.option(
    "--parent",
    type=click.Path(exists=True, dir_okay=False),
    help="The file that SOURCE was made from, where it is another.",
)
@click.option(
    "--trust",
    default=",".join(Settings().trust),
    show_default=True,
    help="Lists of known signers, as for verify: the history keeps what they said of the parent.",
)
@click.option("--title", help="What the file is called.")
@click.option("--software", help="What made or edited it.")
@click.option(
    "--training",
    multiple=True,
    metavar="USE=CHOICE",
    help="ai_generative_training, ai_training, ai_inference or data_mining = allowed, notAllowed "
    "or constrained; may be repeated.",
)
@click.option(
    "--sidecar",
    type=click.Path(dir_okay=False),
    help="Write the credential there instead of into the file.",
)
@click.option("--remote", metavar="URL", help="Say in the file where its credential will be found.")
@click.option("--thumbnail", is_flag=True, help="Put a small picture into the credential.")
def sign(
    source: str,
    target: str,
    whose: "Signer",
    created: str | None,
    update: bool,
    actions: tuple[str, ...],
    parent: str | None,
    trust: str,
    title: str | None,
    software: str | None,
    training: tuple[str, ...],
    sidecar: str | None,
    remote: str | None,
    thumbnail: bool,
) -> int:
    """Sign SOURCE and write it to TARGET, which may be the same file.

    \b
      verascope cert dev keys/
      verascope sign a.jpg b.jpg --certificates keys/chain.pem --key keys/key.pem \\
          --created digitalCapture
      verascope sign b.jpg b.jpg --certificates keys/chain.pem --key keys/key.pem \\
          --action cropped

    The target appears whole and verified, or not at all.
    """
    from verascope.provenance.sign import Action, Declaration, Parent, Placement
    from verascope.provenance.sign import sign as write

    declaration = Declaration(
        source_type=created,
        update=update,
        actions=tuple(Action(*each.split("=", 1)) for each in actions),
        title=title,
        software=software,
        training=dict(_choice(each) for each in training),
        thumbnail=thumbnail,
    )
    where = (Path(source), Path(target), _media_type(source))
    before = Parent(Path(parent), _media_type(parent)) if parent else None
    placement = Placement(sidecar=Path(sidecar) if sidecar else None, remote_url=remote)
    answer = write(
        *where, whose, declaration, parent=before, placement=placement, trust=trust_lists(trust)
    )
    click.echo(
        f"signed; others will call it {answer.outcome} unless they know the signer", err=True
    )
    return 0


def _choice(text: str) -> tuple[str, str]:
    use, separator, choice = text.partition("=")
    if not separator:
        raise click.UsageError(f"--training takes USE=CHOICE, not {text!r}")
    return use, choice


def _media_type(path: str) -> str:
    from verascope.errors import InputTrouble
    from verascope.media.source import open_regular
    from verascope.media.types import sniff
    from verascope.result import SENTENCES

    try:
        file = open_regular(os.fsencode(path), True, Limits())
    except InputTrouble as trouble:
        raise click.UsageError(f"{path}: {SENTENCES[trouble.reason]}") from trouble
    with file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        name = sniff(data).name
    # Documents (EPUB, ODT, DOCX, …) are ZIP archives by their bytes; a credential names their kind.
    return mimetypes.guess_type(path)[0] or name if name == "application/zip" else name
