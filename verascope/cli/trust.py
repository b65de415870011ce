"""`verascope trust`: the lists of known signers."""

import click

from verascope.errors import ExitCode, UsageError


@click.group()
def trust() -> None:
    """Lists of known signers: those that ship with Verascope, and your own."""


@trust.command("list")
def list_() -> int:
    """Show every list: how many certificates, how old, how many of them have expired."""
    from verascope.provenance.local_lists import ISSUED, names

    for name in (*ISSUED, *names()):
        click.echo(_line(name))
    return int(ExitCode.OK)


@trust.command("import")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
def import_(name: str, file: str) -> int:
    """Keep the certificates in FILE (PEM) as a list, for `--trust NAME`."""
    from verascope.provenance.local_lists import facts, keep
    from verascope.provenance.trust import local

    pem = local(file)
    if facts("", pem, "", "").trusts_nobody:
        raise UsageError(f"trust: {file} holds no authority, so it would trust nobody")
    path = keep(name, pem)
    click.echo(f"kept as {path}", err=True)
    click.echo(_line(name))
    return int(ExitCode.OK)


@trust.command()
@click.argument("names", nargs=-1, required=True)
def check(names: tuple[str, ...]) -> int:
    """Check lists by name or PATH.pem: 1 if one is overdue, useless or holds expired ones."""
    from verascope.provenance.local_lists import Facts, facts
    from verascope.provenance.trust import resolve

    found: list[Facts] = [facts(*resolve((name,))[0]) for name in names if name != "none"]
    for name in names:
        click.echo(_line(name))
    worn = any(each.overdue or each.expired or each.trusts_nobody for each in found)
    return int(ExitCode.FLAGGED if worn else ExitCode.OK)


def _line(name: str) -> str:
    from verascope.cli.escape import printable
    from verascope.provenance.local_lists import facts
    from verascope.provenance.trust import resolve

    lists = resolve((name,))
    if not lists:
        return f"{name:<12} trusts nobody"
    found = facts(*lists[0])
    parts = [
        f"{count} {what}"
        for count, what in (
            (found.signers, "authorities of signers"),
            (found.time_stamps, "of time stamps"),
            (found.allowed, "single signers"),
            (found.idle, "that vouch for nobody (no authorities)"),
            (found.expired, "expired"),
        )
        if count
    ]
    issued = f"issued {found.issued}" if found.issued else ""
    imported = f"imported {found.imported}" if found.imported else ""
    following = f"next due {found.next_update}" if found.next_update else ""
    overdue = "OVERDUE: look for a newer release of Verascope" if found.overdue else ""
    return f"{printable(name):<12} " + "; ".join(
        each for each in (", ".join(parts), issued, imported, following, overdue) if each
    )
