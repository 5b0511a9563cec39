"""A pause in a coroutine, whatever event loop runs it."""

import sys
from typing import Any, cast

__all__ = ["sleep_async"]


async def sleep_async(seconds: float) -> None:
    """Pause for so long, under asyncio or trio."""
    trio = cast("Any", sys.modules.get("trio"))  # never imported here: an app that runs on it has
    if trio is not None and trio.lowlevel.in_trio_run():
        await trio.sleep(seconds)
    else:
        import asyncio  # 30 ms, which sync apps need not pay

        await asyncio.sleep(seconds)
