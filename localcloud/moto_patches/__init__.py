"""Where moto 5.2.5 differs from AWS in what Seawall stands on, corrected in our own server process.

One module per service, one function per fault; each function's docstring names the fault and what AWS does. A service's
patches are applied once, when its backend is first used. They reach into moto's internals, so they hold for exactly one
version.
"""

from collections.abc import Callable
from importlib import import_module, metadata
from threading import Lock
from typing import Final

from localcloud.errors import LocalCloudError

__all__ = ["MOTO_VERSION", "UnknownMoto", "check_version", "patch_service"]

MOTO_VERSION: Final = "5.2.5"
PATCHED_SERVICES: Final = ("backup", "cloudwatch", "ec2", "iam", "rds", "route53", "s3", "sns", "ssm")

_applied: Final[set[str]] = set()
_lock: Final = Lock()


class UnknownMoto(LocalCloudError):
    """Another moto than the one that the patches were made for is installed."""


def check_version() -> None:
    """Refuse every moto but the one whose faults are known.

    Raises:
        UnknownMoto: naming both versions.
    """
    found = metadata.version("moto")
    if found != MOTO_VERSION:
        raise UnknownMoto(f"moto = {found}: exactly {MOTO_VERSION}, because the patches were made for its internals")


def patch_service(service: str) -> None:
    """Apply the patches of one service, by moto's name for it; the second time does nothing."""
    with _lock:
        if service not in PATCHED_SERVICES or service in _applied:
            return
        patches: tuple[Callable[[], None], ...] = import_module(f"localcloud.moto_patches.{service}").PATCHES
        for patch in patches:
            patch()
        _applied.add(service)
