"""Names, keys and options of shared breakers."""

import pickle
import socket
import time

import pytest
import redis

from redis_fleet import CONFIG, WAIT, eventually
from seawall.breaker import CircuitBreaker, CircuitBreakerConfig, State
from seawall.breaker_redis import SharedBreakers, connect
from seawall.errors import CannotPickle, InvalidInput
from seawall.worker import Worker

# Keys and input


def test_both_keys_of_a_breaker_are_in_one_slot_of_a_cluster(server):
    """The name is the hash tag, quoted, so that no name can end the tag early."""
    from redis.crc import key_slot

    names = ["payments", "a}b", "}", "{", "ü/ö", "a:b"]
    with SharedBreakers(server.client(), poll_seconds=0.02) as shared:
        for name in names:
            breaker = shared.share(CircuitBreaker(name, CircuitBreakerConfig(minimum_calls=1)))
            breaker.acquire().failure()
        client = server.client()
        eventually(lambda: len(client.keys("seawall:breaker:*")) == len(names))
        for key in client.keys("seawall:breaker:*"):
            assert key_slot(key) == key_slot(key + b":leases")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"poll_seconds": 0.0}, "poll_seconds = 0.0"),
        ({"lease_seconds": -1.0}, "lease_seconds = -1.0"),
        ({"prefix": "a{b}"}, "they would be taken for the hash tag"),
    ],
)
def test_bad_input_is_refused(options, line):
    """One line that names the value; Redis need not be there for it."""
    with pytest.raises(InvalidInput, match=line.replace("{", r"\{")):
        SharedBreakers(connect("redis://localhost:1"), **options)


@pytest.mark.parametrize("timeout", [None, 60.0])
def test_a_client_that_could_hang_for_long_is_refused(timeout):
    """The default of many versions of redis-py is to wait for ever."""
    with pytest.raises(InvalidInput, match=r"client\.socket_timeout"):
        SharedBreakers(redis.Redis(socket_timeout=timeout))
    with pytest.raises(InvalidInput, match="timeout_seconds"):
        connect("redis://localhost:1", timeout_seconds=timeout or 0.0)


def test_one_name_is_one_breaker_and_can_be_taken_back(server):
    """Two breakers of one name in one process would each answer for the other."""
    with SharedBreakers(server.client()) as shared:
        breaker = CircuitBreaker("payments", CONFIG)
        assert shared.share(breaker) is shared.share(breaker)
        with pytest.raises(InvalidInput, match="one breaker per name"):
            shared.share(CircuitBreaker("payments"))
        shared.unshare(breaker)
        shared.unshare(breaker)
        shared.share(CircuitBreaker("payments"))
        with pytest.raises(CannotPickle):
            pickle.dumps(shared)


def test_redis_may_be_away_from_the_start():
    """An app must start while Redis does not."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    breaker = CircuitBreaker("payments", CONFIG)
    with SharedBreakers(connect(f"redis://127.0.0.1:{port}/0"), poll_seconds=0.02) as shared:
        shared.share(breaker)
        breaker.acquire().failure()
        time.sleep(WAIT)
        breaker.acquire().success()
        assert breaker.state is State.CLOSED
        assert not shared.in_touch


def test_breakers_go_on_alone_after_stop_and_together_after_start(server):
    """Also when a round was under way in a worker that others use, too: nobody would grant the lease it makes needed."""
    breaker = CircuitBreaker("payments", CONFIG)
    with Worker("others-too") as worker:
        shared = SharedBreakers(server.client(), poll_seconds=0.02, worker=worker)
        shared.share(breaker)
        shared.start()
        eventually(lambda: shared.in_touch)
        shared.stop()
        shared.synchronize()
        assert not shared.in_touch
        assert worker.running
        breaker.acquire().failure()
        time.sleep(WAIT)
        breaker.acquire().success()
        assert breaker.state is State.CLOSED
        shared.start()
        eventually(lambda: shared.in_touch)
        shared.stop()
