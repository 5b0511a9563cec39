"""Breakers that agree across processes, through Redis.

What is shared: that a breaker is open and until when, a generation, and the leases of half-open trials. What stays local:
windows, and orders from people (`force_open`, `disable`, `metrics_only`). A breaker that opens in one process opens in
all; when its wait is over, `permitted_calls_in_half_open` trials are made by all processes together, and their outcomes
decide for all.

No guarded call does I/O, in no state, sync or async: one worker thread talks to Redis. A call that finds a trial due is
rejected and asks the worker for a lease; a following call is the trial. When Redis is away every breaker goes on alone, as
if it were not shared; when Redis is back, the processes return one after another, and trials need leases again.

What holds (the scripts are atomic, and Redis' own clock is the only one that dates anything shared):

1. A state is replaced only by a process that knows its generation; every replacement adds one.
2. Leases that are out, plus trials whose outcome is known, are never more than are permitted in one generation.
3. An outcome counts only with a lease that is still out and of the current generation.
4. A lease whose process died ends by itself.

One exception keeps rare traffic alive: a process whose lease ended unused, because no call came, makes its next trial
without one. At most one call per process and lease time is made like that.
"""

from seawall.breaker_redis._shared import SharedBreakers, connect

__all__ = ["SharedBreakers", "connect"]
