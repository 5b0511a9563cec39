"""What holds for every zone and every state of health.

The model is AWS's own description of the search ("How Amazon Route 53 chooses records when health checking is configured"
and "… in complex configurations"), walked literally: pick a record by the policy; look at its health; if it is unhealthy
pick another one in the same way without it; when a whole group is unhealthy back out of it, and only at the top answer as
if everything were healthy.

The invariants:
1. Whatever the tree, what is answered and how often is what the walk finds.
2. In a tree in which every value has a true check and every alias evaluates its target, no dead value is answered while
   one lives.
3. In such a tree everything dead is answered as everything alive: last resort means by policy alone.
4. The shares make 1, and the order in which records are listed changes nothing.
5. n things have exactly 2^n situations per client, all different, and an answer at a dead endpoint while a live one exists
   always comes with its rule.
"""

import random
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from dns_zones import NAME, endpoint_check, health, record, shares
from seawall_ops.dns import (
    Client,
    Failover,
    Health,
    Latency,
    Record,
    Thing,
    ThingKind,
    Weighted,
    World,
    Zone,
    canonical,
    considered,
    every_situation,
)

REGIONS = ("us-east-1", "eu-west-1", "ap-northeast-1")
CLIENT = Client("eu-west-1")
NEAREST = [region for region, _ in CLIENT.by_nearness(REGIONS)]


@st.composite
def trees(draw: st.DrawFn, *, complete: bool) -> tuple[list[Record], list[str]]:
    """A tree of at most two levels of aliases, and its values; complete ones have all checks and evaluate all targets."""
    records: list[Record] = []
    values: list[str] = []

    def group(name: str, depth: int) -> None:
        kind = draw(st.sampled_from(["weighted", "failover", "latency"]))
        count = 2 if kind == "failover" else draw(st.integers(1, 3))
        for at in range(count):
            policy = {
                "weighted": lambda: Weighted(draw(st.sampled_from([0, 1, 3]))),
                "failover": lambda at=at: Failover(at == 0),
                "latency": lambda at=at: Latency(REGIONS[at]),
            }[kind]()
            value = f"v{len(values)}"
            if depth < 2 and draw(st.booleans()):
                below = f"{name.removesuffix('.example.com.').replace('.', '-')}-{at}.example.com."
                group(below, depth + 1)
                evaluate = complete or draw(st.booleans())
                check = None if complete or draw(st.booleans()) else f"alias-{below}"
                records.append(record(policy, name=name, alias=below, evaluate=evaluate, check=check))
            else:
                values.append(value)
                checked = complete or draw(st.integers(0, 3)) > 0
                records.append(record(policy, value, name=name, check=value if checked else None))

    group(NAME, 0)
    return records, values


def walk(zone: Zone, state: Health, name: str) -> dict[str, Fraction]:
    """AWS's search, step by step, over all of its random choices."""
    found = search(zone, state, name)
    return found or as_if_healthy(zone, state, name)


def search(zone: Zone, state: Health, name: str, left: tuple[Record, ...] | None = None) -> dict[str, Fraction]:
    """The values found below a name and how often; nothing when the search has to back out."""
    left = zone.find(name, "A") if left is None else left
    found: dict[str, Fraction] = {}
    for chosen, share in by_policy(left):
        others = tuple(one for one in left if one is not chosen)
        result = enter(zone, state, chosen) or search(zone, state, name, others)
        for value, part in result.items():
            found[value] = found.get(value, Fraction(0)) + share * part
    return found


def enter(zone: Zone, state: Health, chosen: Record) -> dict[str, Fraction]:
    """What is found by way of one record; nothing when it is unhealthy."""
    if (
        chosen.health_check_id is not None
        and not considered(chosen.health_check_id, state.checks, state.signals).healthy
    ):
        return {}
    if chosen.alias is None:
        return {chosen.values[0]: Fraction(1)}
    below = search(zone, state, chosen.alias.name)
    # Without evaluation there is no backing out: the branch answers, as if healthy when need be.
    return below or ({} if chosen.alias.evaluate_target_health else as_if_healthy(zone, state, chosen.alias.name))


