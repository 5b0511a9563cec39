"""`FailoverObservers`: what cannot work is one exact line before anything is registered."""

from typing import Any

import pulumi
import pytest

import pulumi_seawall
from observers_args import ACTING, ARBITER, AWAY, HOME, SETTINGS, observers_args
from seawall.errors import InvalidInput
from seawall.topology import dump
from topology_documents import shop

LOST_WITH_IT = f"a region other than {HOME}, {AWAY}, because it has to be reached when any of these is lost or cut off"
ONE_RELEASE = "an image with a tag other than latest, or with a digest, because the same text twice is the same observer to Kubernetes"
TABLE = {"region": HOME, "table": "seawall-table"}
TWO = f"2 failure domains ({HOME}, {AWAY}): without a third witness a dead region and a cut line look the same"
OWN = "no such variable, because the component sets it from what is declared"

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no image": ({"image": ...}, "image is missing: required"),
    "whatever is the latest": ({"image": "observer:latest"}, f"image = observer:latest: {ONE_RELEASE}"),
    "no references": (
        {"settings__references": []},
        (
            "settings.references = []: at least one, e.g. dynamodb.{domain}.amazonaws.com:443, because without one an observer "
            "cannot tell its own network's loss from everybody else's"
        ),
    ),
    "a reference that is an address of a page": (
        {"settings__references": ["https://example.com"]},
        "settings.references[0] = https://example.com: host or host:port; {domain} is the observer's own",
    ),
    "a reference at no port": (
        {"settings__references": ["example.com:70000"]},
        "settings.references[0] = example.com:70000: host or host:port; {domain} is the observer's own",
    ),
    "a board inside": (
        {"settings__board__region": HOME},
        f"settings.board.region = {HOME}: {LOST_WITH_IT}",
    ),
    "an arbiter inside": ({"settings__arbiter": AWAY}, f"settings.arbiter = {AWAY}: {LOST_WITH_IT}"),
    "leases inside": ({"settings__leases": TABLE}, f"settings.leases.region = {HOME}: {LOST_WITH_IT}"),
    "journals inside": ({"settings__journals": TABLE}, f"settings.journals.region = {HOME}: {LOST_WITH_IT}"),
    "a table of no name": (
        {"settings__board__table": "seawall votes"},
        "settings.board.table = seawall votes: 3 to 255 letters, digits, dots, hyphens, underscores",
    ),
    "a domain twice": (
        {"settings__domains": [HOME, AWAY, HOME]},
        f"settings.domains = {HOME}, {AWAY}, {HOME}: at least one region, each once",
    ),
    "no domain": ({"settings__domains": []}, "settings.domains = []: at least one region, each once"),
    "a misspelled domain": (
        {"settings__domains": [HOME, AWAY, "eu-nort-1"]},
        "settings.domains[2] = eu-nort-1: an AWS region; did you mean eu-north-1?",
    ),
    "acting with two": (
        {**ACTING, "settings__domains": [HOME, AWAY]},
        f"act = True: not with these settings, because {TWO}",
    ),
    "acting and recommending": (
        {**ACTING, "settings__mode": "recommend"},
        "act = True: not with these settings, because settings.mode = recommend",
    ),
    "acting without leases": (
        {key: value for key, value in ACTING.items() if key != "settings__leases"},
        (
            "settings.leases is missing: required with act, because whoever takes over from an observer that died must find "
            "it"
        ),
    ),
    "acting without journals": (
        {key: value for key, value in ACTING.items() if key != "settings__journals"},
        (
            "settings.journals is missing: required with act, because whoever takes over from an observer that died must find "
            "it"
        ),
    ),
    "a key that is left out": (
        {"settings__live": "file:///live.json"},
        (
            "settings.live = file:///live.json: not offered, because a file is of one host: observers in clusters follow the "
            "live document in SSM"
        ),
    ),
    "a misspelled key": ({"settings__interval": 30}, "settings.interval = 30: did you mean interval_seconds?"),
    "a time-out as long as a round": (
        {"settings__timeout_seconds": 20},
        "settings.timeout_seconds = 20: a number, at least 0.001 and at most 15",
    ),
    "what flaps": (
        {"settings__successes_to_clear": 3},
        (
            "settings.successes_to_clear = 3: more than failures_to_trip = 3, because what flaps has to stay out for longer "
            "than it took to notice"
        ),
    ),
    "a window that does not hold its failures": (
        {"settings__failures_to_trip": 5},
        "settings.window = 3: at least failures_to_trip = 5",
    ),
    "votes that are stale at once": (
        {"settings__stale_after_seconds": 60},
        "settings.stale_after_seconds = 60: a number, at least 80 and at most 3.1536e+07",
    ),
    "no cool-down": (
        {"settings__cool_down_seconds": 30},
        "settings.cool_down_seconds = 30: a number, at least 80 and at most 3.1536e+07",
    ),
    "a class that nothing is": (
        {"settings__act_on": ["planet"]},
        "settings.act_on[0] = planet: writer, region or endpoint",
    ),
    "a window on no day": (
        {"settings__windows": [{"day": "sunday", "start": "03:00", "minutes": 60}]},
        "settings.windows[0].day = sunday: mon, tue, wed, thu, fri, sat, sun",
    ),
    "a window at no time": (
        {"settings__windows": [{"day": "sun", "start": "25:00", "minutes": 60}]},
        "settings.windows[0].start = 25:00: a time of day in UTC, e.g. 03:30",
    ),
    "a lease that one lost renewal loses": (
        {"settings__lease_terms": {"ttl_seconds": 15}},
        (
            "settings.lease_terms.ttl_seconds = 15: at least 22, because margin_seconds + renew_every_seconds + 2 x "
            "request_timeout_seconds + retry_seconds must pass before one unanswered renewal loses the lease"
        ),
    ),
    "a jitter of nothing": (
        {"settings__lease_terms": {"jitter_ratio": 0.0001}},
        "settings.lease_terms.jitter_ratio = 0.0001: 0, or at least 0.001",
    ),
    "half a switch": (
        {"settings__switch": {HOME: "s3://switch-1/out"}},
        f"settings.switch = {HOME}: exactly the two regions of the name",
    ),
    "endpoints of no switch": (
        {"settings__switch_endpoints": {HOME: "https://host.example.com/v1"}},
        "settings.switch is missing: required with settings.switch_endpoints",
    ),
    "no members": ({"settings__members": {}}, "settings.members = {}: a dictionary, not empty"),
    "a member at no port": (
        {"settings__members": {HOME: "10.0.0.1"}},
        f"settings.members[{HOME}] = 10.0.0.1: host:port",
    ),
    "nobody else to cut off": (
        {"settings__fence": {"cut_also": []}},
        "settings.fence.cut_also = []: at least one",
    ),
    "a statement of two lines": (
        {"settings__write_statement": "SELECT 1;\nSELECT 2"},
        "settings.write_statement = 'SELECT 1;\\nSELECT 2': one line of printable characters",
    ),
    "no region": ({"regions": []}, "regions = []: at least one region, each once"),
    "no cluster": ({"clusters": []}, "clusters = []: at least one cluster, in which an observer runs"),
    "a cluster in no domain": (
        {"clusters__0__region": "us-east-1"},
        f"clusters[0].region = us-east-1: one of settings.domains: {HOME}, {AWAY}, {ARBITER}",
    ),
    "two clusters in one domain": (
        {"clusters__1__region": HOME},
        f"clusters[1].region = {HOME}: each region once, because two observers of one domain have one voice",
    ),
    "two domains in one cluster": (
        {"clusters__1__context": "home"},
        f"clusters = {HOME}, {AWAY}: another cluster for each region, because both are home, which would have two voices",
    ),
    "a third region without the topology": (
        {"clusters": [{"region": ARBITER, "context": "third"}]},
        (
            f"document is missing: the declared topology, for the cluster in {ARBITER}, because it is published in the "
            "service's own regions alone"
        ),
    ),
    "a document that is none": (
        {"document": "{}"},
        "document: service is missing: required",
    ),
    "a certificate from nowhere": (
        {"database__root_certificate": {"key": "ca.pem"}},
        "database.root_certificate is missing: exactly one of config_map and secret",
    ),
    "a certificate from two places": (
        {"database__root_certificate": {"key": "ca.pem", "config_map": "a", "secret": "b"}},
        "database.root_certificate = config_map and secret: exactly one of config_map and secret",
    ),
    "trust in nobody": (
        {"database__ssl_mode": "verify-ca"},
        "database.root_certificate is missing: required with database.ssl_mode = verify-ca",
    ),
    "a password in the clear": (
        {"database__password": "correct-horse"},
        "database.password = (hidden): secret and key of an existing Secret",
    ),
    "a secret variable": (
        {"env": {"API_TOKEN": "x"}},
        "env.API_TOKEN = (hidden): no such key, because env stands in the state: name a Secret in secrets",
    ),
    "a variable of libpq's": ({"env": {"PGHOST": "db"}}, f"env[PGHOST] = db: {OWN}"),
    "a variable of ours": ({"env": {"SEAWALL_LIVE_REGION": HOME}}, f"env[SEAWALL_LIVE_REGION] = {HOME}: {OWN}"),
    "a variable twice": (
        {"env": {"PROXY": "x"}, "secrets": {"PROXY": {"secret": "proxy", "key": "url"}}},
        "secrets[PROXY] = PROXY: a variable that is not in env too",
    ),
    "a name in capitals": (
        {"name": "Observer"},
        "name = Observer: lower-case letters, digits and hyphens, a letter first, no hyphen last",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_each_mistake_is_one_line(case, deploy, deployment):
    """Name, value, what is allowed, why; and nothing has been registered."""
    changes, line = BAD[case]
    with pytest.raises(InvalidInput) as caught:
        deploy(lambda: pulumi_seawall.FailoverObservers("shop", observers_args(**changes)))
    assert str(caught.value) == line
    assert deployment.made == []


@pytest.mark.parametrize("key", ["board", "leases", "journals", "arbiter"])
def test_where_nothing_is_acted_on_everything_may_be_anywhere(key):
    """A person looks at what is left."""
    inside: Any = HOME if key == "arbiter" else TABLE
    settings = {**SETTINGS, "mode": "recommend", key: inside}
    plan = pulumi_seawall.plan_failover_observers(observers_args(settings=settings))
    assert plan.settings.never_acts_because == "settings.mode = recommend"


def test_an_image_that_is_known_only_later_is_checked_then(deploy):
    """The line is the same."""

    def program() -> pulumi_seawall.FailoverObservers:
        return pulumi_seawall.FailoverObservers("shop", observers_args(image=pulumi.Output.from_input("observer")))

    # Pulumi wraps what is raised while inputs are awaited: ours is the last line.
    with pytest.raises(ValueError, match="image = observer: an image with a tag other than latest"):
        deploy(program)


def test_a_document_that_is_the_services_is_taken():
    """As `PublishedTopology` has it."""
    plan = pulumi_seawall.plan_failover_observers(observers_args(document=dump(shop())))
    assert plan.document == dump(shop())
