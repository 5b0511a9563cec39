"""The four calls of a type that is only recorded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from localcloud.provider import recorded
from localcloud.provider.adapter import Properties
from localcloud.provider.clients import Cloud
from localcloud.provider.recorded import RecordedObject


def recorded_calls(
    token: str,
    *,
    id_of: Callable[[Properties, str], str],
    outputs: Callable[[Cloud, str, Properties], Properties],
) -> dict[str, Any]:
    """What an `Adapter` needs to keep its objects in the file of recorded-only ones.

    Args:
        token: The type's.
        id_of: The id that the service would give, by the inputs and the reference of the creation.
        outputs: What the service would compute, given the id.
    """

    def keep(cloud: Cloud, id_: str, inputs: Properties) -> None:
        one = RecordedObject(token, cloud.region, id_, {**inputs, **outputs(cloud, id_, inputs)})
        recorded.keep(Path(cloud.recorded_file), one)

    def create(cloud: Cloud, inputs: Properties, reference: str) -> str:
        id_ = id_of(inputs, reference)
        keep(cloud, id_, inputs)  # writing the same again does no harm
        return id_

    def read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
        del known
        found = recorded.find(Path(cloud.recorded_file), token, cloud.region, id_)
        return dict(found.properties) if found else None

    def update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
        del state
        keep(cloud, id_, inputs)

    def delete(cloud: Cloud, id_: str, state: Properties) -> None:
        del state
        recorded.forget(Path(cloud.recorded_file), token, cloud.region, id_)

    return {"create": create, "read": read, "update": update, "delete": delete, "recorded_only": True}
