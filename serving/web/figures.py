"""Figures as pages show them: with their error at 95 %, and no estimate as certain."""

from __future__ import annotations

from typing import Final

STD_TO_95: Final = 1.96
"""Half the width of the 95 % interval of a normal error, in standard deviations."""

MOST_SHOWN: Final = 0.99


def show_with_error(
    value: float | None,
    std: float | None,
    unit: str = "",
    *,
    decimals: int = 1,
    signed: bool = False,
) -> str:
    """Return a figure with its error at 95 %; empty where it is not known.

    An error too small for the decimals is shown as the smallest, not as none.

    >>> show_with_error(3.02, 0.21, "m", signed=True), show_with_error(9.1, None, "m")
    ('+3.0 ± 0.4 m', '9.1 m')
    >>> show_with_error(4.0, 0.001), show_with_error(None, 0.2, "m")
    ('4.0 ± 0.1', '')
    """
    if value is None:
        return ""
    number = f"{round(value, decimals) + 0.0:{'+' if signed else ''}.{decimals}f}"
    error = "" if std is None else f" ± {show_error(std, decimals=decimals)}"
    return f"{number}{error} {unit}".rstrip().replace("-", "\N{MINUS SIGN}")


def show_error(std: float, *, decimals: int = 1) -> str:
    """Return the error at 95 % of a figure with one standard deviation ``std``.

    >>> show_error(0.08, decimals=2), show_error(0.001)
    ('0.16', '0.1')
    """
    return f"{max(STD_TO_95 * std, 10**-decimals):.{decimals}f}"


def show_score(score: float) -> str:
    """Return a score in [0, 1]; one that only rounding makes 0 or 1 is shown as near it.

    >>> show_score(0.9971), show_score(1.0), show_score(0.87), show_score(0.002), show_score(0.0)
    ('> 0.99', '1.00', '0.87', '< 0.01', '0.00')
    """
    if MOST_SHOWN < score < 1.0:
        return f"> {MOST_SHOWN:.2f}"
    least = 1.0 - MOST_SHOWN
    return f"< {least:.2f}" if 0.0 < score < least else f"{score:.2f}"


def show_percent(probability: float) -> str:
    """Return a probability in percent; nothing that is estimated is certain.

    >>> show_percent(0.999), show_percent(0.42), show_percent(0.001)
    ('>99%', '42%', '<1%')
    """
    if probability > MOST_SHOWN:
        return f">{MOST_SHOWN:.0%}"
    least = 1.0 - MOST_SHOWN
    return f"<{least:.0%}" if probability < least else f"{probability:.0%}"
