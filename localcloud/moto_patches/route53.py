"""Route 53: records and health checks by the rules of `route53_records` and `route53_checks`."""

import uuid
from collections.abc import Callable
from threading import RLock
from typing import Any, Final

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.route53 import models, responses
from moto.route53.exceptions import Route53ClientError
from moto.route53.utils import validate_domain_name

from localcloud.moto_patches.route53_checks import CHECKER_REGIONS, UPDATABLE, updated_config, whole_config
from localcloud.moto_patches.route53_records import Record, Refused, apply_batch, full_name, record_from

_changing: Final = RLock()  # moto answers each request in a thread of its own and locks nothing

NOT_PROBED: Final = "Success: not probed, because the local cloud has no health checkers yet"


def change_records_as_a_whole() -> None:
    """moto applies a batch change by change, lets pass what AWS refuses, and deletes too much.

    Fault: DELETE with a set identifier removes every record of the zone with that identifier; without one, all of that
    name and type; re-creating a deleted record fails; a batch that fails in the middle stays half done; two PRIMARYs,
    unknown health checks, mixed policies and missing set identifiers are accepted. AWS: `route53_records`.
    """

    def change_resource_record_sets(self: Any, zoneid: str, change_list: list[dict[str, Any]]) -> None:
        zone = self.get_hosted_zone(zoneid)
        for change in change_list:
            validate_domain_name(change["ResourceRecordSet"]["Name"], code="InvalidChangeBatch")
        with _changing:
            before = [_record_of(kept) for kept in zone.rrsets]
            after = _translated(
                lambda: apply_batch(zone.name, zone.resource_id, before, change_list, self.health_checks)
            )
            zone.rrsets = [models.RecordSet(record.as_arguments()) for record in after]

    models.Route53Backend.change_resource_record_sets = change_resource_record_sets


def list_records_in_order() -> None:
    """moto cannot continue a listing inside one name and type.

    Fault: StartRecordIdentifier is ignored and NextRecordIdentifier missing, so a page that ends between two records of
    a set repeats or loses one. AWS: records are ordered by reversed name, type, then set identifier. Also, the SOA that
    moto makes with a zone holds a structure where its value belongs.
    """

    def list_resource_record_sets(self: Any) -> ActionResult:
        zone = self.backend.get_hosted_zone(self._get_param("HostedZoneId"))
        name, kind = self._get_param("StartRecordName"), self._get_param("StartRecordType")
        most = self._get_int_param("MaxItems", 300)
        if kind and not name:
            raise Route53ClientError("InvalidInput", "The input is not valid")
        if name:
            validate_domain_name(name)
        records = sorted((_record_of(kept) for kept in zone.rrsets), key=lambda record: _order(*record.key))
        if name:
            first = _order(full_name(name), kind or "", self._get_param("StartRecordIdentifier"))
            records = [record for record in records if _order(*record.key) >= first]
        following = records[most] if len(records) > most else None
        return ActionResult(
            {
                "ResourceRecordSets": [models.RecordSet(record.as_arguments()) for record in records[:most]],
                "IsTruncated": following is not None,
                "NextRecordName": following.name if following else None,
                "NextRecordType": following.type if following else None,
                "NextRecordIdentifier": following.set_identifier if following else None,
                "MaxItems": most,
            }
        )

    responses.Route53.list_resource_record_sets = list_resource_record_sets  # type: ignore[method-assign]


def keep_whole_health_checks() -> None:
    """moto keeps a part of a health check's configuration and checks none of it.

    Fault: intervals of 15 s and thresholds of 99 are accepted; the alarm of a CLOUDWATCH_METRIC check and the ARN of a
    RECOVERY_CONTROL one are lost. AWS: `route53_checks`. The alarm's definition is copied when the check is created or
    given an alarm, and goes stale when the alarm changes, as on AWS.
    """

    def health_check_config(self: Any) -> dict[str, Any]:
        return self.seawall_config

    models.HealthCheck.health_check_config = property(health_check_config)  # type: ignore[assignment, method-assign]

    def create_health_check(self: Any) -> ActionResult:
        backend, reference = self.backend, self._get_param("CallerReference")
        with _changing:
            config = _translated(lambda: whole_config(self._get_param("HealthCheckConfig"), backend.health_checks))
            used = _references(backend)
            if reference in used:
                present = backend.health_checks.get(used[reference])
                if present is None or present.seawall_config != config:
                    raise Route53ClientError(
                        "HealthCheckAlreadyExists",
                        f"A health check with the caller reference {reference} exists, or existed, with other settings.",
                    )
                return ActionResult({"HealthCheck": present})
            check: Any = models.HealthCheck(str(uuid.uuid4()), reference, {"type": config["Type"]})
            _configure(self, check, config)
            backend.health_checks[check.id] = check
            used[reference] = check.id
        result = {"HealthCheck": check, "Location": f"https://route53.amazonaws.com/2013-04-01/healthcheck/{check.id}"}
        return ActionResult(result)

    responses.Route53.create_health_check = create_health_check  # type: ignore[method-assign]


