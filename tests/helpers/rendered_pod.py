"""Runs what a rendered Deployment's pod would run: its command and variables, with its mounts below a folder."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

MOVED = re.compile(r"^/(?=(etc|var)/)")
"""Paths of the pod's."""


class RenderedPod:
    """The one container of a Deployment, on this machine.

    Args:
        manifests: The cluster's folder.
        deployment: The Deployment's file in it, as a pattern.
        folder: Where its mounts are made.
        variables: Further ones, for what a cluster gives by other means.
    """

    def __init__(self, manifests: Path, deployment: str, folder: Path, variables: dict[str, str]) -> None:
        self._manifests = manifests
        self._folder = folder
        (path,) = manifests.rglob(deployment)
        pod = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]["template"]["spec"]
        (self.container,) = pod["containers"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for mount in self.container["volumeMounts"]:
            self._mount(mount, volumes[mount["name"]])
        self.environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PG", "SEAWALL_"))},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),  # as of an image with our packages
            **{each["name"]: self.moved(each.get("value", "of-a-secret")) for each in self.container["env"]},
            **variables,
        }

    def moved(self, word: str) -> str:
        """A word with the pod's path in it moved below the folder."""
        return MOVED.sub(f"{self._folder}/", word)

    @property
    def command(self) -> list[str]:
        """The container's."""
        return [self.moved(word) for word in self.container["command"]]

    def is_alive(self) -> bool:
        """What the kubelet would find."""
        probe = [self.moved(word) for word in self.container["livenessProbe"]["exec"]["command"]]
        return subprocess.run(probe, env=self.environ, capture_output=True, timeout=30, check=False).returncode == 0

    @contextmanager
    def running(self) -> Iterator["subprocess.Popen[str]"]:
        """The process; ended as the kubelet does it."""
        process = subprocess.Popen(
            self.command, env=self.environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def _mount(self, mount: dict[str, Any], volume: dict[str, Any]) -> None:
        target = Path(self.moved(mount["mountPath"]))
        if "configMap" not in volume:
            target.mkdir(parents=True)
            return
        (path,) = self._manifests.rglob(f"v1-configmap-*-{volume['configMap']['name']}.yaml")
        data = yaml.safe_load(path.read_text(encoding="utf-8"))["data"]
        if "subPath" in mount:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(data[mount["subPath"]], encoding="utf-8")
            return
        target.mkdir(parents=True)
        for name, text in data.items():
            (target / name).write_text(text, encoding="utf-8")
