"""`WeightedRecord`: one name whose answers are spread by weight over the healthy entries."""

import pulumi

from pulumi_seawall._failover_args import GroupTargetArgs
from pulumi_seawall._group_args import WeightedRecordArgs
from pulumi_seawall._group_plan import plan_weighted
from pulumi_seawall._group_records import as_group, declare_group
from pulumi_seawall._health_args import PredictedRecovery
from pulumi_seawall._inputs import known


class WeightedRecord(pulumi.ComponentResource):
    """One name, several entries: Route 53 answers with one healthy entry, each in proportion to its weight.

    Per entry and family (A, AAAA) a weighted record with the entry's name as its set identifier, so that an entry that
    moves is updated in place; with `regional_name` a simple record for the check to probe; a `HealthCheck` for each entry
    that asks for one. Addresses must have a check; an alias follows its target's own health.

    An entry of weight 0 is answered only once every entry with a weight is unhealthy (`last_resorts`): a pilot light,
    or an entry that is being drained. All weights 0 are refused, because Route 53 then answers all alike. When every
    entry is unhealthy Route 53 takes all of them for healthy and answers by weight (`all_unhealthy_answers`).

    `protect` in `opts` reaches the records, checks and alarms. Nothing is overwritten that is not owned here: adopt
    existing records with `import_ids`.
    """

    fqdn: pulumi.Output[str]
    """The name, without the trailing dot; known once its records are there."""
    ttl_seconds: pulumi.Output[int]
    """The longest that resolvers keep an answer, in seconds; 60 for a load balancer."""
    shares: pulumi.Output[dict[str, float]]
    """Ratio of the answers that each entry gets while all entries are healthy, by entry."""
    last_resorts: pulumi.Output[list[str]]
    """Entries of weight 0, which are answered only once every entry with a weight is unhealthy."""
    all_unhealthy_answers: pulumi.Output[list[str]]
    """Entries that are answered, by weight, when none is healthy."""
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

    def __init__(self, name: str, args: WeightedRecordArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the group.

        Raises:
            InvalidInput: An argument is not allowed; nothing has been registered.
            ObjectiveNotMet: The name cannot meet the objectives; nothing has been registered.
        """
        plan = plan_weighted(args)
        super().__init__("seawall:index:WeightedRecord", name, {}, opts)
        self._plan = plan
        group = declare_group(self, name, plan)
        self.fqdn = group.fqdn
        self.ttl_seconds = group.ttl_seconds
        self.shares = known(plan.shares)
        self.last_resorts = known(list(plan.last_resorts))
        self.all_unhealthy_answers = group.all_unhealthy_answers
        self.predictions = group.predictions
        self.warnings = group.warnings
        self.health_check_ids = group.health_check_ids
        self.alarm_names = group.alarm_names
        self.record_names = group.record_names
        self.register_outputs({**group.outputs, "shares": self.shares, "last_resorts": self.last_resorts})

    def as_group(self) -> GroupTargetArgs:
        """This name as one target of another name in the same zone, e.g. one side of a `FailoverRecord`."""
        return as_group(self._plan, self.fqdn)