def update_whole_health_checks() -> None:
    """moto updates a part, clears children and regions that are not mentioned, and never counts the version up.

    AWS: what is not mentioned stays; the version given must be the present one; each update makes the next version.
    """

    def update_health_check(self: Any) -> ActionResult:
        backend = self.backend
        with _changing:
            check = backend.get_health_check(self._get_param("HealthCheckId"))
            version = self._get_param("HealthCheckVersion")
            if version is not None and int(version) != check.health_check_version:
                raise Route53ClientError(
                    "HealthCheckVersionMismatch",
                    f"The health check has version {check.health_check_version}, not {version}.",
                )
            changes = {key: self._get_param(key) for key in (*UPDATABLE, "ResetElements")}
            others = backend.health_checks.keys() - _above(backend, check.id)
            config = _translated(lambda: updated_config(check.seawall_config, changes, others))
            _configure(self, check, config)
            check.health_check_version += 1
        return ActionResult({"HealthCheck": check})

    responses.Route53.update_health_check = update_health_check  # type: ignore[method-assign]


def delete_health_checks_that_are_free() -> None:
    """moto deletes anything, silently.

    AWS: an unknown one is NoSuchHealthCheck. One that a record still names may be deleted (the documentation warns that
    routing is then unpredictable). One that a calculated check counts is refused here as HealthCheckInUse, since what
    would be left could not be evaluated.
    """

    def delete_health_check(self: Any) -> EmptyResult:
        backend, check_id = self.backend, self._get_param("HealthCheckId")
        with _changing:
            backend.get_health_check(check_id)
            parents = [
                check.id
                for check in backend.health_checks.values()
                if check_id in check.seawall_config.get("ChildHealthChecks", ())
            ]
            if parents:
                message = f"The health check {check_id} is a child of the calculated health check {parents[0]}."
                raise Route53ClientError("HealthCheckInUse", message)
            backend.delete_health_check(check_id)
            backend.resource_tags.pop(check_id, None)
        return EmptyResult()

    responses.Route53.delete_health_check = delete_health_check  # type: ignore[method-assign]


def tell_that_nothing_is_probed() -> None:
    """moto invents one observation with a response code of 200.

    Until the local cloud has health checkers every check is reported as successful, from each of its regions, in a line
    that says that nothing was probed. AWS: this call is for endpoint checks; others are refused.
    """

    def get_health_check_status(self: Any) -> ActionResult:
        config = self.backend.get_health_check(self._get_param("HealthCheckId")).seawall_config
        if config["Type"] in ("CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL"):
            raise Route53ClientError("InvalidInput", f"Health checks of type {config['Type']} have no observations.")
        regions = config.get("Regions") or CHECKER_REGIONS
        report = {"Status": NOT_PROBED, "CheckedTime": utcnow()}
        return ActionResult(
            {"HealthCheckObservations": [{"Region": region, "StatusReport": report} for region in regions]}
        )

    responses.Route53.get_health_check_status = get_health_check_status  # type: ignore[method-assign]


def _record_of(kept: Any) -> Record:
    """Our record of what moto keeps, be it made by us or with a zone."""
    return record_from(
        {
            "Name": kept.name,
            "Type": kept.type,
            "TTL": kept.ttl,
            "ResourceRecords": kept.records,
            "SetIdentifier": kept.set_identifier,
            "Weight": kept.weight,
            "Region": kept.region,
            "HealthCheckId": kept.health_check_id,
            "AliasTarget": kept.alias_target,
            "Failover": kept.failover,
            "GeoLocation": kept.geo_location,
            "MultiValueAnswer": kept.multi_value_answer,
        }
    )


def _order(name: str, kind: str, identifier: str | None) -> tuple[list[str], str, str]:
    return list(reversed(name.rstrip(".").split("."))), kind, identifier or ""


def _configure(response: Any, check: Any, config: dict[str, Any]) -> None:
    """Give a check its configuration, and the copy of the alarm that AWS takes at this moment."""
    before = getattr(check, "seawall_config", {}).get("AlarmIdentifier")
    check.seawall_config = config
    alarm_id = config.get("AlarmIdentifier")
    if alarm_id is None or alarm_id == before:
        return
    from moto.cloudwatch.models import cloudwatch_backends

    alarms = cloudwatch_backends[response.current_account][alarm_id["Region"]].alarms
    alarm = alarms.get(alarm_id["Name"])
    check.cloud_watch_alarm_configuration = alarm and {
        "EvaluationPeriods": alarm.evaluation_periods,
        "Threshold": alarm.threshold,
        "ComparisonOperator": alarm.comparison_operator,
        "Period": alarm.period,
        "MetricName": alarm.metric_name,
        "Namespace": alarm.namespace,
        "Statistic": alarm.statistic,
        "Dimensions": [{"Name": dimension.name, "Value": dimension.value} for dimension in alarm.dimensions or []],
    }


def _references(backend: Any) -> dict[str, str]:
    """Caller references ever used, with the check each made. AWS remembers those of deleted checks too."""
    if not hasattr(backend, "seawall_references"):
        backend.seawall_references = {}
    return backend.seawall_references


def _above(backend: Any, check_id: str) -> set[str]:
    """The check itself and all that count it, directly or not: none of them can become its child."""
    found, fresh = {check_id}, {check_id}
    while fresh:
        fresh = {
            check.id
            for check in backend.health_checks.values()
            if fresh & set(check.seawall_config.get("ChildHealthChecks", ()))
        } - found
        found |= fresh
    return found


def _translated(rule: Callable[[], Any]) -> Any:
    try:
        return rule()
    except Refused as refused:
        raise Route53ClientError(refused.code, refused.message) from None


PATCHES: Final = (
    change_records_as_a_whole,
    list_records_in_order,
    keep_whole_health_checks,
    update_whole_health_checks,
    delete_health_checks_that_are_free,
    tell_that_nothing_is_probed,
)
