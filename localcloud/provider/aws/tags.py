"""Tags in the forms of the APIs."""

from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Properties
from localcloud.provider.clients import Cloud
from localcloud.provider.failures import is_absent

REFERENCE_TAG: Final = "seawall:creation"  # finds what a killed run made, where the API knows no token


def as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    """As most APIs want them."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def as_map(tags: list[dict[str, Any]] | None) -> dict[str, str]:
    """As the program knows them."""
    return {tag["Key"]: tag["Value"] for tag in tags or []}


def differences(current: dict[str, str], wanted: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """What to set, and which keys to remove. AWS's own tags stay."""
    changed = {key: value for key, value in wanted.items() if current.get(key) != value}
    return changed, sorted(key for key in current.keys() - wanted.keys() if not key.startswith("aws:"))


def bring(
    current: dict[str, str],
    inputs: Properties,
    add: Callable[[dict[str, str]], object],
    remove: Callable[[list[str]], object],
) -> None:
    """Bring the tags of something to `tagsAll`; AWS's own and the one of the creation stay.

    Args:
        current: Its tags.
        inputs: With `tagsAll`.
        add: The call that sets some tags; left out when there are none to set.
        remove: The call that removes tags with some keys; likewise.
    """
    changed, removed = differences(without_reference(current), inputs.get(TAGS_ALL, {}))
    if changed:
        add(changed)
    if removed:
        remove(removed)


def route53_read(cloud: Cloud, kind: str, id_: str) -> dict[str, str]:
    """Tags of a zone (`hostedzone`) or a health check (`healthcheck`)."""
    answer = cloud.client("route53").list_tags_for_resource(ResourceType=kind, ResourceId=id_)
    return as_map(answer["ResourceTagSet"]["Tags"])


def route53_write(cloud: Cloud, kind: str, id_: str, inputs: Properties) -> None:
    """Bring its tags to `tagsAll`."""
    changed, removed = differences(route53_read(cloud, kind, id_), inputs.get(TAGS_ALL, {}))
    if changed or removed:
        changes: dict[str, Any] = {"AddTags": as_list(changed), "RemoveTagKeys": removed}
        cloud.client("route53").change_tags_for_resource(
            ResourceType=kind, ResourceId=id_, **{name: value for name, value in changes.items() if value}
        )


def arn_write(client: Any, arn: str, inputs: Properties, *, name: str) -> None:
    """Bring tags to `tagsAll` in the APIs that know a resource by its ARN (CloudWatch, SNS, ...).

    Args:
        client: The service's.
        arn: The resource's.
        inputs: With `tagsAll`.
        name: Of the ARN's parameter: `ResourceARN`, `ResourceArn`.
    """
    bring(
        as_map(client.list_tags_for_resource(**{name: arn})["Tags"]),
        inputs,
        lambda changed: client.tag_resource(**{name: arn, "Tags": as_list(changed)}),
        lambda removed: client.untag_resource(**{name: arn, "TagKeys": removed}),
    )


def ec2_creation(kind: str, reference: str) -> list[dict[str, Any]]:
    """The tag by which the object of a killed run is found: EC2's creations know no token of ours."""
    return [{"ResourceType": kind, "Tags": as_list({REFERENCE_TAG: reference})}]


def ec2_made_with(reference: str) -> list[dict[str, Any]]:
    """The filter by which a description finds that object."""
    return [{"Name": f"tag:{REFERENCE_TAG}", "Values": [reference]}]


def ec2_write(client: Any, id_: str, current: dict[str, str], inputs: Properties) -> None:
    """Bring the tags of something in EC2 to `tagsAll`.

    Args:
        client: Of EC2.
        id_: The object's.
        current: Its tags.
        inputs: With `tagsAll`.
    """
    bring(
        current,
        inputs,
        lambda changed: client.create_tags(Resources=[id_], Tags=as_list(changed)),
        lambda removed: client.delete_tags(Resources=[id_], Tags=[{"Key": key} for key in removed]),
    )


def marked(
    ids: Iterable[str], labels: Callable[[str], dict[str, str]], reference: str, absent: Collection[str]
) -> str | None:
    """The first of some objects that a creation has marked; one that is not there has no mark.

    Args:
        ids: Of the objects.
        labels: The tags of one.
        reference: The creation's.
        absent: The codes by which the service says that there is no such object.
    """
    for id_ in ids:
        try:
            if labels(id_).get(REFERENCE_TAG) == reference:
                return id_
        except Exception as error:
            if not is_absent(error, absent):
                raise
    return None


def without_reference(labels: dict[str, str]) -> dict[str, str]:
    """The tags without the one of the creation."""
    return {key: value for key, value in labels.items() if key != REFERENCE_TAG}
