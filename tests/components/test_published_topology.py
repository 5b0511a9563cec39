"""`PublishedTopology`: what apps load is what was declared, in every region and cluster, and nothing of it is secret."""

import json
import re
from typing import Any

import pulumi
import pytest
from hypothesis import given, settings

import pulumi_seawall
from pulumi_seawall import plan_published_topology, topology_args
from seawall.errors import InvalidInput
from seawall.topology import FileSource, Topology, dump, load, parse
from topology_documents import shop, topologies

NO_SECRETS = "because the document is public: let the app get secrets from its own secret store"
TIERS = "and a standard parameter holds 4,096 (an advanced one 8,192)"
SIZES = "because an SSM parameter holds 4,096 (standard) or 8,192 (advanced); use fewer endpoints or shorter names"
CLUSTERS: list[Any] = [
    {"region": "eu-west-1", "context": "eu", "kubeconfig": "/home/me/.kube/eu", "namespace": "shop"},
    {"region": "us-east-1"},
]


def shop_args(**more: Any) -> Any:
    """The shop's document as arguments, changed by path: `database__members__0__host`."""
    args: Any = topology_args(shop())
    for path, value in more.items():
        *parents, last = path.split("__")
        target = args
        for part in parents:
            target = target[int(part) if part.isdecimal() else part]
        target[last] = value
    return args


def publish(**more: Any) -> pulumi_seawall.PublishedTopology:
    """The component, with changes."""
    return pulumi_seawall.PublishedTopology("shop", shop_args(**more))


def test_each_region_has_its_own_parameter_with_the_whole_document(deploy):
    """An app reads from its own region: the others may be gone."""
    deployment = deploy(publish)
    parameters = deployment.of("Parameter")
    assert {name: made.inputs["region"] for name, made in parameters.items()} == {
        "shop-eu-west-1": "eu-west-1",
        "shop-eu-central-1": "eu-central-1",
        "shop-us-east-1": "us-east-1",
    }
    for made in parameters.values():
        assert parse(made.inputs["insecureValue"]) == shop()
        assert (made.inputs["name"], made.inputs["type"], made.inputs["tier"]) == (
            "/seawall/shop/prod/topology",
            "String",
            "Standard",
        )
        assert "overwrite" not in made.inputs, "false would refuse every update, true take over what is not ours"
    assert deployment.outputs["parameter_name"] == "/seawall/shop/prod/topology"
    assert deployment.outputs["live_parameter_name"] == "/seawall/shop/prod/live"
    assert set(deployment.outputs["parameter_arns"]) == {"eu-west-1", "eu-central-1", "us-east-1"}
    assert (deployment.outputs["tier"], deployment.outputs["epoch"]) == ("Standard", 3)


def test_each_cluster_has_a_config_map_that_an_app_can_load(deploy, tmp_path):
    """What is mounted in a pod is loaded by the runtime, as it is."""
    deployment = deploy(lambda: publish(clusters=CLUSTERS))
    maps = deployment.of("ConfigMap")
    assert {name: made.inputs["metadata"]["namespace"] for name, made in maps.items()} == {
        "shop-eu-west-1": "shop",
        "shop-us-east-1": "default",
    }
    assert {made.inputs["metadata"]["name"] for made in maps.values()} == {"shop-topology"}
    for name, content in maps["shop-eu-west-1"].inputs["data"].items():
        (tmp_path / name).write_text(content)
    assert load(FileSource(tmp_path)).declared == shop()
    assert deployment.outputs["config_maps"] == {
        "eu-west-1": "shop/shop-topology",
        "us-east-1": "default/shop-topology",
    }


def test_each_cluster_has_its_own_provider_that_changes_config_maps_in_place(deploy):
    """Otherwise a new document is a deletion first, and pods that start meanwhile have none."""
    providers = deploy(lambda: publish(clusters=CLUSTERS)).of("kubernetes")
    assert {name: made.inputs.get("context") for name, made in providers.items()} == {
        "shop-eu-west-1": "eu",
        "shop-us-east-1": None,
    }
    assert all(str(made.inputs["enableConfigMapMutable"]).lower() == "true" for made in providers.values())


@pytest.mark.parametrize(
    ("kubeconfig", "guarded"),
    [
        (lambda: "/home/me/.kube/eu", False),
        (lambda: "apiVersion: v1\nkind: Config\nusers: [{token: abc}]\n", True),
        (lambda: pulumi.Output.from_input("known later"), True),
    ],
)
def test_the_contents_of_a_kubeconfig_are_secret_and_a_path_is_not(deploy, kubeconfig, guarded):
    """Contents hold a cluster's credentials; the engine's state is a file that people share."""
    clusters = [{"region": "eu-west-1", "kubeconfig": kubeconfig()}]
    given = deploy(lambda: publish(clusters=clusters)).of("kubernetes")["shop-eu-west-1"].inputs["kubeconfig"]
    assert isinstance(given, dict) is guarded  # a secret is wrapped on its way to the engine
    assert ("1b47061264138c4ac30d75fd1eb44270" in str(given)) is guarded  # Pulumi's signature of secrets


