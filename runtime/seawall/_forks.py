"""What is put right in a forked child: locks that the parent's threads held, and then those threads themselves.

Only the thread that forked exists in the child. A lock that another one held stays locked for ever, and what that thread
was about to do is never done.
"""

import os
import weakref
from typing import Final, Protocol

__all__ = ["ForkAware", "fork_aware", "renew_after_fork"]


class ForkAware(Protocol):
    """Something with locks or a thread of its own."""

    def after_fork(self) -> None:
        """Make locks anew, and forget what the parent's threads had under way. Called in the child alone."""
        ...


_states: Final = weakref.WeakSet[ForkAware]()
_threads: Final = weakref.WeakSet[ForkAware]()  # start only when every lock is a new one


def renew_after_fork(what: ForkAware, *, starts_thread: bool = False) -> None:
    """Call `what.after_fork()` in each forked child, for as long as `what` lives.

    Args:
        what: Held weakly.
        starts_thread: Whether it starts a thread there; those come last.
    """
    (_threads if starts_thread else _states).add(what)


def fork_aware() -> list[ForkAware]:
    """All that live now and start no thread."""
    while True:
        try:
            return list(_states)
        except RuntimeError:  # another thread made one meanwhile
            continue


def _after_fork() -> None:
    for each in [*fork_aware(), *_threads]:
        each.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
