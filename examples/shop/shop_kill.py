"""Kill one region's instances under load, and count what clients see: ours beside a plain httpx client, in one run.

`python examples/shop/shop_kill.py` prints the table; `--write` puts it into the README.

Both clients make the same calls at once: GETs, and every tenth a POST, which is never sent twice. The plain client talks
to the region's first instance, as one does who has resolved the service's name. A call counts as retried when it was sent
more than once.
"""

import argparse
import asyncio
import itertools
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # run as a file, from anywhere

import httpx  # noqa: E402
from shop.endpoints import following_selector, shop_client  # noqa: E402
from shop_fleet import PRIMARY, STANDBY, Fleet  # noqa: E402

from seawall.events import Event  # noqa: E402
from seawall.selector import ActiveChanged, Endpoint  # noqa: E402
from seawall.topology import FileSource  # noqa: E402
from seawall.watch import TopologyWatch  # noqa: E402
from seawall.worker import Worker  # noqa: E402

TASKS: Final = 8  # callers of each client, one call at a time each
BEFORE_SECONDS: Final = 1.0
AFTER_SECONDS: Final = 2.0
PAUSE_SECONDS: Final = 0.02  # of a caller after a failure
POST_EVERY: Final = 10
CALL_HEADER: Final = "X-Call"  # tells a call's second sending from another call
TLS: Final = httpx.create_ssl_context()
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


@dataclass(slots=True)
class Calls:
    """What one client saw."""

    made: int = 0
    failed_gets: list[float] = field(default_factory=list[float])
    """When they began, in seconds of `time.monotonic`."""
    failed_posts: list[float] = field(default_factory=list[float])
    sent: Counter[str] = field(default_factory=Counter[str])
    """How often each call was sent; of the plain client nothing is counted."""
    begun: dict[str, float] = field(default_factory=dict[str, float])
    """When each call began."""

    @property
    def retried(self) -> list[float]:
        """When the calls began that were sent more than once."""
        return [self.begun[call] for call, times in self.sent.items() if times > 1]

    @property
    def failed(self) -> int:
        """Calls that ended in an error or a 5xx."""
        return len(self.failed_gets) + len(self.failed_posts)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One kill, under both clients."""

    region: str
    ours: Calls
    plain: Calls
    killed_at: float
    switched_at: float | None
    """When our selector used another region; `None`: never."""

    @property
    def retried_after_switch(self) -> int:
        """Calls that began when the threshold had been reached, and still had to be sent again."""
        return self._count(self.ours.retried)

    @property
    def failed_after_switch(self) -> int:
        """Calls of ours that failed although they began when the threshold had been reached."""
        return self._count(self.ours.failed_gets + self.ours.failed_posts)

    def _count(self, began: Iterable[float]) -> int:
        switched = self.switched_at
        return 0 if switched is None else sum(at > switched for at in began)

    @property
    def switch_seconds(self) -> float | None:
        """From the kill to the other region."""
        return None if self.switched_at is None else self.switched_at - self.killed_at


class Counted(httpx.AsyncHTTPTransport):
    """httpx's own transport; notes what is sent."""

    def __init__(self, calls: Calls) -> None:
        super().__init__(verify=TLS)
        self._calls = calls

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._calls.sent[request.headers[CALL_HEADER]] += 1
        return await super().handle_async_request(request)


async def load(client: httpx.AsyncClient, calls: Calls, until: Callable[[], bool]) -> None:
    """Call until told to stop, from several callers at once."""
    numbers = itertools.count()

    async def caller() -> None:
        while not until():
            number = next(numbers)
            post = number % POST_EVERY == 0
            calls.made += 1
            began = calls.begun[str(number)] = time.monotonic()
            headers = {CALL_HEADER: str(number)}
            try:
                if post:
                    answer = await client.post("/orders", json={"product": "lamp"}, headers=headers)
                else:
                    answer = await client.get("/products", headers=headers)
                failed = answer.is_server_error
            except httpx.HTTPError:
                failed = True
            if failed:
                (calls.failed_posts if post else calls.failed_gets).append(began)
                await asyncio.sleep(PAUSE_SECONDS)

    await asyncio.gather(*(caller() for _ in range(TASKS)))


