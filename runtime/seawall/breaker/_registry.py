"""Breakers by name, e.g. one per host: as many as are wanted, up to a limit."""

import random as random_module
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Final, NoReturn, final

from seawall._forks import renew_after_fork
from seawall.breaker._breaker import CircuitBreaker, core_of
from seawall.breaker._config import CircuitBreakerConfig
from seawall.breaker._phases import State
from seawall.clock import SYSTEM_CLOCK, Clock
from seawall.errors import CannotPickle, ConflictingConfig, InvalidInput, RegistryFull
from seawall.events import EventBus

__all__ = ["CircuitBreakerRegistry"]

EVICTION_LOOKS: Final = 64  # breakers looked at for an idle one before the registry says it is full


@final
class CircuitBreakerRegistry:
    """One breaker per name, made when first asked for.

    When `max_breakers` are held, the one that was asked for longest ago and is closed makes room: it forgets its window,
    which is all that a closed breaker knows. As long as somebody else holds on to it the same object is found again, so
    there are never two breakers for one name. Breakers in other states are kept.

    Args:
        default: Config of breakers that are asked for without one.
        max_breakers: At least 1. Names often come from outside (hosts, tenants); memory must not.
        clock: For all breakers made here.
        events: One bus for all breakers made here.
        random: For all breakers made here.

    Raises:
        InvalidInput: `max_breakers` below 1.
    """

    def __init__(
        self,
        default: CircuitBreakerConfig | None = None,
        *,
        max_breakers: int = 1000,
        clock: Clock = SYSTEM_CLOCK,
        events: EventBus | None = None,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        if max_breakers < 1:
            raise InvalidInput("max_breakers", max_breakers, allowed="at least 1")
        self._default: Final = CircuitBreakerConfig() if default is None else default
        self._max_breakers: Final = max_breakers
        self._clock: Final = clock
        self._events: Final = EventBus() if events is None else events
        self._random: Final = random
        self._lock = threading.RLock()
        self._held: OrderedDict[str, CircuitBreaker] = OrderedDict()  # least recently asked for first
        self._alive: weakref.WeakValueDictionary[str, CircuitBreaker] = weakref.WeakValueDictionary()
        renew_after_fork(self)

    @property
    def events(self) -> EventBus:
        """Where the events of all its breakers go."""
        return self._events

    def get(self, name: str, config: CircuitBreakerConfig | None = None) -> CircuitBreaker:
        """The breaker of that name.

        Args:
            name: The key.
            config: What it must have been made with; left out: the default for a new one, anything for an old one.

        Raises:
            ConflictingConfig: it exists with another config.
            RegistryFull: it does not exist, the registry is full, and no breaker in it is closed.
        """
        with self._lock:
            breaker = self._alive.get(name)
            known = breaker is not None
            if breaker is None:
                breaker = CircuitBreaker(
                    name,
                    self._default if config is None else config,
                    clock=self._clock,
                    events=self._events,
                    random=self._random,
                )
            elif config is not None and config != breaker.config:
                raise ConflictingConfig(name, _differences(config, breaker.config))
            if name in self._held:
                self._held.move_to_end(name)
            elif len(self._held) < self._max_breakers or self._make_room():
                # A finalizer or a signal handler may have asked for the same name meanwhile, in this very thread.
                breaker = self._alive.setdefault(name, breaker)
                self._held[name] = breaker
            elif not known:  # one that somebody else holds is handed out again even when there is no room for it
                raise RegistryFull(name, self._max_breakers)
            return breaker

    def _make_room(self) -> bool:
        """Let one closed breaker go; whether there was one."""
        for _ in range(min(EVICTION_LOOKS, len(self._held))):
            oldest, breaker = next(iter(self._held.items()))
            if core_of(breaker).phase.state is State.CLOSED:  # `breaker.state` might call subscribers
                del self._held[oldest]
                return True
            self._held.move_to_end(oldest)
        return False

    def after_fork(self) -> None:
        """In the child: a thread of the parent may have held the lock."""
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[CircuitBreaker]:
        """The breakers held now."""
        with self._lock:
            return iter(list(self._held.values()))

    def __contains__(self, name: object) -> bool:
        return name in self._held

    def __reduce__(self) -> NoReturn:
        raise CannotPickle("a CircuitBreakerRegistry")


def _differences(asked: CircuitBreakerConfig, has: CircuitBreakerConfig) -> list[str]:
    """One `field = asked (has ...)` per field in which two configs differ."""
    return [
        f"{field.name} = {getattr(asked, field.name)!r} (has {getattr(has, field.name)!r})"
        for field in fields(CircuitBreakerConfig)
        if getattr(asked, field.name) != getattr(has, field.name)
    ]
