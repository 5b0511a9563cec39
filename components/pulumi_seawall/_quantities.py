"""Kubernetes' quantities in the form that the API server keeps.

What is written otherwise comes back otherwise, and Argo takes the difference for a new release. Source: apimachinery's
`resource.Quantity`, "canonical form": no fraction, and the largest suffix that allows it.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from seawall.errors import InvalidInput

DECIMAL: Final = {suffix: Fraction(1000) ** power for power, suffix in enumerate(("", "k", "M", "G", "T", "P", "E"))}
BINARY: Final = {
    suffix: Fraction(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)
}
SMALL: Final = {"m": Fraction(1, 1000)}
FORM: Final = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<suffix>m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
LEAST_CPU: Final = Fraction(1, 1000)  # Kubernetes has nothing finer than a thousandth of a CPU
LEAST_MEMORY: Final = (
    4 * 1024 * 1024
)  # bytes; container runtimes refuse a limit below some MiB, and 4m is a typing error


def cpu(name: str, value: object) -> str:
    """CPUs in canonical form: `0.5` and `500m` are `500m`, `1000m` is `1`.

    Raises:
        InvalidInput: It is no quantity, finer than a thousandth, or binary.
    """
    amount = _parsed(value)
    if amount is None or amount < LEAST_CPU or (amount / LEAST_CPU).denominator != 1 or _suffix(value) in BINARY:
        raise InvalidInput(name, value, allowed="CPUs as text, e.g. 500m or 2; at least 1m")
    return _canonical(amount, {**SMALL, **DECIMAL})


def memory(name: str, value: object) -> str:
    """Bytes in canonical form: `1024Mi` is `1Gi`, `0.5Gi` is `512Mi`.

    Raises:
        InvalidInput: It is no quantity, no whole number of bytes, or too few to start a process.
    """
    amount = _parsed(value)
    if amount is None or amount < LEAST_MEMORY or amount.denominator != 1:
        raise InvalidInput(name, value, allowed="bytes as text, e.g. 512Mi or 2Gi; at least 4Mi")
    return _canonical(amount, {"": Fraction(1), **BINARY} if _suffix(value) in BINARY else DECIMAL)


def amount_of(quantity: str) -> Fraction:
    """The number that a quantity in its form stands for: CPUs or bytes."""
    return _parsed(quantity) or Fraction(0)


def _parsed(value: object) -> Fraction | None:
    match = FORM.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    return Fraction(match["number"]) * {**DECIMAL, **BINARY, **SMALL}[match["suffix"] or ""]


def _suffix(value: object) -> str:
    match = FORM.fullmatch(str(value))
    return (match["suffix"] or "") if match else ""


def _canonical(amount: Fraction, units: Mapping[str, Fraction]) -> str:
    suffix, unit = max(
        ((suffix, unit) for suffix, unit in units.items() if (amount / unit).denominator == 1), key=lambda pair: pair[1]
    )
    return f"{amount / unit}{suffix}"
