"""The `kubernetes` plugin: what the engine is told, and what lies in the folder of each cluster."""

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pulumi.provider.experimental import provider as sdk

from localcloud.errors import LocalCloudError
from localcloud.provider import values
from localcloud.provider.kubernetes import manifests
from localcloud.provider.kubernetes.differences import differences
from localcloud.provider.serve import UpdateRequest
from localcloud.provider.values import UNKNOWN
from rendered_cluster import DEPLOYMENT, ROLLOUT, SEED, Cluster, urn, with_change

pytestmark = pytest.mark.anyio
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
async def cluster(tmp_path: Path) -> Cluster:
    """A cluster of the context `eu`, under a folder that the environment names."""
    cluster = Cluster(tmp_path / "manifests")
    await cluster.configure(context="eu")
    return cluster


@pytest.mark.parametrize(("manifest", "file"), [(DEPLOYMENT, "deployment.yaml"), (ROLLOUT, "rollout.yaml")])
async def test_objects_are_written_as_the_real_plugin_writes_them(
    cluster: Cluster, manifest: dict[str, Any], file: str
):
    """The golden files: layout of folders, file names, and YAML that every reader takes for the same."""
    assert await cluster.up("shop", manifest) == "create"
    group = manifest["apiVersion"].replace("/", "_")
    (name, path), = cluster.files().items()  # fmt: skip
    assert name == f"eu/1-manifest/{group}-{manifest['kind'].lower()}-shop-shop.yaml"
    assert path.read_text(encoding="utf-8") == (GOLDEN / file).read_text(encoding="utf-8")
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == manifest
    assert cluster.ids["shop"] == "shop/shop"


async def test_a_whole_life(cluster: Cluster):
    """Created, unchanged, updated in place, replaced for its selector, deleted; deleting twice is no error."""
    assert await cluster.up("shop", DEPLOYMENT) == "create"
    assert await cluster.up("shop", DEPLOYMENT) == "same"
    scaled = with_change(DEPLOYMENT, "spec", "replicas", value=5)
    assert await cluster.up("shop", scaled) == "update"
    (path,) = cluster.files().values()
    assert yaml.safe_load(path.read_text())["spec"]["replicas"] == 5
    selector = with_change(scaled, "spec", "selector", "matchLabels", "app", value="other")
    assert await cluster.up("shop", selector) == "replace"
    state = cluster.states["shop"]
    await cluster.delete("shop")
    assert cluster.files() == {}
    cluster.states["shop"] = state
    await cluster.delete("shop")


async def test_drift_is_found_and_mended(cluster: Cluster):
    """A file that somebody edited, spoiled or removed is found by refresh, and put right by the next up even without."""
    await cluster.up("shop", DEPLOYMENT)
    (path,) = cluster.files().values()
    path.write_text(path.read_text().replace("replicas: 3", "replicas: 1"))
    assert await cluster.refresh("shop") == "drifted"
    assert cluster.states["shop"]["spec"]["replicas"] == 1
    assert await cluster.up("shop", DEPLOYMENT) == "update"
    assert await cluster.refresh("shop") == "same"
    for spoiled in ("replicas: [", "just a text"):
        path.write_text(spoiled)
        assert await cluster.up("shop", DEPLOYMENT) == "update"
        assert await cluster.up("shop", DEPLOYMENT) == "same"
    path.unlink()
    assert await cluster.up("shop", DEPLOYMENT) == "update"
    path.unlink()
    assert await cluster.refresh("shop") == "gone"
    assert await cluster.up("shop", DEPLOYMENT) == "create"


async def test_a_change_says_where_it_is(cluster: Cluster):
    """The engine shows these paths; a changed image must not read as a changed spec."""
    await cluster.up("shop", DEPLOYMENT)
    news = with_change(
        DEPLOYMENT, "spec", "template", "spec", "containers", 0, "image", value="registry.example.com/shop:1.1"
    )
    news = with_change(news, "metadata", "labels", "example.com/team", value="shop")
    diff = await cluster.diff("shop", news)
    assert set(diff.detailed_diff or {}) == {
        'metadata.labels["example.com/team"]',
        "spec.template.spec.containers[0].image",
    }
    assert sorted(diff.diffs or ()) == ["metadata", "spec"]
    assert not diff.replaces


async def test_ignored_changes_are_left_to_their_owner(cluster: Cluster):
    """An HPA owns replicas, a rollout its Service's selector; the rest still counts."""
    await cluster.up("shop", DEPLOYMENT)
    scaled = with_change(DEPLOYMENT, "spec", "replicas", value=9)
    assert not (await cluster.diff("shop", scaled, ("spec.replicas",))).changes
    assert (await cluster.diff("shop", scaled, ("spec.template",))).changes
    assert (await cluster.diff("shop", scaled)).changes


