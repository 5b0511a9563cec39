"""`seawall failover service`, against an API server on loopback: dry by default, under a lease, on the record."""

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from seawall_ops import cli
from seawall_ops.audit import AuditFile, Record
from seawall_ops.failover.services_permissions import LEASE
from service_cluster import NAMESPACE, FakeNamespace, served

ARGUMENTS = ["--service", "shop", "--from", "shop-blue", "--to", "shop-green", "--namespace", NAMESPACE]
Seawall = Callable[..., int]


@pytest.fixture
def namespace() -> FakeNamespace:
    """With a lease that was free before: one that was never there makes everybody wait for its time."""
    namespace = FakeNamespace()
    notes = {"seawall/fence": "40", "seawall/ttl-seconds": "30.0", "seawall/write": "w"}
    free = {"metadata": {"name": LEASE, "uid": "uid-1", "annotations": notes}, "spec": {"holderIdentity": ""}}
    namespace.put("leases", free)
    return namespace


@pytest.fixture
def seawall(namespace, tmp_path, monkeypatch) -> Iterator[Seawall]:
    """The command, with its state in a folder of the test's own."""
    monkeypatch.setenv("SEAWALL_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")
    with served(namespace, tmp_path) as kubeconfig:
        yield lambda *more: cli.main(
            ["failover", "service", *ARGUMENTS, "--drain-seconds", "0", "--kubeconfig", str(kubeconfig), *more]
        )


def records(tmp_path: Path) -> list[Any]:
    return [each.fact for _, each in AuditFile(tmp_path / "state" / "audit.jsonl").read() if isinstance(each, Record)]


def test_it_shows_the_plan_and_changes_nothing_until_it_is_told_to(seawall, namespace, tmp_path, capsys):
    """No patch, no lease, no journal."""
    assert seawall("--scale-source-to", "0") == 0
    shown = capsys.readouterr().out
    assert "dry run: nothing was changed" in shown
    order = ("owners", "scale-target", "shift", "drain", "scale-source")
    positions = [shown.index(f"{number}. {step}") for number, step in enumerate(order, 1)]
    assert positions == sorted(positions)
    assert namespace.patches == []
    assert {verb for verb, _ in namespace.calls} == {"get", "list"}
    assert not (tmp_path / "state").exists()


