"""Service-level objectives: error budgets, and the burn rates at which people are told.

Pure arithmetic, no resources. Ratios are 0 to 1, times are seconds. Source: Google, "The Site Reliability Workbook",
chapter 5, "Alerting on SLOs" (multi-window, multi-burn-rate alerts). A burn rate of 1 spends the budget exactly in the
period. An alert on a share of the budget within a window has the burn rate share x period / window; its short window, a
twelfth of the long one, lets it end soon after the errors have.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, cast

from seawall.errors import InvalidInput
from seawall.objectives import BUDGET_PERIOD_SECONDS, Objectives

__all__ = [
    "STANDARD_ALERTS",
    "AlertSeverity",
    "BudgetAlert",
    "BurnRateWindow",
    "ErrorBudget",
    "NoData",
    "Slo",
    "burn_rate_windows",
]

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
ROUNDING: Final = 1e-9  # 1 - 0.999 is a little less than 0.001: exactly the budget is still within it
SHORT_WINDOW_SHARE: Final = 1 / 12  # of the long window: the workbook's guideline


class NoData(StrEnum):
    """What happens when there is nothing to judge. Never implicit: canaries, SLOs and health checks must choose."""

    PASS = "pass"  # noqa: S105 - a word, not a password
    """Counts as good: for what has no traffic at night."""
    PAUSE = "pause"
    """Nothing is decided until there is data; people are told."""
    FAIL = "fail"
    """Counts as bad: for what always has traffic, so that silence is an outage."""


class AlertSeverity(StrEnum):
    """Who is told."""

    PAGE = "page"
    """Somebody, now."""
    TICKET = "ticket"
    """Somebody, within days."""


@dataclass(frozen=True, slots=True)
class BudgetAlert:
    """A rule that windows are computed from.

    Args:
        budget_share: Of the error budget, above 0 and at most 1, whose loss within `long_seconds` is worth an alert.
        long_seconds: The window.
        severity: Who is told.

    Raises:
        InvalidInput: A value is not allowed.
    """

    budget_share: float
    long_seconds: float
    severity: AlertSeverity

    def __post_init__(self) -> None:
        if not 0 < self.budget_share <= 1:
            raise InvalidInput("budget_share", self.budget_share, allowed="a ratio above 0 and at most 1")
        if not math.isfinite(self.long_seconds) or self.long_seconds <= 0:
            raise InvalidInput("long_seconds", self.long_seconds, allowed="above 0 seconds")


STANDARD_ALERTS: Final = (
    BudgetAlert(0.02, HOUR, AlertSeverity.PAGE),
    BudgetAlert(0.05, 6 * HOUR, AlertSeverity.PAGE),
    BudgetAlert(0.10, DAY, AlertSeverity.TICKET),
    BudgetAlert(0.10, 3 * DAY, AlertSeverity.TICKET),
)
"""Shares and windows of the workbook's tables, with a day's window between the pages and the slow one."""


@dataclass(frozen=True, slots=True)
class BurnRateWindow:
    """One alert: it fires while the error ratio is above `threshold_ratio` over both windows.

    Args:
        long_seconds: The window that says it matters.
        short_seconds: The window that says it still goes on.
        burn_rate: Times the rate that spends the budget exactly in the period.
        threshold_ratio: The share of failed requests above which it fires: `burn_rate` x (1 - objective).
        severity: Who is told.
    """

    long_seconds: float
    short_seconds: float
    burn_rate: float
    threshold_ratio: float
    severity: AlertSeverity

    def seconds_to_fire(self, error_ratio: float) -> float | None:
        """Seconds from the start of a steady error ratio until the alert's condition holds; `None`: never.

        Without what comes after: a scrape, an evaluation, the `for` clause, and the pager's own grouping.

        Raises:
            InvalidInput: The ratio is outside 0 to 1.
        """
        if not 0 <= error_ratio <= 1:
            raise InvalidInput("error_ratio", error_ratio, allowed="0 to 1")
        return None if error_ratio <= self.threshold_ratio else self.long_seconds * self.threshold_ratio / error_ratio


def burn_rate_windows(
    objective: float, period_seconds: float, alerts: Sequence[BudgetAlert] = STANDARD_ALERTS
) -> tuple[BurnRateWindow, ...]:
    """The windows of an objective, computed from the period and the budget shares.

    Raises:
        InvalidInput: A window is longer than the period, or an alert could never fire: its threshold would be an error
            ratio of 1 or more.
    """
    budget = 1 - objective
    windows: list[BurnRateWindow] = []
    for position, alert in enumerate(alerts):
        name = f"alerts[{position}]"
        if alert.long_seconds > period_seconds:
            raise InvalidInput(
                f"{name}.long_seconds", alert.long_seconds, allowed=f"at most the period {period_seconds:.12g}"
            )
        burn_rate = alert.budget_share * period_seconds / alert.long_seconds
        threshold = burn_rate * budget
        if threshold >= 1:
            raise InvalidInput(
                "objective",
                objective,
                allowed=f"above {1 - 1 / burn_rate:.4g}",
                because=f"an alert on {alert.budget_share:.3g} of the budget in {alert.long_seconds:g} s has burn rate "
                f"{burn_rate:.4g}, and {burn_rate:.4g} x {budget:.4g} is an error ratio of {threshold:.3g}: it never fires",
            )
        windows.append(
            BurnRateWindow(
                alert.long_seconds, alert.long_seconds * SHORT_WINDOW_SHARE, burn_rate, threshold, alert.severity
            )
        )
    return tuple(windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """A share of requests that is to be good, over a period.

    Raises:
        InvalidInput: A value is not allowed, or one of the alerts could never fire.
    """

    name: str
    """For labels and alerts: letters, digits, `-` and `_`."""
    objective: float
    """The share, above 0 and below 1, e.g. `0.999`."""
    no_data: NoData
    """What no requests mean. Required: there is no good default."""
    period_seconds: float = BUDGET_PERIOD_SECONDS
    """Rolling; by default 30 days."""
    latency_seconds: float | None = None
    """Where given, a request is good when it is answered within this time; else when it does not fail."""
    alerts: tuple[BudgetAlert, ...] = STANDARD_ALERTS
    minimum_requests: int = 1
    """In a window, below which nothing is judged: one error of two requests at night is no outage."""

    def __post_init__(self) -> None:
        name = cast("object", self.name)
        if (
            not isinstance(name, str)
            or not name
            or not name.replace("-", "").replace("_", "").isalnum()
            or not name.isascii()
        ):
            raise InvalidInput("name", name, allowed="letters, digits, `-` and `_`")
        if not isinstance(cast("object", self.no_data), NoData):
            raise InvalidInput("no_data", self.no_data, allowed="NoData.PASS, NoData.PAUSE or NoData.FAIL")
        if not 0 < self.objective < 1:
            raise InvalidInput("objective", self.objective, allowed="a ratio above 0 and below 1")
        if not math.isfinite(self.period_seconds) or self.period_seconds <= 0:
            raise InvalidInput("period_seconds", self.period_seconds, allowed="above 0 seconds")
        if self.latency_seconds is not None and not 0 < self.latency_seconds < math.inf:
            raise InvalidInput("latency_seconds", self.latency_seconds, allowed="above 0 seconds")
        if not self.alerts:
            raise InvalidInput("alerts", self.alerts, allowed="at least one", because="nobody would be told")
        if self.minimum_requests < 1:
            raise InvalidInput("minimum_requests", self.minimum_requests, allowed="at least 1")
        burn_rate_windows(self.objective, self.period_seconds, self.alerts)

    @property
    def budget_ratio(self) -> float:
        """The share of requests that may be bad."""
        return 1 - self.objective

    @property
    def windows(self) -> tuple[BurnRateWindow, ...]:
        """The alerts, computed from the period and the budget shares."""
        return burn_rate_windows(self.objective, self.period_seconds, self.alerts)

    def require_retention(self, retention_seconds: float) -> None:
        """Refuse a metrics store that forgets before the period is over: the budget would look better than it is.

        Raises:
            InvalidInput: `retention_seconds` is less than the period.
        """
        if not retention_seconds >= self.period_seconds:
            raise InvalidInput(
                "retention_seconds",
                retention_seconds,
                allowed=f"at least the period of {self.name}, {self.period_seconds:.12g}",
                because="what is forgotten counts as good (Prometheus keeps 15 days unless it is told otherwise)",
            )

    @classmethod
    def availability_of(cls, name: str, objectives: Objectives, *, no_data: NoData) -> "Slo":
        """The SLO that follows from the objectives' availability.

        Raises:
            InvalidInput: As the class.
        """
        return cls(name=name, objective=objectives.availability, no_data=no_data)

    @classmethod
    def latency_of(cls, name: str, objectives: Objectives, *, no_data: NoData) -> "Slo":
        """The SLO that follows from the objectives' latency: 95 % of requests within `latency_p95_seconds`.

        Its fastest alert is on 2 % of the budget in an hour, as for availability, as long as that can fire: for 95 % it
        would need 72 % slow requests.

        Raises:
            InvalidInput: As the class.
        """
        return cls(name=name, objective=0.95, latency_seconds=objectives.latency_p95_seconds, no_data=no_data)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBudget:
    """What a number of requests has done to an SLO's budget. A value: `plus` answers a new one.

    Raises:
        InvalidInput: A count is negative, or more requests are bad than there are.
    """

    slo: Slo
    requests: int = 0
    bad: int = 0

    def __post_init__(self) -> None:
        if self.requests < 0:
            raise InvalidInput("requests", self.requests, allowed="at least 0")
        if not 0 <= self.bad <= self.requests:
            raise InvalidInput("bad", self.bad, allowed=f"0 to {self.requests}, the number of requests")

    def plus(self, requests: int, bad: int = 0) -> "ErrorBudget":
        """The budget after so many more requests.

        Raises:
            InvalidInput: A count is negative, or more requests are bad than there are.
        """
        if requests < 0 or not 0 <= bad <= requests:
            raise InvalidInput("bad", bad, allowed=f"0 to {max(requests, 0)}, the number of further requests")
        return replace(self, requests=self.requests + requests, bad=self.bad + bad)

    @property
    def judged(self) -> bool:
        """Whether there are as many requests as the SLO asks for."""
        return self.requests >= self.slo.minimum_requests

    @property
    def error_ratio(self) -> float | None:
        """The share that is bad; `None` without requests (not 0, and not NaN, which poisons every sum)."""
        return self.bad / self.requests if self.requests else None

    @property
    def burn_rate(self) -> float | None:
        """Times the rate that spends the budget exactly; `None` without requests."""
        ratio = self.error_ratio
        return None if ratio is None else ratio / self.slo.budget_ratio

    @property
    def remaining_ratio(self) -> float | None:
        """What is left of the budget of these requests: 1 unspent, 0 spent, below 0 overspent; `None` without requests."""
        rate = self.burn_rate
        return None if rate is None else 1 - rate

    @property
    def met(self) -> bool | None:
        """Whether the objective is met; where nothing can be judged, what `no_data` says (`None` for `PAUSE`)."""
        if not self.judged:
            return {NoData.PASS: True, NoData.FAIL: False, NoData.PAUSE: None}[self.slo.no_data]
        return self.bad <= self.requests * self.slo.budget_ratio * (1 + ROUNDING)
