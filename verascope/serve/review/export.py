"""What people decided, as a corpus that `verascope train` reads: files, labels, sources.

Only items whose content is still there and whose decision is sure. The uploader is the source, by a
hash, so that splits never part one person's pictures and nobody is named.
"""

import hashlib
import shutil
from collections import Counter
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.engine import Engine

from verascope.errors import UsageError
from verascope.generate import manifest
from verascope.generate.manifest import MANIFEST, Row
from verascope.result import Result
from verascope.serve.schema import decisions, items

LABELS = ("real", "synthetic", "edited")
SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}


def export(engine: Engine, contents: Path, out: Path) -> Counter[str]:
    """Write the corpus into a new folder; returns how many files of each label.

    Raises:
        UsageError: the folder is not empty, or nothing was decided.
    """
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty; choose another folder")
    query = (
        select(decisions.c.item_id, decisions.c.choice, items.c.subject, items.c.result)
        .join(items, items.c.id == decisions.c.item_id)
        .where(decisions.c.undone_at.is_(None), decisions.c.choice.in_(LABELS))
        .order_by(decisions.c.id)
    )
    with engine.connect() as connection:
        last = {row.item_id: row for row in connection.execute(query)}  # the last one counts
    rows = [
        row
        for ident, found in last.items()
        if (row := _file(contents / ident, found.choice, found.subject, found.result, out))
    ]
    if not rows:
        raise UsageError("nothing was decided of which the content is still there")
    manifest.write(out / MANIFEST, rows)
    return Counter(row.label for row in rows)


def _file(content: Path, label: str, subject: str | None, result: str, out: Path) -> Row | None:
    """One item's file, copied, and its row; None where its content is gone."""
    if not content.is_file():
        return None
    found = Result.from_json(result).input
    digest = hashlib.sha256(content.read_bytes()).hexdigest()
    path = Path(label) / f"{digest[:20]}{SUFFIXES.get(found.media_type or '', '.bin')}"
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(content, out / path)
    who = hashlib.sha256((subject or "nobody").encode()).hexdigest()[:12]
    return Row(
        path=path.as_posix(),
        label=label,
        source=f"subject-{who}",
        sha256=digest,
        bytes=(out / path).stat().st_size,
        origin="review",
    )