async def test_a_name_is_made_up_once_and_kept(cluster: Cluster):
    """As the real plugin: the resource's name, a dash, eight hexadecimal digits, and a mark; a replacement gets another."""
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}
    assert await cluster.up("settings", settings) == "create"
    metadata = cluster.states["settings"]["metadata"]
    assert metadata["name"] == "settings-01234567"
    assert metadata["annotations"] == {"pulumi.com/autonamed": "true"}
    assert list(cluster.files()) == ["eu/1-manifest/v1-configmap-default-settings-01234567.yaml"]
    assert cluster.ids["settings"] == "settings-01234567"
    assert await cluster.up("settings", settings) == "same"
    news, _ = await cluster.check("settings", with_change(settings, "data", "a", value="2"))
    diff = await cluster.diff("settings", news)
    assert diff.replaces == ["data.a"]
    assert not diff.delete_before_replace


async def test_a_replacement_under_the_same_name_deletes_first(cluster: Cluster):
    """Two objects cannot have one name: the new file would be deleted with the old object."""
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}
    await cluster.up("settings", settings)
    diff = await cluster.diff("settings", with_change(settings, "data", "a", value="2"))
    assert diff.delete_before_replace
    moved = await cluster.diff("settings", with_change(settings, "metadata", "namespace", value="other"))
    assert (moved.replaces, moved.delete_before_replace) == (["metadata.namespace"], False)


async def test_config_maps_change_in_place_where_the_provider_says_so(cluster: Cluster):
    """`enableConfigMapMutable` of the real provider."""
    await cluster.configure(context="eu", enableConfigMapMutable="true")
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}
    await cluster.up("settings", settings)
    assert await cluster.up("settings", with_change(settings, "data", "a", value="2")) == "update"


async def test_a_document_in_a_config_map_lies_in_its_namespace_as_it_was_given(cluster: Cluster):
    """The topology reaches apps this way: one text, in the namespace that the program names, in a file of its own."""
    document = '{\n  "schema_version": 1,\n  "epoch": 12\n}\n'
    metadata = {"name": "shop-topology", "namespace": "shop", "labels": {"app.kubernetes.io/managed-by": "seawall"}}
    topology = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"topology.json": document}}
    assert await cluster.up("topology", topology) == "create"
    assert cluster.ids["topology"] == "shop/shop-topology"
    ((name, path),) = cluster.files().items()
    assert name == "eu/1-manifest/v1-configmap-shop-shop-topology.yaml"
    assert yaml.safe_load(path.read_text()) == topology
    assert await cluster.refresh("topology") == "same"
    elsewhere = with_change(topology, "metadata", "namespace", value="other")
    assert await cluster.up("topology", elsewhere) == "replace"


async def test_an_objects_new_version_moves_its_file(cluster: Cluster):
    """`autoscaling/v1` to `v2` is one object: the old file must not stay beside the new one."""
    scaler = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "shop"}}
    await cluster.up("shop", scaler)
    assert await cluster.up("shop", {**scaler, "apiVersion": "autoscaling/v2"}) == "update"
    assert list(cluster.files()) == ["eu/1-manifest/autoscaling_v2-horizontalpodautoscaler-default-shop.yaml"]


async def test_definitions_come_before_what_they_define(cluster: Cluster):
    """`kubectl apply -R` takes folders in the order of their names."""
    definition = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    await cluster.up("rollouts", {**definition, "metadata": {"name": "rollouts.argoproj.io"}})
    name = "apiextensions.k8s.io_v1-customresourcedefinition-default-rollouts.argoproj.io.yaml"
    assert list(cluster.files()) == [f"eu/0-crd/{name}"]


