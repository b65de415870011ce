"""How measured figures are written in the pages that are made."""

from typing import Any


def interval(figure: dict[str, Any]) -> str:
    """A figure with its interval, two digits behind the point."""
    low, high = figure["interval"]
    return f"{figure['value']:.2f} ({low:.2f} to {high:.2f})"


def percent(figure: dict[str, Any]) -> str:
    """A share with its interval, in per cent."""
    low, high = figure["interval"]
    return f"{100 * figure['value']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
