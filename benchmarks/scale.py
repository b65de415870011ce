"""What it takes to scan a million to a billion pictures, from costs that were measured.

    python -m benchmarks.scale [--price 0.04] [--cores 32] [--days 7]

The cost of a file comes from benchmarks/results: scanning.json (1 MP JPEGs, one core, by tier) and
batch.json (how much of its ceiling a batch reaches). Nothing else is assumed but that machines do
not wait for each other (--shard) and that whatever holds the files delivers them fast enough.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
TIERS = {"fast": "1 MP JPEG, scanned", "accurate": "1 MP JPEG, scanned, accurate"}
NUMBERS = (10**6, 10**7, 10**8, 10**9)
PRICE = 0.04  # US dollars an hour of a core, about what clouds ask on demand; give your own
CORES = 32  # of a machine
DAYS = 7.0  # until it is to be done


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--price", type=float, default=PRICE, help="US dollars an hour of a core")
    parser.add_argument("--cores", type=int, default=CORES, help="of a machine")
    parser.add_argument("--days", type=float, default=DAYS, help="until it is to be done")
    asked = parser.parse_args()
    print(table(asked.price, asked.cores, asked.days))


def table(price: float = PRICE, cores: int = CORES, days: float = DAYS) -> str:
    """Machines and cost by tier and number, in Markdown."""
    lines = [
        "| pictures (1 MP) | tier | ms of a core each | hours of a core | "
        f"machines of {cores} cores for {days:g} days | cost at ${price:g} an hour of a core | "
        "a million costs |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for number in NUMBERS:
        for tier in TIERS:
            each = milliseconds(tier)
            hours = number * each / 3.6e6
            machines = math.ceil(hours / (24 * days * cores))
            lines.append(
                f"| {number:,} | {tier} | {each:.0f} | {hours:,.0f} | {machines:,} "
                f"| ${hours * price:,.2f} | ${1e6 * each / 3.6e6 * price:,.2f} |"
            )
    return "\n".join(lines)


def milliseconds(tier: str) -> float:
    """Of one core, for one file in a batch: what one scan costs, over the share of the ceiling.

    A single scan has its overhead measured already; a batch that keeps less of its ceiling than
    that scan does is dearer by the difference.
    """
    scanning = _read("scanning.json")
    row = next(each for each in scanning["rows"] if each["what"] == TIERS[tier])
    share = float(_read("batch.json")["throughput"]["share_of_ceiling"])
    return float(max(row["ms"], row["bare_ms"] / share))


def _read(name: str) -> Any:
    return json.loads((RESULTS / name).read_bytes())


if __name__ == "__main__":
    main()
