"""Hold the observers of each cluster, as they were rendered, against what the program says that it declared."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from localcloud.findings import Finding
from localcloud.provider.kubernetes.manifests import Manifest
from localcloud.rendered import Claim, Rendered, folder_of, held_against
from seawall.errors import SeawallError
from seawall_ops.failover.settings import parse_settings

DEPLOYMENT: Final = "apps/v1"
SETTINGS: Final = "failover.yaml"
MARK: Final = "seawall/settings"


def observers(outputs: Mapping[str, Any], manifests: Path) -> Iterator[Finding]:
    """Each Deployment: one pod of the declared image, that runs the declared command by settings which can be read.

    Args:
        outputs: The program's: `observers` (region, namespace, name, image, observer, acts, account, purpose, settings),
            `identities` (purpose, associations) and `clusters` (context by region).
        manifests: Folder with a folder per cluster.
    """

    def judged(claim: Claim, found: Manifest) -> tuple[str, Mapping[str, tuple[object, object]]]:
        cluster = Rendered(folder_of(claim, outputs, manifests), claim["namespace"])
        template = found["spec"]["template"]
        pod, (container,) = template["spec"], template["spec"]["containers"]
        command = container["command"]
        settings = (cluster.object("v1", "ConfigMap", claim["name"]) or {}).get("data", {}).get(SETTINGS)
        return f"{container['image']} as {_after(command, '--name')}", {
            "image": (claim["image"], container["image"]),
            "at a time": ((1, "Recreate"), (found["spec"]["replicas"], found["spec"]["strategy"]["type"])),
            "observer": (claim["observer"], _after(command, "--name")),
            "domain": (claim["region"], _after(command, "--domain")),
            "acts": (claim["acts"], "--act" in command),
            "settings": (claim["settings"], settings),
            "settings that can be read": (None, _unreadable(settings, claim["region"])),
            "mark of the settings": (_digest(claim["settings"]), template["metadata"]["annotations"].get(MARK)),
            "account": ({claim["account"]}, cluster.among("v1", "ServiceAccount", [pod["serviceAccountName"]])),
            "account with a role": (True, _has_role(claim, outputs)),
            "ConfigMaps to mount": (True, cluster.has_config_maps_of(pod)),
        }

    yield from held_against("observers", outputs, manifests, DEPLOYMENT, "Deployment", "observer", judged)


def _after(words: list[str], option: str) -> str | None:
    """The word behind an option."""
    return next((words[place + 1] for place, word in enumerate(words[:-1]) if word == option), None)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _unreadable(settings: str | None, domain: str) -> str | None:
    """Why an observer would end at once, as it reads its file and looks for its voice; None: it would not."""
    try:
        parse_settings(settings or "").policy.check_domain(domain)
    except SeawallError as error:
        return str(error)
    return None


def _has_role(claim: Claim, outputs: Mapping[str, Any]) -> bool:
    """Whether the pods' account is one that takes the purpose's role; without roles they are somebody else's."""
    if not outputs.get("identities"):
        return True
    keys = [
        key.split("/")
        for identity in outputs["identities"]
        if identity["purpose"] == claim["purpose"]
        for key in identity["associations"]
    ]
    return any((key[0], *key[2:]) == (claim["region"], claim["namespace"], claim["account"]) for key in keys)
