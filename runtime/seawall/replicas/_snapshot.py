"""How a router stands, for metrics and health pages."""

import math

from seawall.replicas._core import UNMEASURED, Core, Standing
from seawall.replicas._model import ReaderState, ReplicaSnapshot, RouterSnapshot

__all__ = ["snapshot_of"]


def snapshot_of(core: Core) -> RouterSnapshot:
    """The router at one moment. O(n)."""
    standing = core.standing
    now = core.now()
    if now > standing.expires:
        standing = core.refresh()
    with core.lock:
        return RouterSnapshot(
            name=core.name,
            writer=standing.writer,
            trouble=standing.trouble,
            epoch=standing.epoch,
            generation=standing.generation,
            lease_seconds=max(0.0, core.lease.until - now),
            servers=tuple(_one(core, standing, name, now) for name in standing.servers),
            choices=tuple((name, reason, count) for (name, reason), count in sorted(core.choices.items())),
            waits=core.waits,
            waits_in_vain=core.waits_in_vain,
            refused_reads=core.refused_reads,
            refused_writes=core.refused_writes,
            lost_writes=core.lost_writes,
        )


def _one(core: Core, standing: Standing, name: str, now: float) -> ReplicaSnapshot:
    seen = core.seen(name)
    failures = seen.failures if seen is not None else 0
    error = core.errors.get(name)
    server = standing.servers[name]
    if name == standing.current and core.is_writer(name):
        return ReplicaSnapshot(
            server=server,
            state=ReaderState.WRITER,
            lag_seconds=0.0,
            lag_bytes=0,
            failures=failures,
            last_error=error,
        )
    reading = standing.readings.get(name, UNMEASURED)  # of a writer that is none any more nothing is known as a reader
    lag = now - reading.fresh_as_of if reading.fresh_as_of > -math.inf else math.inf
    return ReplicaSnapshot(
        server=server,
        state=reading.state,
        lag_seconds=lag,
        lag_bytes=reading.lag_bytes,
        failures=failures,
        last_error=error,
    )
