"""Which calls of AWS's APIs some code makes: recorded by botocore itself, as they go out."""

from typing import Any

from localcloud.provider.clients import Clients
from seawall_policies import IAM_NAMES

Called = tuple[str, str]  # botocore's name of the service, and of the operation


class CallRecorder:
    """Keeps every call of the clients that it watches."""

    def __init__(self) -> None:
        self.calls: set[Called] = set()

    def watch(self, client: Any) -> Any:
        """The client, watched from now on."""
        client.meta.events.register("before-call.*.*", self._note)
        return client

    def taken(self) -> set[str]:
        """The permissions that the calls since the last look take, as IAM names them."""
        names = {":".join(call) for call in self.calls}
        self.calls.clear()
        return {IAM_NAMES.get(name, name) for name in names}

    def _note(self, model: Any, **_: Any) -> None:
        self.calls.add((model.service_model.service_name, model.name))


class WatchedClients(Clients):
    """The local cloud's clients, every one of them watched."""

    def __init__(self, environment: dict[str, str], recorder: CallRecorder) -> None:
        super().__init__(environment)
        self._recorder = recorder

    def _make(self, service: str, region: str, endpoint: str) -> Any:
        return self._recorder.watch(super()._make(service, region, endpoint))
