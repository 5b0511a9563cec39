"""What runs inside Redis: each script reads the whole state of one breaker, may change it, and answers with a view of it.

A script is atomic, and the server's own clock dates all that is shared.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    import redis

__all__ = ["Scripts"]

# All scripts: KEYS[1] is the hash of the state, KEYS[2] the sorted set of leases by their end. ARGV[1] is the generation
# that the caller knows. Fields: g generation, s state, u end of the wait in microseconds, f, w, k failed, slow and good
# trials. Numbers are formatted, since Lua would write microseconds with an exponent.
_HEAD: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local h = redis.call('HMGET', KEYS[1], 'g', 's', 'u', 'f', 'w', 'k')
local g, s, u = tonumber(h[1] or '0'), h[2] or 'none', tonumber(h[3] or '0')
local f, w, k = tonumber(h[4] or '0'), tonumber(h[5] or '0'), tonumber(h[6] or '0')
local known = tonumber(ARGV[1])
local function view(granted)
  return {g, s, string.format('%.0f', math.max(0, u - now)), granted}
end
local function write(state, wait, kept)
  g, s, u = math.max(g, known) + 1, state, now + wait
  redis.call('HSET', KEYS[1], 'g', g, 's', s, 'u', string.format('%.0f', u), 'f', 0, 'w', 0, 'k', 0)
  redis.call('DEL', KEYS[2])
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', kept))
end
"""
_READ: Final = _HEAD + "return view(0)"
# ARGV: known, wait, kept in milliseconds. Whoever was faster wins, if it is still open.
_OPEN: Final = (
    _HEAD
    + """
if g <= known then write('open', tonumber(ARGV[2]), tonumber(ARGV[3])) end
return view(0)
"""
)
# ARGV: known, unused, kept.
_CLOSE: Final = (
    _HEAD
    + """
if g <= known and s == 'open' then write('closed', 0, tonumber(ARGV[3])) end
return view(0)
"""
)
# ARGV: known, token, lease in microseconds, permitted. A token that is out already is renewed.
_CLAIM: Final = (
    _HEAD
    + """
if g ~= known or s ~= 'open' or u > now then return view(0) end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
if not redis.call('ZSCORE', KEYS[2], ARGV[2]) then
  if redis.call('ZCARD', KEYS[2]) + f + k >= tonumber(ARGV[4]) then return view(0) end
end
redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[3]), ARGV[2])
redis.call('PEXPIRE', KEYS[2], string.format('%.0f', math.ceil(ARGV[3] / 1000)))
return view(1)
"""
)
# ARGV: known, token, outcome (good, failed), slow (0, 1), permitted, failures and slow calls that open, wait, kept.
_SETTLE: Final = (
    _HEAD
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
local held = redis.call('ZREM', KEYS[2], ARGV[2])
if held == 0 or g ~= known or s ~= 'open' then return view(0) end
if ARGV[3] == 'failed' then f = f + 1 else k = k + 1 end
w = w + ARGV[4]
if f >= tonumber(ARGV[6]) or w >= tonumber(ARGV[7]) then
  write('open', tonumber(ARGV[8]), tonumber(ARGV[9]))
elseif f + k >= tonumber(ARGV[5]) then
  write('closed', 0, tonumber(ARGV[9]))
else
  redis.call('HSET', KEYS[1], 'f', f, 'w', w, 'k', k)
end
return view(1)
"""
)
# ARGV: known, token.
_RELEASE: Final = (
    _HEAD
    + """
redis.call('ZREM', KEYS[2], ARGV[2])
return view(0)
"""
)


class Scripts:
    """The scripts, registered once per client; one that Redis has lost in a restart is sent again by the client."""

    def __init__(self, client: "redis.Redis") -> None:
        register = cast("Callable[[str], Callable[..., Any]]", client.register_script)
        self.read: Final = register(_READ)
        self.open: Final = register(_OPEN)
        self.close: Final = register(_CLOSE)
        self.claim: Final = register(_CLAIM)
        self.settle: Final = register(_SETTLE)
        self.release: Final = register(_RELEASE)
