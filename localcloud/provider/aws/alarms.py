"""CloudWatch alarms on metrics, and composite ones (recorded only: the local server has no such API)."""

from collections.abc import Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Autoname, Properties, as_set
from localcloud.provider.aws import tags
from localcloud.provider.aws.keeping import recorded_calls
from localcloud.provider.clients import Cloud
from localcloud.provider.values import UNKNOWN, is_known
from seawall.errors import InvalidInput

OPERATORS: Final = (
    *("GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"),
    *("LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold"),
)
STATISTICS: Final = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
MISSING_DATA: Final = ("missing", "ignore", "breaching", "notBreaching")
SHORT_PERIODS: Final = (10, 20, 30)  # seconds; otherwise multiples of a minute
MINUTE: Final = 60  # seconds
HOUR: Final = 3_600  # seconds
LONGEST_EVALUATION: Final = 86_400  # seconds, for periods below an hour
LONGEST_EVALUATION_HOURLY: Final = 604_800  # seconds, for periods of an hour and more
MOST_ACTIONS: Final = 5  # per state
LONGEST_NAME: Final = 255  # characters
ACTIONS: Final = ("alarmActions", "okActions", "insufficientDataActions")

_MEMBERS: Final = {
    "actionsEnabled": "ActionsEnabled",
    "alarmActions": "AlarmActions",
    "alarmDescription": "AlarmDescription",
    "comparisonOperator": "ComparisonOperator",
    "datapointsToAlarm": "DatapointsToAlarm",
    "evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile",
    "evaluationPeriods": "EvaluationPeriods",
    "extendedStatistic": "ExtendedStatistic",
    "insufficientDataActions": "InsufficientDataActions",
    "metricName": "MetricName",
    "name": "AlarmName",
    "namespace": "Namespace",
    "okActions": "OKActions",
    "period": "Period",
    "statistic": "Statistic",
    "threshold": "Threshold",
    "thresholdMetricId": "ThresholdMetricId",
    "treatMissingData": "TreatMissingData",
    "unit": "Unit",
}


def _dimensions(given: dict[str, str] | None) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in sorted((given or {}).items())]


def _query(query: Properties) -> dict[str, Any]:
    wire = {
        member: query[name]
        for name, member in {"id": "Id", "expression": "Expression", "label": "Label", "accountId": "AccountId"}.items()
        if query.get(name)
    }
    wire["ReturnData"] = bool(query.get("returnData", False))
    if query.get("period"):
        wire["Period"] = query["period"]
    metric = query.get("metric")
    if metric:
        inner: dict[str, Any] = {
            "MetricName": metric["metricName"],
            "Dimensions": _dimensions(metric.get("dimensions")),
        }
        if metric.get("namespace"):
            inner["Namespace"] = metric["namespace"]
        wire["MetricStat"] = {"Metric": inner, "Period": metric["period"], "Stat": metric["stat"]}
        if metric.get("unit"):
            wire["MetricStat"]["Unit"] = metric["unit"]
    return wire


def _from_query(wire: dict[str, Any]) -> Properties:
    query: Properties = {"id": wire["Id"], "returnData": wire.get("ReturnData", False)}
    for name, member in (
        ("expression", "Expression"),
        ("label", "Label"),
        ("period", "Period"),
        ("accountId", "AccountId"),
    ):
        if wire.get(member):
            query[name] = wire[member]
    stat = wire.get("MetricStat")
    if stat:
        metric = stat["Metric"]
        query["metric"] = {
            "metricName": metric["MetricName"],
            "namespace": metric.get("Namespace"),
            "dimensions": {one["Name"]: one["Value"] for one in metric.get("Dimensions") or []},
            "period": stat["Period"],
            "stat": stat["Stat"],
            **({"unit": stat["Unit"]} if stat.get("Unit") else {}),
        }
    return query


def _put(cloud: Cloud, inputs: Properties) -> None:
    wire = {member: inputs[name] for name, member in _MEMBERS.items() if inputs.get(name) not in (None, "", [])}
    if inputs.get("metricQueries"):
        wire["Metrics"] = [_query(query) for query in inputs["metricQueries"]]
    else:
        wire["Dimensions"] = _dimensions(inputs.get("dimensions"))
    cloud.client("cloudwatch").put_metric_alarm(**wire)


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    del reference  # the name says it all
    _put(cloud, inputs)
    return inputs["name"]


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    tags.arn_write(cloud.client("cloudwatch"), _arn(cloud, id_), inputs, name="ResourceARN")