def test_hosts_that_are_known_later_are_in_the_published_document(deploy):
    """Databases and their addresses come into being in the same deployment."""
    args = topology_args(shop(), hosts={"eu-west-1": pulumi.Output.from_input("new.eu-west-1.rds.amazonaws.com")})
    deployment = deploy(lambda: pulumi_seawall.PublishedTopology("shop", args))
    for made in deployment.of("Parameter").values():
        database = parse(made.inputs["insecureValue"]).database
        assert database is not None
        assert [member.host for member in database.members] == [
            "new.eu-west-1.rds.amazonaws.com",
            "db.eu-central-1.example.com",
            "db.us-east-1.example.com",
        ]


def test_urls_that_are_known_later_are_in_the_published_document(deploy):
    """A load balancer's name may be part of a URL."""
    url = pulumi.Output.from_input("lb-123.elb.amazonaws.com").apply(lambda host: f"https://{host}")
    deployment = deploy(lambda: publish(endpoints__1__url=url, endpoints__1__health_url=url))
    document = parse(deployment.of("Parameter")["shop-us-east-1"].inputs["insecureValue"])
    assert document.endpoints[1].url == document.endpoints[1].health_url == "https://lb-123.elb.amazonaws.com"


@settings(max_examples=25)
@given(topologies())
def test_every_document_survives_its_way_through_the_arguments(document: Topology):
    """For all documents: what is published is what was planned."""
    planned = plan_published_topology(topology_args(document))
    assert planned.text({}) == dump(planned.document) == dump(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [("database__members__0__host", "db.example.com"), ("endpoints__0__url", "https://shop.example.com")],
)
def test_an_output_that_is_marked_secret_is_refused_by_name(deploy, path, value):
    """Its mark would make the document secret, and its author thinks that it is one."""
    shown = path.replace("__0__", "[0].").replace("__", ".")
    with pytest.raises(ValueError, match=re.escape(f"{shown} = (secret): an Output that is not marked secret, ")):
        deploy(lambda: publish(**{path: pulumi.Output.secret(value)}))


def test_no_password_reaches_the_document_by_any_way(deploy, deployment):
    """A connection string for a host, known only later, is caught as well."""
    dsn = pulumi.Output.from_input("app:hunter2@db.example.com")
    with pytest.raises(ValueError, match=re.escape("database.members[0].host = (hidden): a host's name")) as caught:
        deploy(lambda: publish(database__members__0__host=dsn))
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in json.dumps([made.inputs for made in deployment.made], default=str)


def test_existing_parameters_and_config_maps_can_be_adopted(deploy):
    """Somebody published by hand before."""
    clusters = [{"region": "eu-west-1", "adopt": True, "namespace": "shop"}]
    deployment = deploy(lambda: publish(adopt_parameters=["us-east-1"], clusters=clusters))
    assert {name: made.import_id for name, made in deployment.of("Parameter").items() if made.import_id} == {
        "shop-us-east-1": "/seawall/shop/prod/topology@us-east-1"
    }
    assert deployment.of("ConfigMap")["shop-eu-west-1"].import_id == "shop/shop-topology"


def large(count: int, *keys: str) -> list[dict[str, Any]]:
    """Endpoints with such long paths."""
    return [
        {**endpoint, **dict.fromkeys(keys or ("url",), f"https://{endpoint['region']}.example.com/{'x' * count}")}
        for endpoint in topology_args(shop())["endpoints"]
    ]


def test_a_document_beyond_a_standard_parameter_is_advanced_in_every_region(deploy):
    """The tier follows from the size, and is known before anything is registered."""
    deployment = deploy(lambda: publish(endpoints=large(1000)))
    assert {made.inputs["tier"] for made in deployment.of("Parameter").values()} == {"Advanced"}
    assert plan_published_topology(shop_args(tier="Advanced")).tier.value == "Advanced"