def as_if_healthy(zone: Zone, state: Health, name: str) -> dict[str, Fraction]:
    """The last resort: by policy alone among this group, then as ever beneath."""
    found: dict[str, Fraction] = {}
    for chosen, share in by_policy(zone.find(name, "A")):
        result = {chosen.values[0]: Fraction(1)} if chosen.alias is None else walk(zone, state, chosen.alias.name)
        for value, part in result.items():
            found[value] = found.get(value, Fraction(0)) + share * part
    return found


def by_policy(left: tuple[Record, ...]) -> list[tuple[Record, Fraction]]:
    """The records that the policy alone may choose next, and how often."""
    if not left:
        return []
    if isinstance(left[0].policy, Weighted):
        weights = {one: one.policy.weight for one in left if isinstance(one.policy, Weighted)}
        if not any(weights.values()):
            return [(one, Fraction(1, len(left))) for one in left]
        return [(one, Fraction(weight, sum(weights.values()))) for one, weight in weights.items() if weight]
    if isinstance(left[0].policy, Failover):
        return [(min(left, key=lambda one: not (isinstance(one.policy, Failover) and one.policy.primary)), Fraction(1))]
    return [(min(left, key=lambda one: NEAREST.index(getattr(one.policy, "region", ""))), Fraction(1))]


def state_of(draw: st.DataObject, records: list[Record], dead: set[str] | None = None) -> Health:
    checks = sorted({one.health_check_id for one in records if one.health_check_id is not None})
    unhealthy = dead if dead is not None else draw.draw(st.sets(st.sampled_from(checks or ["none"])))
    return health(checks, unhealthy)


@settings(max_examples=150, deadline=None)
@given(trees(complete=False), st.data())
def test_what_is_answered_is_what_awss_search_finds(tree, data):
    """Invariant 1: computing healths first and walking with backing out are the same."""
    records, _ = tree
    state = state_of(data, records)
    zone = Zone(records)
    assert {ends[0]: share for ends, share in shares(zone, state, CLIENT).items()} == walk(zone, state, NAME)


@settings(max_examples=100, deadline=None)
@given(trees(complete=True), st.data())
def test_a_complete_tree_never_answers_a_dead_value_while_one_lives(tree, data):
    """Invariants 2 and 3: what a well-made zone promises."""
    records, values = tree
    dead = data.draw(st.sets(st.sampled_from(values)))
    answered = {ends[0] for ends in shares(Zone(records), state_of(data, records, dead), CLIENT)}
    if dead < set(values):
        assert not answered & dead
    else:
        assert shares(Zone(records), state_of(data, records, dead), CLIENT) == shares(
            Zone(records), state_of(data, records, set()), CLIENT
        )


@settings(max_examples=100, deadline=None)
@given(trees(complete=False), st.data(), st.randoms(use_true_random=False))
def test_shares_make_one_and_the_order_of_records_does_not_matter(tree, data, shuffling: random.Random):
    """Invariant 4: AWS lists records by name and identifier, files in any order."""
    records, _ = tree
    state = state_of(data, records)
    found = shares(Zone(records), state, CLIENT)
    assert sum(found.values()) == 1
    shuffled = list(records)
    shuffling.shuffle(shuffled)
    assert shares(Zone(shuffled), state, CLIENT) == found


@settings(max_examples=60, deadline=None)
@given(trees(complete=False))
def test_every_combination_is_there_once_and_no_avoidable_dead_answer_is_without_its_rule(tree):
    """Invariant 5: nothing is left out of the table, and nothing in it is unexplained."""
    records, values = tree
    things = [Thing(ThingKind.ENDPOINT, value) for value in values[:5]]
    checks = {one.health_check_id for one in records if one.health_check_id is not None}
    world = World(Zone(records), {id_: endpoint_check(id_, host=id_) for id_ in checks})
    found = list(every_situation(world, NAME, "A", [CLIENT], things))
    assert len({situation.failed for situation in found}) == len(found) == 2 ** len(things)
    for situation in found:
        dead = {canonical(thing.name) for thing in situation.failed} | {thing.name for thing in situation.failed}
        wrong = [one for one in situation.answer.outcomes if set(one.endpoints) & dead and situation.live]
        assert [fault.outcome for fault in situation.faults] == wrong
        assert all(fault.rule.text in fault.line and fault.rule.source in fault.line for fault in situation.faults)
