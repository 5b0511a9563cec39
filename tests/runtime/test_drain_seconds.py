"""How long an instance drains: what whoever deploys it has declared, unless the app says otherwise."""

import signal

import pytest

from seawall.contract import DRAIN_SECONDS, DRAIN_SECONDS_VARIABLE
from seawall.errors import InvalidInput
from seawall.health import HealthRegistry, draining_on_signals


class Loop:
    """Stands for the running loop: keeps what is to happen later."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def call_soon_threadsafe(self, call, seconds, *arguments) -> None:
        """As asyncio's, for `call_later`."""
        call(seconds, *arguments)

    def call_later(self, seconds, *arguments) -> None:
        """Never happens here."""
        self.waits.append(seconds)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("declared", "asked", "waited"),
    [(None, None, DRAIN_SECONDS), ("42", None, 42.0), ("42", 7.0, 7.0), ("0", None, 0.0)],
)
async def test_an_instance_drains_as_long_as_was_declared(monkeypatch, declared, asked, waited):
    """The pod's own patience was chosen for that number: a longer drain would be killed, a shorter one refuses requests."""
    if declared is None:
        monkeypatch.delenv(DRAIN_SECONDS_VARIABLE, raising=False)
    else:
        monkeypatch.setenv(DRAIN_SECONDS_VARIABLE, declared)
    loop = Loop()
    monkeypatch.setattr("seawall.health._drain.asyncio.get_running_loop", lambda: loop)
    before = signal.getsignal(signal.SIGTERM)
    async with draining_on_signals(HealthRegistry(), wait_seconds=asked):
        monkeypatch.undo()
        signal.raise_signal(signal.SIGTERM)
    assert loop.waits == [waited]
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("declared", "line"),
    [
        ("soon", f"{DRAIN_SECONDS_VARIABLE} = soon: a number of seconds"),
        ("-1", "wait_seconds = -1.0: 0 seconds or more"),
        ("nan", "wait_seconds = nan: 0 seconds or more"),
    ],
)
async def test_what_is_no_time_stops_the_start_in_one_line(monkeypatch, declared, line):
    """Not the first signal, months later."""
    monkeypatch.setenv(DRAIN_SECONDS_VARIABLE, declared)
    with pytest.raises(InvalidInput) as caught:
        async with draining_on_signals(HealthRegistry()):
            pass
    assert str(caught.value) == line
