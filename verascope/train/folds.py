"""Leave-sources-out folds: what is scored comes from sources that its model never saw.

Sources that share a repository or a pair stay together, since encoder, topic and content would
give them away to each other.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from verascope.errors import UsageError
from verascope.train.corpora import Item


def assign(items: Sequence[Item], folds: int) -> NDArray[np.int64]:
    """The fold (0 to folds − 1) that leaves each item out; about 1 / folds of each class in each.

    Groups of sources go, largest first, where they fit the two classes' shares best.
    """
    groups = _groups(items)
    sizes = Counter((groups[item.row.source], item.row.label == "real") for item in items)
    total = np.array(
        [sum(n for (_, r), n in sizes.items() if r is is_real) for is_real in (True, False)]
    )
    filled = np.zeros((folds, 2))
    fold_of: dict[str, int] = {}
    for group in sorted(set(groups.values()), key=lambda g: (-sizes[g, True] - sizes[g, False], g)):
        size = np.array([sizes[group, True], sizes[group, False]])
        # the fold whose fullness, squared and in shares of each class, grows least
        grown = (((filled + size) / total) ** 2 - (filled / total) ** 2).sum(1)
        fold_of[group] = int(grown.argmin())
        filled[fold_of[group]] += size
    return np.array([fold_of[groups[item.row.source]] for item in items])


def check(items: Sequence[Item], of: NDArray[np.int64]) -> None:
    """See that both classes are left when the sources of any fold are left out.

    Raises:
        UsageError: they are not.
    """
    for fold in np.unique(of):
        kept = {item.row.label for item, own in zip(items, of, strict=True) if own != fold}
        if missing := {"real", "synthetic"} - kept:
            raise UsageError(
                f"no {missing.pop()} picture is left to train on when sources are left out: "
                "corpora need both classes from two sources at least, from three with a teacher "
                "(a folder below real/ or synthetic/, or below the folder that twins were made "
                "of, names a source)"
            )


def _groups(items: Sequence[Item]) -> dict[str, str]:
    """Source to the name of its group: union of sources by repository and by pair."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for item in items:
        row = item.row
        keys = [f"source:{row.source}", f"repository:{item.repository}"]
        keys += [f"pair:{row.pair}"] if row.pair else []
        for one, other in pairwise(keys):
            parent[root(one)] = root(other)
    return {item.row.source: root(f"source:{item.row.source}") for item in items}
