"""Small language models of characters, one for each kind of writer, in one table.

Interpolated after Witten and Bell (1991), kept as back-off models are: of an n-gram that was seen
its log-probability, of a context what is left for letters that were not seen after it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verascope.detect.text_batch import Floats, TextBatch
from verascope.media.hashes import Hashes

UNSEEN = -9.0  # log-probability of a character that no model ever saw


class Order(NamedTuple):
    """The n-grams of one length that are known to any of the models.

    Attributes:
        keys: uint32 [m], the high half of their hashes, sorted.
        seen: float16 [m, models], log-probability of the last character after the others.
        left: float16 [m, models], log-probability of going on with a character never seen after it.
    """

    keys: NDArray[np.uint32]
    seen: NDArray[np.float16]
    left: NDArray[np.float16]

    def find(self, hashes: Hashes) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where each hash is, and whether it is there at all."""
        wanted = (hashes >> np.uint64(32)).astype(np.uint32)
        at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return at, self.keys[at] == wanted


def log_probabilities(orders: Sequence[Order], batch: TextBatch) -> Floats:
    """Of each character after those before it in its text, float64 [total, models]."""
    at, known = orders[0].find(batch.grams(1))
    logs = np.where(known[:, None], orders[0].seen[at].astype(float), UNSEEN)
    for n, order in enumerate(orders[1:], 2):
        context, follows = at, known
        at, known = order.find(batch.grams(n))
        known &= batch.place >= n - 1
        # The context ends one character earlier; at a text's start there is none.
        before = np.append(0, context[:-1])
        has = np.append(False, follows[:-1]) & (batch.place >= n - 1)
        left = np.where(has[:, None], orders[n - 2].left[before].astype(float), 0.0)
        logs = np.where(known[:, None], order.seen[at].astype(float), logs + left)
    return logs
