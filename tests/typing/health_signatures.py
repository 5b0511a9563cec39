"""What a type checker says of health checks: a dependency in liveness is an error before anything runs.

Not run, only checked.
"""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from seawall.health import (
    BreakerCheck,
    Check,
    DatabaseCheck,
    DiskCheck,
    HealthRegistry,
    HttpCheck,
    MemoryCheck,
    RedisCheck,
    SelfCheck,
)


def register(registry: HealthRegistry, database: DatabaseCheck, breaker: BreakerCheck) -> None:
    registry.liveness(SelfCheck("loop", lambda: True))
    registry.liveness(MemoryCheck(0.9))
    registry.readiness(database, critical=True, timeout_seconds=0.5, ttl_seconds=5.0)
    registry.readiness(MemoryCheck(), critical=False)
    registry.startup(breaker)

    registry.liveness(database)  # pyright: ignore[reportArgumentType]
    registry.liveness(breaker)  # pyright: ignore[reportArgumentType]
    registry.liveness(RedisCheck(object()))  # pyright: ignore[reportArgumentType]
    registry.liveness(HttpCheck("https://shop.example"))  # pyright: ignore[reportArgumentType]
    registry.liveness(DiskCheck())  # pyright: ignore[reportArgumentType]
    registry.liveness(Check("anything", lambda: True))  # pyright: ignore[reportArgumentType]