def _arn(cloud: Cloud, name: str) -> str:
    return cloud.arn("cloudwatch", f"alarm:{name}")


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    del known
    client = cloud.client("cloudwatch")
    found = client.describe_alarms(AlarmNames=[id_])["MetricAlarms"]
    if not found:
        return None
    alarm = found[0]
    told: Properties = {
        name: alarm[member] for name, member in _MEMBERS.items() if alarm.get(member) not in (None, "", [])
    }
    told["actionsEnabled"] = alarm.get("ActionsEnabled", True)
    told["treatMissingData"] = alarm.get("TreatMissingData") or "missing"
    told["dimensions"] = {one["Name"]: one["Value"] for one in alarm.get("Dimensions") or []}
    told["metricQueries"] = [_from_query(query) for query in alarm.get("Metrics") or []]
    if told["metricQueries"]:
        told.pop("dimensions")
    arn = alarm["AlarmArn"]
    return told | {"arn": arn, TAGS_ALL: tags.as_map(client.list_tags_for_resource(ResourceARN=arn)["Tags"])}


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    del state
    _put(cloud, inputs)
    _finish(cloud, id_, inputs)


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("cloudwatch").delete_alarms(AlarmNames=[id_])


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    yield from _name_and_actions(inputs, "name")
    operator, missing = inputs.get("comparisonOperator"), inputs.get("treatMissingData")
    if isinstance(operator, str) and operator not in OPERATORS:
        yield InvalidInput("comparisonOperator", operator, allowed=f"one of {', '.join(OPERATORS)}")
    if isinstance(missing, str) and missing not in MISSING_DATA:
        yield InvalidInput("treatMissingData", missing, allowed=f"one of {', '.join(MISSING_DATA)}")
    if bool(inputs.get("metricName")) == bool(inputs.get("metricQueries")):
        yield InvalidInput(
            "metricName", inputs.get("metricName", "missing"), allowed="either metricName or metricQueries"
        )
    if inputs.get("metricName"):
        yield from _metric_refusals(inputs)
    if "threshold" not in inputs and not inputs.get("thresholdMetricId"):
        yield InvalidInput("threshold", "missing", allowed="a number, or a thresholdMetricId")
    yield from _evaluation_refusals(inputs)


def _metric_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    if bool(inputs.get("statistic")) == bool(inputs.get("extendedStatistic")):
        yield InvalidInput(
            "statistic", inputs.get("statistic", "missing"), allowed="either statistic or extendedStatistic"
        )
    statistic, period = inputs.get("statistic"), inputs.get("period")
    if isinstance(statistic, str) and statistic not in STATISTICS:
        yield InvalidInput("statistic", statistic, allowed=f"one of {', '.join(STATISTICS)}")
    for name in ("namespace", "period"):
        if name not in inputs:
            yield InvalidInput(name, "missing", allowed="given, because metricName needs it")
    if isinstance(period, int) and period not in SHORT_PERIODS and (period < MINUTE or period % MINUTE):
        yield InvalidInput("period", period, allowed="10, 20 or 30 seconds, or a multiple of 60")


def _evaluation_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    periods, points, period = (inputs.get(name) for name in ("evaluationPeriods", "datapointsToAlarm", "period"))
    if isinstance(periods, int) and periods < 1:
        yield InvalidInput("evaluationPeriods", periods, allowed="at least 1")
    if isinstance(points, int) and isinstance(periods, int) and not 1 <= points <= periods:
        yield InvalidInput("datapointsToAlarm", points, allowed=f"1 to evaluationPeriods = {periods}")
    if isinstance(periods, int) and isinstance(period, int):
        longest = LONGEST_EVALUATION_HOURLY if period >= HOUR else LONGEST_EVALUATION
        if periods * period > longest:
            because = f"{periods} x {period} s is longer than {longest} s"
            yield InvalidInput("evaluationPeriods", periods, allowed=f"at most {longest // period}", because=because)


