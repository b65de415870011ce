"""The options of `verascope scan`, in the groups in which they are shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from verascope.cli.output import FORMATS
from verascope.result import Verdict
from verascope.settings import Limits, Quality, Settings

Verb = Callable[..., Any]


def options(*several: Callable[[Verb], Verb]) -> Callable[[Verb], Verb]:
    """Several options as one decorator."""

    def decorate(verb: Verb) -> Verb:
        for each in reversed(several):
            verb = each(verb)
        return verb

    return decorate


INPUTS = options(
    click.argument("paths", nargs=-1, metavar="PATH..."),
    click.option("--files-from", type=click.File("rb"), help="Read names from a file, one a line."),
    click.option("-0", "--null", is_flag=True, help="Names in --files-from end with a NUL."),
    click.option("-r", "--recursive", is_flag=True, help="Accepted; folders are always walked."),
    click.option(
        "--include",
        multiple=True,
        metavar="GLOB",
        help="Of what is below a folder or in an archive, only what fits; as in .gitignore.",
    ),
    click.option("--exclude", multiple=True, metavar="GLOB", help="And not what fits this."),
    click.option(
        "--exclude-from", type=click.File("r"), help="Read such globs from a file, one a line."
    ),
    click.option("--max-depth", type=click.IntRange(min=0), help="Enter so many folders deep."),
    click.option(
        "--shard",
        metavar="I/N",
        help="Only the I-th of N shares, by name: N machines share the work without talking.",
    ),
    click.option("--no-archives", is_flag=True, help="Do not look into zip and tar files."),
    click.option(
        "--text-field",
        metavar="NAME",
        help="Of .jsonl and .csv files, the field whose text each row is judged by; dots lead into "
        "objects.  [default: text]",
    ),
    click.option(
        "--by",
        metavar="NAME",
        help="Of .jsonl and .csv files, the field that says whose a row is: one Result an author "
        "instead of one a row.",
    ),
    click.option(
        "--type",
        "text_type",
        type=click.Choice(["plain", "html", "markdown"]),
        help="Judge files that are text as this, whatever their names say.",
    ),
    click.option("--encoding", help="Of text that is neither UTF-8 nor marked, such as latin-1."),
    click.option(
        "--max-members",
        type=click.IntRange(min=1),
        default=1_000_000,
        show_default=True,
        help="Of one archive.",
    ),
    click.option(
        "--max-unpacked",
        type=click.IntRange(min=1),
        default=100_000_000_000,
        show_default=True,
        help="Bytes out of one archive.",
    ),
    click.option(
        "--max-ratio",
        type=click.FloatRange(min=1),
        default=200.0,
        show_default=True,
        help="Bytes unpacked for each byte of an archive, from 16 MB on.",
    ),
)
OUTPUTS = options(
    click.option(
        "--format",
        "format_",
        type=click.Choice(list(FORMATS)),
        default="text",
        show_default=True,
        help="A table for people, one Result a line (jsonl, csv), or a whole file "
        "(parquet, sarif).",
    ),
    click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write results there."),
    click.option(
        "--run",
        "run_folder",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Keep the run in DIR: results, journal, settings. `verascope report DIR` shows it.",
    ),
    click.option(
        "--resume", is_flag=True, help="Go on with the run in DIR: only what is new is scanned."
    ),
    click.option(
        "--retry", is_flag=True, help="With --resume: again what failed because a worker died."
    ),
    click.option(
        "--unordered", is_flag=True, help="Results as they come, not in the inputs' order."
    ),
)
JUDGING = options(
    click.option(
        "--jobs",
        "-j",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Inputs at once, each with a worker process; 0 is one for each core.",
    ),
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Who does the work: this machine, or the actors of a Ray cluster (docs/scale.md).",
    ),
    click.option(
        "--device",
        type=click.Choice(["cpu", "cuda"]),
        default="cpu",
        show_default=True,
        help="Where models run: cuda gathers the pictures of all workers into batches.",
    ),
    click.option(
        "--detector",
        "detectors",
        multiple=True,
        help="Run this detector (a name or a model folder) instead of all; may be repeated.",
    ),
    click.option(
        "--quality",
        type=click.Choice([each.value for each in Quality]),
        default=Quality.AUTO.value,
        show_default=True,
        help="Detectors: fast, accurate (needs encoders: `verascope models install clip-vit-b16` "
        "for pictures, `… distillmos whisper-base` for sound), or auto: accurate where they are.",
    ),
    click.option(
        "--calibration",
        default="",
        metavar="NAME,...",
        help="Thresholds of your own, from `verascope calibrate`; one for each detector.",
    ),
    click.option(
        "--heatmaps",
        type=click.Path(file_okay=False),
        metavar="DIR",
        help="Write where the score comes from as PNG files (accurate only; takes as long again).",
    ),
    click.option(
        "--trust",
        default=",".join(Settings().trust),
        show_default=True,
        help="Trust lists for credentials: names or PEM files, separated by commas.",
    ),
    click.option("--no-provenance", is_flag=True, help="Do not look at Content Credentials."),
    click.option(
        "--watermarks", is_flag=True, help="Look for invisible watermarks whose words are known."
    ),
    click.option(
        "--watermark-key",
        type=click.Path(exists=True, dir_okay=False),
        metavar="FILE",
        help="Look in texts for the watermark of this key (`verascope generate watermark-key`).",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=Limits().stage_timeout_s,
        show_default=True,
        help="Seconds that each stage of reading one file may take.",
    ),
    click.option(
        "--max-size",
        type=click.IntRange(min=1),
        default=Limits().max_bytes,
        show_default=True,
        help="Largest file, in bytes.",
    ),
    click.option(
        "--max-pixels",
        type=click.IntRange(min=1),
        default=Limits().max_pixels,
        show_default=True,
        help="Largest picture, by its header.",
    ),
    click.option(
        "--max-duration",
        type=click.FloatRange(min=0, min_open=True),
        default=Limits().max_duration_s,
        show_default=True,
        help="Longest recording, in seconds, by its header.",
    ),
)
ENDING = options(
    click.option(
        "--policy",
        "policy_file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Give each Result the action that this policy (TOML) chooses.",
    ),
    click.option(
        "--fail-on",
        default=Verdict.SYNTHETIC.value,
        show_default=True,
        help="Verdicts, or actions of the policy, that make the exit code 1, with commas between.",
    ),
    click.option("--exit-zero", is_flag=True, help="Exit 0 also when something is flagged."),
    click.option(
        "--show-settings", is_flag=True, help="Print every setting, with where it is from; no scan."
    ),
    click.option("-q", "--quiet", is_flag=True, help="No progress and no summary."),
)