async def test_a_secret_is_secret_in_the_state_and_for_its_owner_on_the_disk(cluster: Cluster):
    """The program need not mark it; the file holds it in plain text, so nobody else may read it."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"password": "hunter2"}}
    response = await cluster.provider.check(sdk.CheckRequest(urn(secret, "db"), {}, values.to_properties(secret), SEED))
    assert response.inputs is not None
    assert response.inputs["stringData"].is_secret
    await cluster.up("db", secret)
    request = sdk.ReadRequest(urn(secret, "db"), "db", values.to_properties(secret), values.to_properties(secret))
    read = await cluster.provider.read(request)
    assert read.properties["stringData"].is_secret
    assert read.inputs["stringData"].is_secret
    (path,) = cluster.files().values()
    assert "hunter2" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_what_the_program_marked_secret_stays_so(cluster: Cluster):
    """In any kind of object, at its exact place."""
    properties = values.to_properties(DEPLOYMENT, [("spec", "replicas")])
    created = await cluster.provider.create(sdk.CreateRequest(urn(DEPLOYMENT, "shop"), properties, 0, False))
    assert values.to_plain(created.properties or {})[1] == {("spec", "replicas")}


async def test_a_preview_writes_nothing_and_keeps_what_is_unknown(cluster: Cluster):
    """Values of resources that do not exist yet stay unknown, at any depth; an unknown name is not made up."""
    unknown = with_change(DEPLOYMENT, "spec", "template", "spec", "containers", 0, "image", value=UNKNOWN)
    unknown = with_change(unknown, "metadata", "name", value=UNKNOWN)
    news, failures = await cluster.check("shop", unknown)
    assert (news, failures) == (unknown, [])
    request = sdk.CreateRequest(urn(news, "shop"), values.to_properties(news), 0, True)
    response = await cluster.provider.create(request)
    assert values.to_plain(response.properties or {})[0] == unknown
    assert cluster.files() == {}
    await cluster.up("shop", DEPLOYMENT)
    before = next(iter(cluster.files().values())).read_text()
    image = with_change(DEPLOYMENT, "spec", "template", "spec", "containers", 0, "image", value=UNKNOWN)
    diff = await cluster.diff("shop", image)
    assert list(diff.detailed_diff or {}) == ["spec.template.spec.containers[0].image"]
    update = UpdateRequest(
        values.to_properties(DEPLOYMENT), urn(image, "shop"), "shop/shop", values.to_properties(DEPLOYMENT),
        values.to_properties(image), timeout=0, ignore_changes=[], preview=True,
    )  # fmt: skip
    assert values.to_plain((await cluster.provider.update(update)).properties or {})[0] == image
    assert next(iter(cluster.files().values())).read_text() == before


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"kind": "Deployment", "metadata": {"name": "x"}}, "apiVersion: missing"),
        ({"apiVersion": "v1", "metadata": {"name": "x"}}, "kind: missing"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "Shop"}}, "metadata.name: lower-case letters"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "../../etc/x"}}, "metadata.name: lower-case"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "a/b"}}, "metadata.namespace: lower"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x" * 254}}, "metadata.name: at most 253"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": 7}}, "metadata.name: must be a text"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": "x"}, "metadata: must be an object"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "x-"}}, "metadata.generateName: no API server"),
        ({"apiVersion": f"{manifests.RBAC_GROUP}v1", "kind": "Role", "metadata": {"name": ".."}}, "metadata.name: no slashes"),
    ],
)  # fmt: skip
async def test_what_no_cluster_would_take_is_refused_in_one_line(cluster: Cluster, wrong: dict[str, Any], line: str):
    """Before anything is written, and never outside the folder."""
    _, failures = await cluster.check("x", wrong)
    assert len(failures) == 1
    assert failures[0].startswith(line)


async def test_a_role_may_have_a_colon_in_its_name(cluster: Cluster):
    """Role-based access control takes it; a file name does not everywhere."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "system:shop"}}
    assert await cluster.up("role", role) == "create"
    assert list(cluster.files()) == ["eu/1-manifest/rbac.authorization.k8s.io_v1-clusterrole-default-system_shop.yaml"]