def test_what_is_in_the_way_of_a_dry_run_has_its_exit_code(seawall, namespace, capsys):
    """A pipeline finds out before the outage."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop-green"}
    namespace.put("horizontalpodautoscalers", {"metadata": {"name": "green"}, "spec": {"scaleTargetRef": target}})
    assert seawall() == 1
    assert "in the way: Deployment shop-green is scaled by HorizontalPodAutoscaler green" in capsys.readouterr().out


def test_it_is_run_under_the_lease_whose_fence_stands_on_what_it_wrote(seawall, namespace, tmp_path, capsys):
    """A holder that was stopped for a minute writes nothing over what a later one did."""
    assert seawall("--run", "--scale-source-to", "0", "--json") == 0
    assert json.loads(capsys.readouterr().out)["end"] == "done"
    assert namespace.replicas == {"shop-blue": 0, "shop-green": 3}
    written = [namespace.objects[key] for key in namespace.objects if key[0] in ("deployments", "services")]
    assert {each["metadata"]["annotations"]["seawall/fence"] for each in written} == {"41"}
    assert namespace.objects["leases", LEASE]["spec"]["holderIdentity"] in (None, "")
    assert records(tmp_path)[-1].end == "done"
    assert seawall("--run", "--scale-source-to", "0") == 0
    assert len(namespace.patches) == 4


def test_the_lines_that_a_failed_undo_leaves_are_those_that_end_it(seawall, namespace, capsys):
    """What is printed is copied into a shell at three in the morning, with all of its options."""
    assert seawall("--run") == 0
    done = capsys.readouterr().out.splitlines()[-1]
    operation = done.rpartition("(operation ")[2].rstrip(")")
    namespace.change("deployments", "shop-green", replicas=9)
    assert seawall("--undo", operation, "--why", "it was a drill") == 6
    shown = capsys.readouterr().out
    assert "Deployment shop-green has 9, and this operation knows 0 from before and 3 of its own" in shown
    namespace.change("deployments", "shop-green", replicas=3)
    line = next(line for line in shown.splitlines() if line.startswith("next: "))
    assert cli.main(shlex.split(line.removeprefix("next: "))[1:]) == 4
    assert namespace.replicas == {"shop-blue": 3, "shop-green": 0}
    assert namespace.selector["side"] == "blue"


def test_an_undo_that_was_asked_for_is_done(seawall, namespace, capsys):
    """Exit code 0: undone is what was wanted."""
    assert seawall("--run") == 0
    operation = capsys.readouterr().out.splitlines()[-1].rpartition("(operation ")[2].rstrip(")")
    assert seawall("--undo", operation, "--why", "it was a drill") == 0
    assert namespace.replicas == {"shop-blue": 3, "shop-green": 0}


def test_the_reason_why_git_is_paused_is_on_the_record(seawall, tmp_path):
    """Whoever asks later finds who said so."""
    assert seawall("--run", "--gitops-paused", "synced by hand today") == 0
    assert any(getattr(fact, "because", "") == "synced by hand today" for fact in records(tmp_path))


def test_a_fence_of_a_later_holder_refuses_every_write(seawall, namespace, capsys):
    """The annotation only grows."""
    namespace.objects["services", "shop"]["metadata"]["annotations"]["seawall/fence"] = "99"
    assert seawall("--run") == 4
    shown = capsys.readouterr().out
    assert "99" in shown
    assert namespace.selector["side"] == "blue"
    assert namespace.objects["services", "shop"]["metadata"]["annotations"]["seawall/fence"] == "99"
    assert namespace.replicas["shop-green"] == 0


def test_a_cluster_that_cannot_be_asked_has_its_exit_code_and_one_line(seawall, namespace, capsys):
    """It is no wrong input."""
    namespace.broken_with = 500
    assert seawall() == 3
    error = capsys.readouterr().err
    assert error.startswith("error: Kubernetes at http://127.0.0.1:")
    assert error.endswith("namespace prod could not be asked: 500: broken\n")


def test_its_calls_are_those_of_the_role_that_it_prints(seawall, namespace, capsys):
    """No right more than it uses, and none too few; names wherever RBAC can hold a verb to them."""
    assert seawall("--scale-source-to", "0", "--role") == 0
    assert namespace.calls == set()
    role = yaml.safe_load(capsys.readouterr().out)
    allowed = {(verb, each) for rule in role["rules"] for each in rule["resources"] for verb in rule["verbs"]}
    assert seawall("--scale-source-to", "0", "--run") == 0
    # The lease was there, so that none had to be made.
    assert namespace.calls == allowed - {("create", "leases")}
    named = {tuple(rule["verbs"]) for rule in role["rules"] if "resourceNames" not in rule}
    assert named == {("list",), ("create",)}


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (["--run", "--role"], "--run, --resume, --undo and --role = several: at most one of them"),
        (["--undo", "x"], "--undo and --why = x, None: both or none: the reason of an undo is recorded"),
        (["--selector", "app"], "--selector = app: key=value, each key once, with a comma between two"),
        (["--selector", "a=b,a=c"], "--selector = a=b,a=c: key=value, each key once, with a comma between two"),
        (["--to", "job/x"], "--to = job/x: a name, deployment/<name> or rollout/<name>"),
        (["--context", "nowhere"], "--context = nowhere: one of a kubeconfig that can be read, because"),
        (["--resume", "never-begun"], "operation = never-begun: one that was begun"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_changes_nothing(more, line, seawall, namespace, capsys):
    """Exit code 2."""
    assert seawall(*more) == 2
    error = capsys.readouterr().err
    assert f"error: {line}" in error
    assert error.count("\n") == 1
    assert namespace.patches == []


def test_an_operation_is_not_resumed_with_other_options(seawall, capsys):
    """The journal is that of another plan."""
    assert seawall("--run") == 0
    operation = capsys.readouterr().out.splitlines()[-1].rpartition("(operation ")[2].rstrip(")")
    assert seawall("--undo", operation, "--why", "drill", "--replicas", "5") == 2
    assert operation in capsys.readouterr().err