def test_a_host_that_outgrows_the_tier_is_one_line(deploy):
    """Hosts are planned at RDS's length; a name of 253 characters may not fit."""
    room = 4096 - len(dump(shop()))
    args = shop_args(database__members__0__host=pulumi.Output.from_input(".".join(["x" * 60] * 4)))
    args["endpoints"][1]["url"] += "/" + "x" * (room // 2 - 40)
    args["endpoints"][2]["url"] += "/" + "x" * (room // 2 - 40)
    with pytest.raises(ValueError, match=r"tier = Standard: Advanced, because the document has 4,\d\d\d bytes"):
        deploy(lambda: pulumi_seawall.PublishedTopology("shop", args))


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no dictionary": ({"": None}, "args = None: one dictionary of arguments"),
    "a live document": (
        {"live": {}},
        "live = {}: not offered, because operations own the live document; a deployment that wrote it would undo a failover",
    ),
    "a misspelled key": ({"endpoint": []}, "endpoint = []: did you mean endpoints?"),
    "a password": (
        {"database__password": "hunter2"},
        f"database.password = (hidden): no such key, {NO_SECRETS}",
    ),
    "a dsn": (
        {"database__members__0__host": "postgres://app:hunter2@db"},
        f"database.members[0].host = (hidden): no text that looks like a URL with a user, {NO_SECRETS}",
    ),
    "a region that AWS has not": (
        {"regions": ["eu-west-9"]},
        "regions[0] = eu-west-9: an AWS region; did you mean eu-west-3?",
    ),
    "an endpoint elsewhere": (
        {"endpoints__0__region": "eu-west-2"},
        "endpoints[0].region = eu-west-2: one of the regions: eu-west-1, eu-central-1, us-east-1",
    ),
    "a writer that is no member": (
        {"database__writer": "x"},
        "database.writer = x: one of the members: eu-west-1, eu-central-1, us-east-1",
    ),
    "Aurora": ({"database__engine": "aurora-mysql"}, "database.engine = aurora-mysql: postgres, mysql, mariadb"),
    "a stage for an environment": (
        {"environment": "shop/prod"},
        "environment = shop/prod: 1 to 100 letters, digits, `_`, `.` and `-`",
    ),
    "a negative epoch": ({"epoch": -1}, "epoch = -1: a whole number, 0 to 9007199254740991"),
    "an unknown tier": ({"tier": "Premium"}, "tier = Premium: Standard or Advanced"),
    "a tier too small": (
        {"tier": "Standard", "endpoints": large(1000)},
        f"tier = Standard: Advanced, because the document has 4,474 bytes, {TIERS}",
    ),
    "too large": (
        {"endpoints": large(1500, "url", "health_url")},
        f"the document's size = 10,500 bytes: at most 8,192 bytes, {SIZES}",
    ),
    "a cluster elsewhere": (
        {"clusters": [{"region": "eu-west-2"}]},
        "clusters[0].region = eu-west-2: one of the regions: eu-west-1, eu-central-1, us-east-1",
    ),
    "two clusters of a region": (
        {"clusters": [{"region": "eu-west-1"}, {"region": "eu-west-1"}]},
        "clusters = eu-west-1, eu-west-1: one per region, but eu-west-1 stands twice",
    ),
    "a namespace in capitals": (
        {"clusters": [{"region": "eu-west-1", "namespace": "Shop"}]},
        "clusters[0].namespace = Shop: 1 to 63 lower-case letters, digits and hyphens, no hyphen at an end",
    ),
    "an empty kubeconfig": (
        {"clusters": [{"region": "eu-west-1", "kubeconfig": ""}]},
        "clusters[0].kubeconfig = (hidden): the contents of a kubeconfig, or its path",
    ),
    "an adopted parameter elsewhere": (
        {"adopt_parameters": ["eu-west-2"]},
        "adopt_parameters[0] = eu-west-2: one of the regions: eu-west-1, eu-central-1, us-east-1",
    ),
    "too many tags": (
        {"tags": {str(number): "x" for number in range(9)}},
        "tags = 9: at most 10, with Name and seawall:component among them",
    ),
    "a breaker that never opens": (
        {"breaker__failure_rate_threshold": 0},
        "breaker.failure_rate_threshold = 0: above 0 and at most 1",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_each_bad_input_is_one_exact_line_before_anything_is_registered(case, deploy, deployment):
    """Nothing half-published, in one region and not in the other."""
    changes, line = BAD[case]
    args: Any = None if "" in changes else shop_args(**changes)
    with pytest.raises(InvalidInput) as caught:
        deploy(lambda: pulumi_seawall.PublishedTopology("shop", args))
    assert str(caught.value) == line
    assert deployment.made == []


def test_hosts_of_members_that_there_are_not_are_refused():
    """A misspelled member would keep its placeholder."""
    with pytest.raises(InvalidInput, match="hosts = eu-west-9: members: eu-west-1, eu-central-1, us-east-1"):
        topology_args(shop(), hosts={"eu-west-9": "db.example.com"})
