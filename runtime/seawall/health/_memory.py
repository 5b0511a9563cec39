"""The memory that this process may use: its container's, not the host's (psutil#2100).

Sources: Linux, Documentation/admin-guide/cgroup-v2.rst ("memory.current", "memory.max") and cgroup-v1/memory.rst. As
the kubelet does, inactive file pages are not counted as used: the kernel gives them back before it kills anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from seawall.errors import InvalidInput
from seawall.health._checks import CheckFailed, SelfCheck

__all__ = ["MemoryCheck", "MemoryUse", "memory_use"]

NO_LIMIT_V1: Final = 1 << 60  # bytes; without a limit v1 shows the largest multiple of a page below 2^63
KIB: Final = 1024  # /proc/meminfo counts in these
_V2: Final = ("memory.max", "memory.current", "inactive_file")
_V1: Final = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUse:
    """How much is used of what may be used."""

    used_bytes: int
    limit_bytes: int
    source: str
    """`cgroup v2`, `cgroup v1` or `host`."""

    @property
    def ratio(self) -> float:
        """Used over limit."""
        return self.used_bytes / self.limit_bytes


def memory_use(root: Path = Path("/")) -> MemoryUse:
    """The use of the tightest limit that this process is under: its cgroup's, one above that, or the host's.

    Args:
        root: Where `proc` and `sys` are; for tests.

    Raises:
        OSError: there is no `/proc/meminfo`: not Linux.
    """
    found = [*_cgroups_v2(root), *_cgroups_v1(root), _host(root)]
    return max(found, key=lambda use: use.ratio)


def _cgroups_v2(root: Path) -> Iterator[MemoryUse]:
    """Each level from the process's own cgroup up: a pod's limit stands above its container's."""
    mount = root / "sys/fs/cgroup"
    if (mount / "cgroup.controllers").exists():
        yield from _levels(mount, _own_path(root, ""), _V2, "cgroup v2")


def _cgroups_v1(root: Path) -> Iterator[MemoryUse]:
    mount = root / "sys/fs/cgroup/memory"
    if (mount / _V1[0]).exists():
        yield from _levels(mount, _own_path(root, "memory"), _V1, "cgroup v1")


def _own_path(root: Path, controller: str) -> Path:
    """The path in `/proc/self/cgroup`, whose lines are `number:controllers:path`; v2's has no controllers."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return Path()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return Path(path.lstrip("/"))
    return Path()


def _levels(mount: Path, own: Path, names: tuple[str, str, str], source: str) -> Iterator[MemoryUse]:
    limit_name, used_name, inactive_name = names
    # Without a cgroup namespace the path is the host's and not mounted here: then the mount's root is our own group.
    folder = mount / own if (mount / own).is_dir() and ".." not in own.parts else mount
    while True:
        try:
            limit = (folder / limit_name).read_text().strip()
            used = int((folder / used_name).read_text())
            if limit.isdigit() and 0 < int(limit) < NO_LIMIT_V1:
                used = max(0, used - _stat(folder, inactive_name))
                yield MemoryUse(used_bytes=used, limit_bytes=int(limit), source=source)
        except (OSError, ValueError):
            pass  # v2's root has no such files, and a level may vanish while it is read
        if folder == mount:
            return
        folder = folder.parent


def _stat(folder: Path, name: str) -> int:
    for line in (folder / "memory.stat").read_text().splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0


def _host(root: Path) -> MemoryUse:
    fields: dict[str, int] = {}
    for line in (root / "proc/meminfo").read_text().splitlines():
        key, _, value = line.partition(":")
        fields[key] = int(value.split()[0]) * KIB
    total = fields["MemTotal"]
    return MemoryUse(used_bytes=total - fields["MemAvailable"], limit_bytes=total, source="host")


@final
class MemoryCheck(SelfCheck):
    """Memory left before the kernel kills the container. A restart heals a leak, so this may decide liveness.

    Where there is no `/proc` (macOS, Windows) nothing is known, and it is healthy.

    Args:
        most_ratio: Of the limit, above which it is unhealthy; above 0, at most 1.
        name: Its key in the answers.
        root: Where `proc` and `sys` are; for tests.

    Raises:
        InvalidInput: `most_ratio` outside 0 to 1.
    """

    __slots__ = ()

    def __init__(self, most_ratio: float = 0.95, *, name: str = "memory", root: Path = Path("/")) -> None:
        if not 0.0 < most_ratio <= 1.0:
            raise InvalidInput("most_ratio", most_ratio, allowed="above 0, at most 1")

        async def run() -> str:  # a few pseudo-files, which never block: not worth a thread
            try:
                use = memory_use(root)
            except OSError:
                return "not known: this is no Linux"  # no reason to restart anything
            found = f"{use.ratio:.0%} of {use.limit_bytes:,} bytes ({use.source})"
            if use.ratio > most_ratio:
                raise CheckFailed(found)
            return found

        super().__init__(name, run)
