"""The verbs and their exit codes. A verb's module is imported only when it is called."""

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TextIO

import click

from verascope import __version__

# verb: (module:command in this folder, one line for --help; its own --help teaches the rest)
VERBS = {
    "scan": ("scan:scan", "Judge files and folders: verdict, score, evidence."),
    "verify": ("verify:verify", "Check Content Credentials (C2PA): who, when, what."),
    "inspect": ("inspect:inspect", "Show a credential whole, or write it as a page."),
    "sign": ("sign:sign", "Sign a file with a Content Credential of your own."),
    "diff": ("diff:diff", "What a pipeline took away of a file's origin."),
    "republish": ("republish:republish", "Transcode an upload and keep its history."),
    "register": ("register:register", "Keep a signed file's fingerprint, to find it again."),
    "report": ("report:report", "Results as one page that a person can read."),
    "policy": ("policy:policy", "Rules that turn Results into actions; replay them."),
    "trust": ("trust:trust", "Manage the lists of signers that are trusted."),
    "cert": ("cert:cert", "Make a certificate to try signing with."),
    "generate": ("generate:generate", "Train generators and write synthetic corpora."),
    "calibrate": ("calibrate:calibrate", "Thresholds that hold on real files of your own."),
    "train": ("train:train", "Train a detector on corpora and export it."),
    "serve": ("serve:serve", "Run the moderation service: API, queue, webhooks."),
    "keys": ("serve:keys", "Make, list and revoke the service's API keys."),
    "webhooks": ("serve:webhooks", "Addresses that the service tells of every item."),
    "queue": ("serve:queue", "The service's dead letters."),
    "decisions": ("serve:decisions", "What people decided in review: export, agreement."),
    "labels": ("serve:labels", "Judged items as labels of the AT Protocol."),
    "audit": ("serve:audit", "Check the service's log."),
    "doctor": ("doctor:doctor", "What is installed, and whether a scan could run."),
    "completion": ("completion:completion", "A script that lets your shell complete commands."),
    "models": ("models:models", "Install, check and list models and encoders."),
}
EPILOG = """Exit codes: 0 done, nothing flagged; 1 something flagged; 2 an input failed;
64 wrong usage; 70 a fault of ours; 130 interrupted."""
SHIPPED = Path(__file__).parents[1] / "detect" / "models"


class _Verbs(click.Group):
    """A group that knows its verbs by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        module, _, attribute = VERBS[name][0].partition(":")
        command: click.Command = getattr(import_module(f"verascope.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(name, text) for name, (_, text) in VERBS.items()])


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    import json

    models = [json.loads(file.read_bytes()) for file in sorted(SHIPPED.glob("*/model.json"))]
    named = "".join(f", {m['name']} {m['version']} ({m['sha256'][:12]})" for m in models)
    click.echo(f"verascope {__version__}{named}")
    ctx.exit()


CONTEXT = {"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "VERASCOPE"}


@click.group(cls=_Verbs, epilog=EPILOG, context_settings=CONTEXT)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the versions of Verascope and its models.",
)
@click.option(
    "--config",
    metavar="FILE",
    help="Take settings from there.  [default: verascope.toml, or [tool.verascope] of "
    "pyproject.toml, in the current folder]",
)
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colours; auto heeds NO_COLOR and FORCE_COLOR.",
)
@click.option("-v", "--verbose", count=True, help="Say more on standard error; -vv still more.")
@click.pass_context
def cli(ctx: click.Context, config: str | None, color: str, verbose: int) -> None:
    """Was it made by a machine, and where does it come from?

    \b
      verascope scan photos/              judge every file of a folder
      verascope scan - < photo.jpg        judge standard input
      verascope verify photo.jpg          check its Content Credential

    Options of a verb may also stand in a settings file ([scan] quality = "fast") or in the
    environment (VERASCOPE_SCAN_QUALITY=fast); flags win over both.
    """
    from verascope.cli.config import default_map

    ctx.color = _colours(color)
    ctx.default_map, _ = default_map(config, cli)
    if verbose:
        import logging

        logging.basicConfig(level=logging.INFO if verbose == 1 else logging.DEBUG)


def _colours(wanted: str) -> bool | None:
    """Whether to colour whatever the output is; None leaves it to whether that is a terminal."""
    if wanted != "auto":
        return wanted == "always"
    if os.environ.get("NO_COLOR"):  # no-color.org: whatever its value
        return False
    return True if os.environ.get("FORCE_COLOR") else None


def run(arguments: Sequence[str]) -> int:
    """Run a command line; returns the exit code. Anything raised on purpose has become words."""
    _prepare()
    try:
        code = cli.main(list(arguments), prog_name="verascope", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 64
    except click.ClickException as error:
        error.show(sys.stderr)
        return 64
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; what was finished is written", err=True)
        return 130
    except (BrokenPipeError, SystemExit):  # click turns the first into the second
        _silence_stdout()
        return 130
    except OSError as error:
        click.echo(f"verascope: {error}", err=True)
        return 70
    except Exception as error:  # noqa: BLE001 - the process boundary
        return _explain(error)
    return code if isinstance(code, int) else 0


def _prepare() -> None:
    """Ends by signal are interruptions; a name that the terminal cannot show ends no run."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _interrupt)
    sys.stdout = sys.stdout or _nowhere()  # None where the caller closed it
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def _explain(error: Exception) -> int:
    """The exit code of an exception; one raised on purpose is a sentence, another a fault."""
    import logging

    from verascope.errors import VerascopeError

    if isinstance(error, VerascopeError):
        click.echo(f"verascope: {error}", err=True)
        return int(error.exit_code)
    logging.getLogger("verascope").error("a fault of Verascope", exc_info=error)
    return 70


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


def _silence_stdout() -> None:
    """The reader of our output is gone: do not complain again when Python flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
