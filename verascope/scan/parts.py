"""What the parent and the unpacking worker tell each other of an archive."""

from msgspec import Struct

from verascope.result import Reason
from verascope.settings import Limits

FUNCTION = "verascope.scan.unpack:unpack"


class ArchiveLimits(Struct, frozen=True, kw_only=True):
    """How far archives are gone into; ClamAV has the like, some of them with other defaults.

    Attributes:
        max_depth: archives in archives in archives …; 1 looks into none that lies in another.
        max_members: of one archive, those of inner ones counted.
        max_ratio: bytes unpacked for each byte of the archive, from `ratio_from_bytes` on.
        max_total_bytes: unpacked, of one archive.
        max_member_bytes: unpacked, of one member.
    """

    max_depth: int = 4
    max_members: int = 1_000_000
    max_ratio: float = 200.0
    ratio_from_bytes: int = 16_000_000
    max_total_bytes: int = 100_000_000_000
    max_member_bytes: int = 100_000_000


class UnpackRequest(Struct, frozen=True, kw_only=True):
    """Which archive, and from which member on: the worker keeps it open between calls."""

    path: bytes
    follow_links: bool
    limits: Limits
    bounds: ArchiveLimits
    suffixes: tuple[str, ...]
    first: int = 0


class Part(Struct, frozen=True, kw_only=True):
    """One member, whose bytes come with it, or why there are none; `name` is empty for the archive.

    Attributes:
        index: which member; the next call goes on behind it.
        name: inner path; of an inner archive's member, both, with # between.
        reason, detail: why it cannot be read.
        more: ask again, there is more.
        pause: nothing but a sign that there is more.
        not_an_archive: its bytes are none.
    """

    index: int
    name: bytes = b""
    reason: Reason | None = None
    detail: str = ""
    more: bool = False
    pause: bool = False
    not_an_archive: bool = False
