"""OpenID Connect providers of IAM: whose tokens an account believes."""

import re
from collections.abc import Iterator
from typing import Any, Final

from localcloud.provider.adapter import TAGS_ALL, Adapter, Properties, as_set
from localcloud.provider.aws import tags
from localcloud.provider.aws.iam import ABSENT
from localcloud.provider.clients import ACCOUNT_ID, PARTITION, Cloud
from seawall.errors import InvalidInput

LONGEST_URL: Final = 255  # characters
LONGEST_CLIENT_ID: Final = 255  # characters
MOST_CLIENT_IDS: Final = 100
MOST_THUMBPRINTS: Final = 5
SCHEME: Final = "https://"
_THUMBPRINT: Final = re.compile(r"[0-9a-fA-F]{40}")  # of SHA-1


def _bare(url: Any) -> Any:
    """Normalizer: IAM tells the address without its scheme."""
    return url.removeprefix(SCHEME) if isinstance(url, str) else url


def _create(cloud: Cloud, inputs: Properties, reference: str) -> str:
    answer = cloud.client("iam").create_open_id_connect_provider(
        Url=SCHEME + _bare(inputs["url"]),
        ClientIDList=inputs["clientIdLists"],
        ThumbprintList=inputs.get("thumbprintLists", []),
        Tags=tags.as_list({tags.REFERENCE_TAG: reference}),
    )
    return answer["OpenIDConnectProviderArn"]


def _labels(client: Any, arn: str) -> dict[str, str]:
    return tags.as_map(client.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"])


def _find(cloud: Cloud, inputs: Properties, reference: str) -> str | None:
    client = cloud.client("iam")
    if "url" in inputs:
        arns = [f"arn:{PARTITION}:iam::{ACCOUNT_ID}:oidc-provider/{_bare(inputs['url'])}"]
    else:
        arns = [each["Arn"] for each in client.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    return tags.marked(arns, lambda arn: _labels(client, arn), reference, {ABSENT})


def _finish(cloud: Cloud, id_: str, inputs: Properties) -> None:
    client = cloud.client("iam")
    tags.bring(
        _labels(client, id_),
        inputs,
        lambda changed: client.tag_open_id_connect_provider(OpenIDConnectProviderArn=id_, Tags=tags.as_list(changed)),
        lambda removed: client.untag_open_id_connect_provider(OpenIDConnectProviderArn=id_, TagKeys=removed),
    )


def _read(cloud: Cloud, id_: str, known: Properties) -> Properties | None:
    del known
    client = cloud.client("iam")
    found = client.get_open_id_connect_provider(OpenIDConnectProviderArn=id_)
    return {
        "url": found["Url"],
        "clientIdLists": found["ClientIDList"],
        "thumbprintLists": found["ThumbprintList"],
        "arn": id_,
        TAGS_ALL: tags.without_reference(_labels(client, id_)),
    }


def _update(cloud: Cloud, id_: str, state: Properties, inputs: Properties) -> None:
    client = cloud.client("iam")
    current, wanted = set(state.get("clientIdLists", [])), set(inputs["clientIdLists"])
    for added in sorted(wanted - current):
        client.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=id_, ClientID=added)
    for removed in sorted(current - wanted):
        client.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=id_, ClientID=removed)
    prints = inputs.get("thumbprintLists")
    if prints and as_set(prints) != as_set(state.get("thumbprintLists", [])):
        client.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=id_, ThumbprintList=prints)
    _finish(cloud, id_, inputs)


def _delete(cloud: Cloud, id_: str, state: Properties) -> None:
    del state
    cloud.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=id_)


def _refusals(inputs: Properties) -> Iterator[InvalidInput]:
    url, clients, prints = (inputs.get(name) for name in ("url", "clientIdLists", "thumbprintLists"))
    if isinstance(url, str) and (len(url) > LONGEST_URL or "://" in _bare(url) or not _bare(url)):
        yield InvalidInput("url", url, allowed=f"an https:// address of at most {LONGEST_URL} characters")
    if isinstance(clients, list):
        if not 1 <= len(clients) <= MOST_CLIENT_IDS:
            yield InvalidInput("clientIdLists", len(clients), allowed=f"1 to {MOST_CLIENT_IDS} client ids")
        for client in clients:
            if isinstance(client, str) and not 1 <= len(client) <= LONGEST_CLIENT_ID:
                yield InvalidInput("clientIdLists", client, allowed=f"1 to {LONGEST_CLIENT_ID} characters each")
    if isinstance(prints, list):
        if len(prints) > MOST_THUMBPRINTS:
            yield InvalidInput("thumbprintLists", len(prints), allowed=f"at most {MOST_THUMBPRINTS}")
        for thumbprint in prints:
            if isinstance(thumbprint, str) and not _THUMBPRINT.fullmatch(thumbprint):
                yield InvalidInput("thumbprintLists", thumbprint, allowed="40 hexadecimal digits each")


OPEN_ID_CONNECT_PROVIDER: Final = Adapter(
    resource_type="aws:iam/openIdConnectProvider:OpenIdConnectProvider",
    inputs={"clientIdLists": [str], "tags": dict, "thumbprintLists": [str], "url": str},
    required=frozenset({"clientIdLists", "url"}),
    regional=False,
    replaces=frozenset({"url"}),
    keeps=frozenset({"thumbprintLists"}),
    computed=frozenset({"arn"}),
    normalizers={"clientIdLists": as_set, "thumbprintLists": as_set, "url": _bare},
    absent_codes=frozenset({ABSENT}),
    refusals=_refusals,
    create=_create,
    finish=_finish,
    find=_find,
    read=_read,
    update=_update,
    delete=_delete,
)