async def test_the_providers_namespace_is_for_what_has_one(cluster: Cluster):
    """Not for a Namespace or a StorageClass."""
    await cluster.configure(context="eu", namespace="shop")
    pod, _ = await cluster.check("a", {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}})
    space, _ = await cluster.check("b", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b"}})
    own, _ = await cluster.check("c", with_change(DEPLOYMENT, "metadata", "namespace", value="own"))
    assert pod["metadata"]["namespace"] == "shop"
    assert "namespace" not in space["metadata"]
    assert own["metadata"]["namespace"] == "own"


async def test_each_cluster_has_its_own_folder(tmp_path: Path):
    """One provider per region: by directory, context, inline kubeconfig, and else by the provider's own name."""
    base, named = tmp_path / "manifests", tmp_path / "named"
    kubeconfig = "apiVersion: v1\ncurrent-context: arn:aws:eks:us-east-1:1:cluster/shop\n"
    cases: list[tuple[str, dict[str, Any], Path]] = [
        ("eu", {"context": "eu-context"}, base / "eu-context"),
        ("us", {"kubeconfig": kubeconfig}, base / "arn_aws_eks_us-east-1_1_cluster_shop"),
        ("ap", {}, base / "ap"),
        ("default_4_25_0", {}, base / "default"),
        ("eu", {"context": "../.."}, base / "_"),
        ("eu", {"context": "x", "renderYamlToDirectory": str(named)}, named),
    ]
    for name, arguments, folder in cases:
        cluster = Cluster(base)
        kept = await cluster.configure(name, **arguments)
        await cluster.up("shop", ROLLOUT)
        assert (folder / "1-manifest" / "argoproj.io_v1alpha1-rollout-shop-shop.yaml").exists(), arguments
        again = Cluster(base)  # a destroy: configured from the state alone
        await again.provider.configure(sdk.ConfigureRequest({}, values.to_properties(kept), True, True))
        again.states, again.ids = cluster.states, cluster.ids
        await again.delete("shop")
        assert list(folder.rglob("*.yaml")) == []


async def test_without_a_folder_one_line_says_that_there_is_no_cluster():
    """At preview already, with what to set."""
    cluster = Cluster(None)
    await cluster.configure(kubeconfig="apiVersion: v1\n")
    _, failures = await cluster.check("shop", DEPLOYMENT)
    assert len(failures) == 1
    assert "there is no cluster in the local cloud: set render_yaml_to_directory" in failures[0]


@pytest.mark.parametrize(
    "token",
    ["kubernetes:helm.sh/v3:Release", "kubernetes:kustomize/v2:Directory", "kubernetes:apps/v1:DeploymentPatch"],
)
async def test_what_only_a_cluster_can_do_says_so(cluster: Cluster, token: str):
    """In one line that names the type."""
    with pytest.raises(LocalCloudError, match=f"^{token} is not in the local cloud"):
        await cluster.provider.check(sdk.CheckRequest(f"urn:pulumi:dev::shop::{token}::x", {}, {}, SEED))
    with pytest.raises(LocalCloudError, match="kubernetes:yaml:decode is not in the local cloud"):
        await cluster.provider.invoke(sdk.InvokeRequest("kubernetes:yaml:decode", {}))


async def test_an_import_reads_the_file(cluster: Cluster):
    """From the type and the id alone."""
    await cluster.up("shop", DEPLOYMENT)
    for id_, found in (("shop/shop", DEPLOYMENT), ("shop/none", {})):
        response = await cluster.provider.read(sdk.ReadRequest(urn(DEPLOYMENT, "shop"), id_, {}, {}))
        assert values.to_plain(response.properties or {})[0] == found


async def test_a_run_killed_after_the_write_leaves_no_file_that_nobody_knows(tmp_path: Path):
    """The next run makes up the same name; and where the program gave another one meanwhile, the old file goes."""
    base, journal = tmp_path / "manifests", tmp_path / "journal.json"
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}
    killed = Cluster(base, journal)
    await killed.configure(context="eu")
    await killed.up("settings", settings)  # and the engine never wrote its state
    following = Cluster(base, journal)
    await following.configure(context="eu")
    request = sdk.CheckRequest(urn(settings, "settings"), {}, values.to_properties(settings), b"another seed")
    news = values.to_plain((await following.provider.check(request)).inputs or {})[0]
    assert news["metadata"]["name"] == "settings-01234567"
    named = {**settings, "metadata": {"name": "settings"}}
    await following.create("settings", named)
    assert list(following.files()) == ["eu/1-manifest/v1-configmap-default-settings.yaml"]


async def test_an_error_never_shows_a_secret(cluster: Cluster, monkeypatch: pytest.MonkeyPatch):
    """Whatever the file system says, the content of the object stays out of the line."""

    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device: hunter2")

    monkeypatch.setattr(manifests, "write", full)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": {"password": "hunter2"}}
    with pytest.raises(LocalCloudError, match="No space left on device") as caught:
        await cluster.create("db", secret)
    assert "hunter2" not in str(caught.value)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_what_is_written_is_read_back_the_same(value: Any):
    """For any JSON value: texts that look like numbers, dates or booleans, line ends, control characters."""
    assert yaml.safe_load(manifests.rendered({"spec": value})) == {"spec": value}


@pytest.mark.parametrize(
    "text", ["12e4567", "1e3", "0o17", "0x1F", "1_000", "on", "yes", "null", "~", "1.0", "2026-01-01"]
)
def test_texts_that_some_reader_takes_for_something_else_are_quoted(text: str):
    """YAML 1.1 and 1.2 differ, and Go's reader takes both: a commit id must not become a number."""
    assert manifests.rendered({"a": text}).strip() in (f'a: "{text}"', f"a: '{text}'")


@given(JSON, JSON)
def test_two_values_differ_exactly_where_they_are_not_equal(old: Any, new: Any):
    """No difference if and only if they are the same JSON."""

    def exactly(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: exactly(item) for key, item in value.items()}
        return [exactly(item) for item in value] if isinstance(value, list) else (isinstance(value, bool), value)

    assert bool(list(differences(old, new))) == (exactly(old) != exactly(new))
    assert list(differences(old, old)) == []
