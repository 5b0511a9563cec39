"""SSM: the sizes and tiers of parameters."""

import inspect
from collections.abc import Callable
from typing import Any, Final

from moto.ssm import models
from moto.ssm.exceptions import ValidationException

LARGEST_VALUES: Final = {"Standard": 4096, "Advanced": 8192, "Intelligent-Tiering": 8192}  # bytes, by tier


def hold_values_to_their_tier() -> None:
    """moto takes values of any size, and any change of tier.

    AWS: a standard parameter holds 4 KB and an advanced one 8 KB; intelligent tiering makes an advanced one of a value
    over 4 KB; an advanced parameter never becomes a standard one, it is made anew.
    """
    original: Callable[..., models.Parameter] = models.SimpleSystemManagerBackend.put_parameter

    takes = inspect.signature(original)

    def put_parameter(self: Any, *arguments: Any, **keywords: Any) -> models.Parameter:
        named = takes.bind(self, *arguments, **keywords).arguments
        name = named["name"]
        versions = self._parameters.get(name, [])
        before = versions[-1].tier if versions else None
        tier = named.get("tier") or before or self.default_parameter_tier
        size = len((named.get("value") or "").encode())
        if tier in LARGEST_VALUES and size > LARGEST_VALUES[tier]:
            raise ValidationException(
                f"{tier} tier parameters support a maximum parameter value of {LARGEST_VALUES[tier]} characters."
            )
        if tier == "Intelligent-Tiering":
            tier = "Advanced" if size > LARGEST_VALUES["Standard"] or before == "Advanced" else "Standard"
        if named.get("overwrite") and before == "Advanced" and tier == "Standard":
            raise ValidationException(
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the"
                " advanced-parameter tier to the standard-parameter tier."
            )
        return original(**{**named, "tier": tier})

    models.SimpleSystemManagerBackend.put_parameter = put_parameter  # type: ignore[method-assign]


PATCHES: Final = (hold_values_to_their_tier,)
