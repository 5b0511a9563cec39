"""CloudWatch: percentiles."""

import re
from collections.abc import Callable
from typing import Any, Final

from moto.cloudwatch import models, responses
from moto.core.responses import ActionResult

PERCENTILE: Final = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")
HUNDRED: Final = 100.0


def percentile(values: list[float], percent: float) -> float:
    """Linear interpolation between the closest ranks. CloudWatch does not document its own, which differs by little."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / HUNDRED
    lower = int(position)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] + (ordered[upper] - ordered[lower]) * (position - lower)


def answer_percentiles_of_data() -> None:
    """moto has no percentiles.

    Fault: GetMetricData with the statistic p99 is a TypeError and an internal server error. AWS: the percentile of the
    raw values; none where only statistic sets were sent, unless such a set stands for one value.
    """
    original: Callable[[Any, str], Any] = models.Statistics.get_statistics_for_type

    def get_statistics_for_type(self: Any, stat: str) -> Any:
        matched = PERCENTILE.fullmatch(stat)
        if matched is None:
            return original(self, stat)
        values = [*self.metric_single_values_list, *(s.max for s in self.metric_aggregated_list if s.min == s.max)]
        return percentile([float(value) for value in values], float(matched[1])) if values else None

    models.Statistics.get_statistics_for_type = get_statistics_for_type  # type: ignore[method-assign]


def leave_out_points_without_a_value() -> None:
    """moto lists a period even where the statistic has no value there, which then cannot be written as a number.

    AWS: such a period has no point.
    """
    original: Callable[..., list[dict[str, Any]]] = models.CloudWatchBackend.get_metric_data

    def get_metric_data(self: Any, *arguments: Any, **named: Any) -> list[dict[str, Any]]:
        results = original(self, *arguments, **named)
        for result in results:
            points = [pair for pair in zip(result["timestamps"], result["values"], strict=False) if pair[1] is not None]
            result["timestamps"], result["values"] = [at for at, _ in points], [value for _, value in points]
        return results

    models.CloudWatchBackend.get_metric_data = get_metric_data  # type: ignore[method-assign]


def answer_extended_statistics() -> None:
    """moto's GetMetricStatistics takes ExtendedStatistics and answers without them."""
    original: Callable[[Any], ActionResult] = responses.CloudWatchResponse.get_metric_statistics

    def get_metric_statistics(self: Any) -> ActionResult:
        answer: Any = original(self)
        wanted = self._get_param("ExtendedStatistics") or []
        for point in answer.result["Datapoints"]:
            found = {stat: point.get_statistics_for_type(stat) for stat in wanted}
            point.extended_statistics = {stat: value for stat, value in found.items() if value is not None}
        return answer

    responses.CloudWatchResponse.get_metric_statistics = get_metric_statistics  # type: ignore[method-assign]


PATCHES: Final = (answer_percentiles_of_data, leave_out_points_without_a_value, answer_extended_statistics)