def _name_and_actions(inputs: Properties, name: str) -> Iterator[InvalidInput]:
    given = inputs.get(name)
    if isinstance(given, str) and not 1 <= len(given) <= LONGEST_NAME:
        yield InvalidInput(name, given, allowed=f"1 to {LONGEST_NAME} characters")
    for actions in ACTIONS:
        value = inputs.get(actions)
        if isinstance(value, list) and len(value) > MOST_ACTIONS:
            yield InvalidInput(actions, len(value), allowed=f"at most {MOST_ACTIONS} actions")
        for action in value if isinstance(value, list) else ():
            if isinstance(action, str) and not action.startswith("arn:"):
                yield InvalidInput(actions, action, allowed="ARNs, e.g. a topic's")


def _queries_normal(queries: list[Properties]) -> list[Any]:
    """Order does not count; what was left out counts as what the API fills in."""
    return sorted((_query(query) for query in queries), key=lambda query: query["Id"]) if is_known(queries) else queries


_ACTION_SETS: Final[dict[str, Any]] = dict.fromkeys(ACTIONS, as_set)

METRIC_ALARM: Final = Adapter(
    resource_type="aws:cloudwatch/metricAlarm:MetricAlarm",
    inputs={
        "actionsEnabled": bool,
        "alarmActions": [str],
        "alarmDescription": str,
        "comparisonOperator": str,
        "datapointsToAlarm": int,
        "dimensions": dict,
        "evaluateLowSampleCountPercentiles": str,
        "evaluationPeriods": int,
        "extendedStatistic": str,
        "insufficientDataActions": [str],
        "metricName": str,
        "metricQueries": [
            {
                "id": str,
                "accountId": str,
                "expression": str,
                "label": str,
                "metric": {
                    "metricName": str,
                    "namespace": str,
                    "dimensions": dict,
                    "period": int,
                    "stat": str,
                    "unit": str,
                },
                "period": int,
                "returnData": bool,
            }
        ],
        "name": str,
        "namespace": str,
        "okActions": [str],
        "period": int,
        "statistic": str,
        "tags": dict,
        "threshold": float,
        "thresholdMetricId": str,
        "treatMissingData": str,
        "unit": str,
    },
    required=frozenset({"comparisonOperator", "evaluationPeriods"}),
    defaults={"actionsEnabled": True, "treatMissingData": "missing"},
    autoname=Autoname(longest=LONGEST_NAME),
    replaces=frozenset({"name"}),
    keeps=frozenset({"evaluateLowSampleCountPercentiles"}),
    computed=frozenset({"arn"}),
    normalizers={**_ACTION_SETS, "metricQueries": _queries_normal},
    absent_codes=frozenset({"ResourceNotFound", "ResourceNotFoundException"}),
    refusals=_refusals,
    create=_create,
    finish=_finish,
    read=_read,
    update=_update,
    delete=_delete,
)


def _composite_refusals(inputs: Properties) -> Iterator[InvalidInput]:
    yield from _name_and_actions(inputs, "alarmName")
    rule = inputs.get("alarmRule")
    if rule is not UNKNOWN and not str(rule).strip():
        yield InvalidInput("alarmRule", rule, allowed='an expression, e.g. ALARM("one") OR ALARM("two")')


COMPOSITE_ALARM: Final = Adapter(
    resource_type="aws:cloudwatch/compositeAlarm:CompositeAlarm",
    inputs={
        "alarmName": str,
        "alarmRule": str,
        "actionsEnabled": bool,
        "actionsSuppressor": {"alarm": str, "extensionPeriod": int, "waitPeriod": int},
        "alarmActions": [str],
        "alarmDescription": str,
        "insufficientDataActions": [str],
        "okActions": [str],
        "tags": dict,
    },
    required=frozenset({"alarmName", "alarmRule"}),
    defaults={"actionsEnabled": True},
    replaces=frozenset({"alarmName", "actionsEnabled"}),
    computed=frozenset({"arn"}),
    normalizers=_ACTION_SETS,
    refusals=_composite_refusals,
    **recorded_calls(
        "aws:cloudwatch/compositeAlarm:CompositeAlarm",
        id_of=lambda inputs, _: inputs["alarmName"],
        outputs=lambda cloud, id_, _: {"arn": _arn(cloud, id_)},
    ),
)
