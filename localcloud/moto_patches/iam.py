"""IAM: the audiences of an OpenID Connect provider."""

from typing import Any, Final

from moto.core.responses import ActionResult, EmptyResult
from moto.iam.models import OpenIDConnectProvider
from moto.iam.responses import IamResponse


def let_audiences_come_and_go() -> None:
    """moto knows a provider's client ids from its creation only: both operations that change them are missing.

    AWS: adding one that is there, and removing one that is not, are no errors.
    """

    def provider(self: Any) -> tuple[OpenIDConnectProvider, str]:
        found = self.backend.get_open_id_connect_provider(self._get_param("OpenIDConnectProviderArn"))
        return found, self._get_param("ClientID")

    def add_client_id_to_open_id_connect_provider(self: Any) -> ActionResult:
        found, client_id = provider(self)
        if client_id not in found.client_id_list:
            found.client_id_list.append(client_id)
        return EmptyResult()

    def remove_client_id_from_open_id_connect_provider(self: Any) -> ActionResult:
        found, client_id = provider(self)
        if client_id in found.client_id_list:
            found.client_id_list.remove(client_id)
        return EmptyResult()

    for operation in (add_client_id_to_open_id_connect_provider, remove_client_id_from_open_id_connect_provider):
        setattr(IamResponse, operation.__name__, operation)


PATCHES: Final = (let_audiences_come_and_go,)
