"""`LatencyRecord`: one name that answers each client with the healthy region that is nearest in time."""

import pulumi

from pulumi_seawall._failover_args import GroupTargetArgs
from pulumi_seawall._group_args import LatencyRecordArgs
from pulumi_seawall._group_plan import plan_latency
from pulumi_seawall._group_records import as_group, declare_group
from pulumi_seawall._health_args import PredictedRecovery


class LatencyRecord(pulumi.ComponentResource):
    """One name, several regions: Route 53 answers with the healthy region of the lowest latency to the client's resolver.

    Per entry and family (A, AAAA) a latency record with the entry's name as its set identifier; with `regional_name` a
    simple record for the check to probe; a `HealthCheck` for each entry that asks for one. Addresses must have a check;
    an alias follows its target's own health.

    A region that fails leaves its clients to the next nearest one, which must carry them. When every entry is unhealthy
    Route 53 takes all of them for healthy and answers by latency (`all_unhealthy_answers`). Latency is AWS's own
    measurement between networks and its regions and changes over weeks: the same client may get another region.

    `protect` in `opts` reaches the records, checks and alarms. Nothing is overwritten that is not owned here: adopt
    existing records with `import_ids`.
    """

    fqdn: pulumi.Output[str]
    """The name, without the trailing dot; known once its records are there."""
    ttl_seconds: pulumi.Output[int]
    """The longest that resolvers keep an answer, in seconds; 60 for a load balancer."""
    all_unhealthy_answers: pulumi.Output[list[str]]
    """Entries that are answered, by latency, when none is healthy."""
    predictions: pulumi.Output[list[PredictedRecovery]]
    """How long the loss of an entry lasts for its clients, per failure class, with terms and sources."""
    warnings: pulumi.Output[list[str]]
    """What the objectives rest on, one line each."""
    health_check_ids: pulumi.Output[dict[str, str | None]]
    """Id of each entry's check, by entry; none where an alias follows its target's own health."""
    alarm_names: pulumi.Output[list[str]]
    """Names of the checks' alarms in us-east-1."""
    record_names: pulumi.Output[list[str]]
    """Every name that has records here: the name itself, then the entries' own."""

    def __init__(self, name: str, args: LatencyRecordArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the group.

        Raises:
            InvalidInput: An argument is not allowed; nothing has been registered.
            ObjectiveNotMet: The name cannot meet the objectives; nothing has been registered.
        """
        plan = plan_latency(args)
        super().__init__("seawall:index:LatencyRecord", name, {}, opts)
        self._plan = plan
        group = declare_group(self, name, plan)
        self.fqdn = group.fqdn
        self.ttl_seconds = group.ttl_seconds
        self.all_unhealthy_answers = group.all_unhealthy_answers
        self.predictions = group.predictions
        self.warnings = group.warnings
        self.health_check_ids = group.health_check_ids
        self.alarm_names = group.alarm_names
        self.record_names = group.record_names
        self.register_outputs(group.outputs)

    def as_group(self) -> GroupTargetArgs:
        """This name as one target of another name in the same zone, e.g. one side of a `FailoverRecord`."""
        return as_group(self._plan, self.fqdn)
