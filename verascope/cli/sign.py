"""`verascope sign`: write a file with a Content Credential."""

import mmap
import os
from pathlib import Path

import click

CERTIFICATES = "VERASCOPE_SIGN_CERTIFICATES"
KEY = "VERASCOPE_SIGN_KEY"


@click.command(epilog="Exit codes: 0 signed; 2 not signed, and nothing was written.")
@click.argument("source", type=click.Path(exists=True, dir_okay=False))
@click.argument("target", type=click.Path(dir_okay=False))
@click.option(
    "--certificates",
    type=click.Path(exists=True, dir_okay=False),
    help=f"PEM, the signer's first, then those above it; else the text in ${CERTIFICATES}.",
)
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False),
    help=f"PEM, PKCS#8; else the text in ${KEY}.",
)
@click.option("--algorithm", default="es256", show_default=True, help="Fits the key.")
@click.option("--time-stamp", metavar="URL", help="Authority to ask for a time stamp (network).")
@click.option(
    "--created",
    metavar="TYPE",
    help="How the media was made, e.g. digitalCapture or trainedAlgorithmicMedia. Without it, "
    "SOURCE was edited and becomes the parent.",
)
@click.option("--update", is_flag=True, help="Change the credential only; the media is as it was.")
@click.option("--action", "actions", multiple=True, help="What was done to it; may be repeated.")
@click.option(
    "--parent",
    type=click.Path(exists=True, dir_okay=False),
    help="The file that SOURCE was made from, where it is another.",
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
    certificates: str | None,
    key: str | None,
    algorithm: str,
    time_stamp: str | None,
    created: str | None,
    update: bool,
    actions: tuple[str, ...],
    parent: str | None,
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
    from verascope.provenance.sign import Declaration, Parent, Placement, Signer
    from verascope.provenance.sign import sign as write

    signer = Signer(
        chain=_secret(certificates, CERTIFICATES, "--certificates"),
        key=_secret(key, KEY, "--key"),
        algorithm=algorithm,
        time_stamp_url=time_stamp,
    )
    declaration = Declaration(
        source_type=created,
        update=update,
        actions=actions,
        title=title,
        software=software,
        training=dict(_choice(each) for each in training),
        thumbnail=thumbnail,
    )
    where = (Path(source), Path(target), _media_type(source))
    before = Parent(Path(parent), _media_type(parent)) if parent else None
    placement = Placement(sidecar=Path(sidecar) if sidecar else None, remote_url=remote)
    answer = write(*where, signer, declaration, parent=before, placement=placement)
    click.echo(
        f"signed; others will call it {answer.outcome} unless they know the signer", err=True
    )
    return 0


def _secret(path: str | None, variable: str, option: str) -> bytes:
    """PEM from a file or the environment; never from the command line, which others can see."""
    if path is not None:
        return Path(path).read_bytes()
    text = os.environ.get(variable)
    if not text:
        raise click.UsageError(f"give {option} or set {variable}")
    return text.encode()


def _choice(text: str) -> tuple[str, str]:
    use, separator, choice = text.partition("=")
    if not separator:
        raise click.UsageError(f"--training takes USE=CHOICE, not {text!r}")
    return use, choice


def _media_type(path: str) -> str:
    from verascope.media.types import sniff

    with open(path, "rb") as file:  # noqa: PTH123
        if not os.fstat(file.fileno()).st_size:
            raise click.UsageError(f"{path} is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return sniff(data).name
