"""Whatever of a failover's places gives no answer has the exit code of that, also where it is no AWS."""

from collections.abc import Generator
from contextlib import contextmanager

from seawall.errors import CloudUnavailable, LeaseUnavailable, TopologyUnavailable
from seawall_ops.failover.board import BoardUnavailable
from seawall_ops.failover.plans.places import PlaceUnavailable
from seawall_ops.failover.plans.servers import MemberUnreachable

__all__ = ["reaching"]


@contextmanager
def reaching() -> Generator[None]:
    """Errors of the board, the live topology, leases and servers as `CloudUnavailable`, in their own words.

    Raises:
        CloudUnavailable: One of them did not answer.
    """
    try:
        yield
    except (BoardUnavailable, PlaceUnavailable) as error:
        raise CloudUnavailable(error.where, error.because) from error
    except LeaseUnavailable as error:
        raise CloudUnavailable(error.store, error.because) from error
    except MemberUnreachable as error:
        raise CloudUnavailable(error.member, error.because) from error
    except TopologyUnavailable as error:
        raise CloudUnavailable("the topology", str(error)) from error