async def kill_under_load(
    fleet: Fleet, region: str, *, before_seconds: float = BEFORE_SECONDS, after_seconds: float = AFTER_SECONDS
) -> Outcome:
    """Kill a region's instances while both clients call."""
    switched: list[float] = []

    def note(event: Event) -> None:
        if isinstance(event, ActiveChanged) and event.current is not None and regions[event.current] != region:
            switched.append(time.monotonic())

    with Worker("client") as worker:
        topology = TopologyWatch(FileSource(fleet.topology), worker=worker)
        selector = following_selector(topology, worker, fleet.instances)
        regions = {each.name: each.region for each in selector.endpoints}
        selector.events.subscribe(note)
        ours, plain = Calls(), Calls()

        def counted(_: Endpoint) -> Counted:
            return Counted(ours)

        async with (
            shop_client(selector, make_transport=counted) as client,
            httpx.AsyncClient(base_url=fleet.instances[PRIMARY][0], timeout=2.0) as other,
        ):
            ends = time.monotonic() + before_seconds + after_seconds
            loads = [
                asyncio.create_task(load(each, calls, lambda: time.monotonic() > ends))
                for each, calls in ((client, ours), (other, plain))
            ]
            await asyncio.sleep(before_seconds)
            killed_at = time.monotonic()
            fleet.kill(region)
            await asyncio.gather(*loads)
    return Outcome(region, ours, plain, killed_at, switched[0] if switched else None)


def table(outcomes: list[Outcome]) -> str:
    """The README's table."""
    lines = [
        "| killed | client | calls | retried | failed GETs | failed POSTs | failed after the switch | switched after |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in outcomes:
        role = "primary" if each.region == PRIMARY else "standby"
        took = "not needed" if each.switch_seconds is None else f"{each.switch_seconds * 1000:.0f} ms"
        lines.append(
            f"| both instances of the {role} region | ours | {each.ours.made:,} | {len(each.ours.retried)} | "
            f"{len(each.ours.failed_gets)} | {len(each.ours.failed_posts)} | {each.failed_after_switch} | {took} |"
        )
        lines.append(
            f"| | plain httpx | {each.plain.made:,} | - | {len(each.plain.failed_gets):,} | "
            f"{len(each.plain.failed_posts)} | - | never |"
        )
    return "\n".join(lines)


def missed(outcome: Outcome) -> list[str]:
    """What of the promise was not kept."""
    ours = outcome.ours
    checks = {
        "an idempotent call failed": not ours.failed_gets,
        "a call that began after the switch was retried": not outcome.retried_after_switch,
        "a call that began after the switch failed": not outcome.failed_after_switch,
        "more was retried or failed than was under way": len(ours.retried) + ours.failed <= 2 * TASKS,
        "the load was too small to mean anything": ours.made >= 5 * TASKS,
    }
    if outcome.region == PRIMARY:
        checks["the client stayed with a dead region"] = outcome.switched_at is not None
    else:
        checks["the standby's death was felt"] = not ours.retried and not ours.failed
    return [what for what, kept in checks.items() if not kept]


def main() -> int:
    """Kill each region once; 1 when the promise was not kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    write = parser.parse_args().write
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the fleet is ended as well
    outcomes: list[Outcome] = []
    for region in (PRIMARY, STANDBY):
        with tempfile.TemporaryDirectory() as folder, Fleet(Path(folder)) as fleet:
            outcomes.append(asyncio.run(kill_under_load(fleet, region)))
    text = table(outcomes)
    print(text)  # noqa: T201 - what it is for
    if write:
        readme = HERE / "README.md"
        before, rest = readme.read_text(encoding="utf-8").split(BEGIN)
        _, after = rest.split(END)
        readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    broken = [f"{outcome.region}: {what}" for outcome in outcomes for what in missed(outcome)]
    for line in broken:
        print(f"missed: {line}", file=sys.stderr)  # noqa: T201
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
