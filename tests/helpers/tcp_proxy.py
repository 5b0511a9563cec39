"""A network between a client and a server on loopback, which can be cut, swallow everything, or be slow."""

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections import deque
from enum import Enum
from types import TracebackType
from typing import Final, Self

LOOPBACK: Final = "127.0.0.1"
CHUNK_BYTES: Final = 65_536
TICK_SECONDS: Final = 0.05  # the longest wait between two looks at what is to be done
RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER with no time to linger: close() sends RST


class Mode(Enum):
    """What the network does."""

    PASS = "pass"
    CUT = "cut"
    STALL = "stall"
    HOLD_ANSWERS = "hold answers"


class TcpProxy:
    """Forwards connections to a port of this machine. Use it with `with`; all is done in one thread.

    Args:
        target_port: Of the server, which need not run.
        delay_seconds: How long each piece of data is kept, in each direction.
        host: An address of loopback to listen on.
        port: To listen on; 0: any that is free.
    """

    def __init__(self, target_port: int, *, delay_seconds: float = 0.0, host: str = LOOPBACK, port: int = 0) -> None:
        self.delay_seconds = delay_seconds
        self.host: Final = host
        self.accepted = 0
        """Connections taken so far, of which a new one tells that a client came back."""
        self._target: Final = (LOOPBACK, target_port)
        self._lock: Final = threading.Lock()
        self._mode = Mode.PASS
        self._pairs: list[_Pair] = []
        self._swallowed: list[socket.socket] = []
        self._ended = False
        self._listener: socket.socket | None = socket.create_server((host, port))
        self.port: Final[int] = self._listener.getsockname()[1]
        self._waker, self._woken = socket.socketpair()
        self._thread: Final = threading.Thread(target=self._run, name=f"proxy of {target_port}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        self._waker.send(b"!")
        self._thread.join(10)
        with self._lock:
            self._drop_all()
        for end in (self._listener, self._waker, self._woken):
            if end is not None:
                end.close()

    @property
    def address(self) -> str:
        """Where it listens, `host:port`."""
        return f"{self.host}:{self.port}"

    @property
    def connections(self) -> int:
        """How many are open now."""
        with self._lock:
            return len(self._pairs)

    def restore(self) -> None:
        """Forward again. What was swallowed by a stall arrives late; what was cut stays cut."""
        self._change(Mode.PASS)

    def cut(self) -> None:
        """Reset all connections, on both sides, and refuse new ones."""
        self._change(Mode.CUT)

    def stall(self) -> None:
        """Become a black hole: nothing is forwarded, new connections are taken and never answered."""
        self._change(Mode.STALL)

    def hold_answers(self) -> None:
        """Let everything reach the server and nothing come back."""
        self._change(Mode.HOLD_ANSWERS)

    def _change(self, mode: Mode) -> None:
        with self._lock:
            self._mode = mode
            if mode is Mode.CUT:
                self._drop_all()
                if self._listener is not None:
                    self._listener.close()
                    self._listener = None
            elif self._listener is None:
                self._listener = socket.create_server((self.host, self.port))
            if mode is not Mode.STALL:
                for client in self._swallowed:
                    self._join(client)
                self._swallowed.clear()
        self._waker.send(b"!")

    def _drop_all(self) -> None:
        for pair in self._pairs:
            pair.reset()
        self._pairs.clear()
        for client in self._swallowed:
            _reset(client)
        self._swallowed.clear()

    def _run(self) -> None:
        while not self._ended:
            self._look()

    def _look(self) -> None:
        with selectors.DefaultSelector() as selector:
            with self._lock:
                selector.register(self._woken, selectors.EVENT_READ)
                if self._listener is not None:
                    selector.register(self._listener, selectors.EVENT_READ)
                for pair in self._pairs:
                    for way in self._open(pair):
                        if not way.ended:
                            selector.register(way.source, selectors.EVENT_READ, way)
                wait = min(TICK_SECONDS, self._next_due())
            ready = selector.select(wait)
            with self._lock:
                for key, _ in ready:
                    if key.fileobj is self._woken:
                        self._woken.recv(CHUNK_BYTES)
                    elif isinstance(key.data, _Way):
                        key.data.receive(self.delay_seconds)
                    elif key.fileobj is self._listener:
                        self._accept()
                for pair in list(self._pairs):
                    if not pair.send_due(self._open(pair)):
                        pair.reset()
                        self._pairs.remove(pair)

    def _open(self, pair: "_Pair") -> "tuple[_Way, ...]":
        """The ways on which anything moves now: there, and back."""
        return {Mode.PASS: pair.ways, Mode.HOLD_ANSWERS: pair.ways[:1]}.get(self._mode, ())

    def _next_due(self) -> float:
        due = [way.kept[0][0] for pair in self._pairs for way in pair.ways if way.kept]
        return max(0.0, min(due) - time.monotonic()) if due else TICK_SECONDS

    def _accept(self) -> None:
        assert self._listener is not None
        client, _ = self._listener.accept()
        self.accepted += 1
        if self._mode is Mode.STALL:
            self._swallowed.append(client)
        else:
            self._join(client)

    def _join(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target, timeout=5)
        except OSError:
            _reset(client)
            return
        self._pairs.append(_Pair(client, server))


class _Way:
    """One direction of a connection, with what is under way in it."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source, self.sink = source, sink
        self.kept: deque[tuple[float, bytes]] = deque()
        self.ended = False
        self.broken = False

    def receive(self, delay_seconds: float) -> None:
        try:
            data = self.source.recv(CHUNK_BYTES)
        except OSError:
            self.broken = self.ended = True
            return
        self.ended = not data
        self.kept.append((time.monotonic() + delay_seconds, data))

    def send_due(self) -> None:
        while self.kept and self.kept[0][0] <= time.monotonic():
            _, data = self.kept.popleft()
            try:
                if data:
                    self.sink.sendall(data)
                else:
                    self.sink.shutdown(socket.SHUT_WR)
            except OSError:
                self.broken = True


class _Pair:
    """A client's connection and the server's."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.settimeout(5)
        self.ends = (client, server)
        self.ways = (_Way(client, server), _Way(server, client))

    def send_due(self, ways: tuple[_Way, ...]) -> bool:
        """Send what is due on these ways; whether the connection is to go on."""
        for way in ways:
            way.send_due()
        done = all(way.ended and not way.kept for way in self.ways)
        return not done and not any(way.broken for way in self.ways)

    def reset(self) -> None:
        for end in self.ends:
            _reset(end)


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    end.close()
