"""A service in two regions on this machine, with all that fails over: apps, a database, observers, and a third region.

Every part is a process of its own: the shop's instances, the observers, PostgreSQL's servers, and the emulated AWS that keeps
the documents, the board, the leases and the records. Networks between them can be cut.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import boto3
import yaml
from botocore.config import Config

from failover_networks import Networks
from failover_numbers import AWAY, HOME, THIRD, Numbers
from failover_settings import BOARD, LEASES, create_tables, settings_of
from localcloud import cloud
from localcloud.postgres import PostgresServer
from localcloud.postgres_fleet import PostgresFleet
from localcloud.postgres_install import SUPERUSER, USER
from loopback_http import answers, free_port
from regional_aws import RegionalAws
from replica_shop import tell_timelines
from seawall.contract import declared_parameter, live_parameter
from seawall.objectives import Objectives
from seawall.topology import (
    Database,
    Effective,
    Endpoint,
    Engine,
    Live,
    Member,
    Role,
    Topology,
    dump,
    merge,
    parse_live,
)
from seawall_ops.failover.board import Board
from seawall_ops.failover.store_dynamodb import DynamoDbStore
from seawall_ops.failover.votes import Health
from seawall_ops.lease import Arbitrated, Lease
from seawall_ops.lease.dynamodb import DynamoDBLeaseStore
from tcp_proxy import TcpProxy

SERVICE: Final = "shop"
ENVIRONMENT: Final = "loopback"
MEMBERS: Final = ("shop-eu", "shop-us", "shop-us-2")  # the writer is the first
REGION_OF: Final = {"shop-eu": HOME, "shop-us": AWAY, "shop-us-2": AWAY}
EVERYWHERE: Final = "everywhere"  # the one network of an estate that is never partitioned
START_SECONDS: Final = 60.0  # for some Pythons at once, on a machine that has other things to do
ROOT: Final = Path(__file__).resolve().parents[2]
SHOP: Final = ROOT / "examples" / "shop"
OBSERVE: Final = ("-m", "seawall_ops.cli", "failover", "observe", "--act")
KEPT_VARIABLES: Final = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ")


class Estate:
    """Use it with `with`; what was started is ended by its process id.

    Args:
        folder: For logs, records and settings.
        fleet: Of three servers; its primary is the first writer.
        numbers: How often everything is done.
        instances: Of the shop, in each region.
        partitioned: Whether the first region has a network of its own, which can be cut off.
    """

    def __init__(
        self, folder: Path, fleet: PostgresFleet, numbers: Numbers, *, instances: int = 1, partitioned: bool = False
    ) -> None:
        self.folder: Final = folder
        self.fleet: Final = fleet
        self.numbers: Final = numbers
        self.partitioned: Final = partitioned
        self.processes: Final[dict[str, subprocess.Popen[bytes]]] = {}
        """By name: `observer-<domain>`, `shop-<port>`."""
        self.endpoint = ""
        """Of the emulated AWS, uncut."""
        first = fleet.primary
        servers = (first, *(each for each in fleet.servers if each is not first))
        self.servers: Final[dict[str, PostgresServer]] = dict(zip(MEMBERS, servers, strict=True))
        names = (HOME, EVERYWHERE) if partitioned else (EVERYWHERE,)
        self.networks: Final = Networks(names, {name: server.port for name, server in self.servers.items()})
        self.ports: Final = {region: [free_port() for _ in range(instances)] for region in (HOME, AWAY)}
        self.aws: Final[dict[str, RegionalAws]] = {}
        self._services: Final[dict[tuple[str, str], TcpProxy]] = {}  # by network and region
        self._ending = contextlib.ExitStack()

    def network(self, domain: str) -> str:
        """The network that a domain is in."""
        return HOME if self.partitioned and domain == HOME else EVERYWHERE

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as ending:
            place = self.folder / "cloud"
            place.mkdir(parents=True, exist_ok=True)
            ending.callback(cloud.stop, place)
            self.endpoint = cloud.start(place).endpoint
            for network in (HOME, EVERYWHERE) if self.partitioned else ():
                self.aws[network] = ending.enter_context(RegionalAws(self.endpoint))
                for region, ports in self.ports.items():
                    self._services[network, region] = ending.enter_context(TcpProxy(ports[0]))
            ending.enter_context(self.networks)
            ending.callback(self._end)
            self._prepare()
            self._ending = ending.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.close()

    # ---- networks

    def cut_off_home(self) -> None:
        """The first region and everything else do not reach each other any more; inside of each all goes on."""
        inside = [name for name, region in REGION_OF.items() if region == HOME]
        self.networks.cut(EVERYWHERE, *inside)
        self.networks.cut(HOME, *(set(REGION_OF) - {*inside}))
        self._services[EVERYWHERE, HOME].cut()
        self._services[HOME, AWAY].cut()
        self.aws[HOME].cut_off((AWAY, THIRD))
        self.aws[EVERYWHERE].cut_off((HOME,))
        for name in inside:
            self.fleet.isolate(self.servers[name])

    def mend(self) -> None:
        """All is one network again; what has streamed from the first region does not any more."""
        self.networks.restore()
        for proxy in self._services.values():
            proxy.restore()
        for aws in self.aws.values():
            aws.cut_off(())

    # ---- what it consists of

    def declared(self, domain: str) -> Topology:
        """The declared document, with the members' addresses as they are in a domain's network."""
        network = self.network(domain)
        urls = {region: self._url(network, region) for region in self.ports}
        roles = {HOME: Role.PRIMARY, AWAY: Role.STANDBY}
        return Topology(
            service=SERVICE,
            environment=ENVIRONMENT,
            epoch=1,
            regions=(HOME, AWAY),
            endpoints=tuple(
                Endpoint(name=region, region=region, role=roles[region], url=url) for region, url in urls.items()
            ),
            database=Database(
                engine=Engine.POSTGRES,
                database=USER,
                port=self.networks.port,
                writer=MEMBERS[0],
                members=tuple(
                    Member(name=name, region=REGION_OF[name], identifier=name, host=self.networks.host(network, name))
                    for name in MEMBERS
                ),
            ),
            objectives=Objectives(
                availability=0.999,
                latency_p95_seconds=0.5,
                error_rate=0.001,
                recovery_time_seconds=300,
                recovery_point_seconds=60,
            ),
        )

    def client(self, service: str, region: str = THIRD, *, domain: str | None = None) -> Any:
        """boto3's, in a domain's network; `None`: past every network."""
        aws = None if domain is None else self.aws.get(self.network(domain))
        return boto3.client(
            service, region_name=region, endpoint_url=self.endpoint if aws is None else aws.url,
            aws_access_key_id="local", aws_secret_access_key="local", config=Config(retries={"total_max_attempts": 1}),
        )  # fmt: skip

    def lease(self, holder: str) -> Lease:
        """Under which one failover is run at a time, as the observers have it."""
        return Lease(
            DynamoDBLeaseStore(LEASES, region=THIRD, client=self.client("dynamodb", domain=THIRD)),
            f"failover-{self.numbers.policy.cluster}",
            holder=holder,
            arbitrates=Arbitrated.of(self.declared(THIRD)),
            terms=self.numbers.leases,
        )

    def live(self, region: str = THIRD) -> Live | None:
        """The live document of a region; by default the arbiter's."""
        name = live_parameter(SERVICE, ENVIRONMENT)
        found = self.client("ssm", region).get_parameters(Names=[name])["Parameters"]
        return parse_live(found[0]["Value"]) if found else None

    @property
    def view(self) -> Effective:
        """Who has which role, as the arbiter says, seen from outside of the first region."""
        return merge(self.declared(THIRD), self.live())

    def variables(self, domain: str) -> dict[str, str]:
        """What a process in a domain finds in its environment, and nothing of the user's that could reach a real cloud."""
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        aws = self.aws.get(self.network(domain))
        return kept | {
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": os.pathsep.join((str(SHOP), str(ROOT), str(Path(__file__).parent))),
            "AWS_REGION": domain,
            "AWS_ENDPOINT_URL": self.endpoint if aws is None else aws.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SEAWALL_SERVICE": SERVICE,
            "SEAWALL_ENVIRONMENT": ENVIRONMENT,
            "SEAWALL_LIVE_REGION": THIRD,
            "SEAWALL_STATE": str(self.folder / f"state-{domain}"),
        }

    def as_operator(self, domain: str) -> dict[str, str]:
        """The same, for who may fence and promote."""
        return self.variables(domain) | {
            "PGUSER": SUPERUSER,
            "PGPASSWORD": self.servers[MEMBERS[0]].password,
            "PGSSLMODE": "disable",
            "PGGSSENCMODE": "disable",
        }

    @property
    def settings(self) -> Path:
        """The file that observers and operators share."""
        path = self.folder / "failover.yaml"
        path.write_text(yaml.safe_dump(settings_of(self.numbers, self.endpoint)), encoding="utf-8")
        return path

    # ---- its processes

    def start_shop(self) -> None:
        """All instances, until each is ready."""
        urls = {region: [f"http://127.0.0.1:{port}" for port in ports] for region, ports in self.ports.items()}
        own = {
            "SHOP_INSTANCES": ";".join(f"{region}={','.join(each)}" for region, each in urls.items()),
            "SHOP_TOPOLOGY_SECONDS": str(self.numbers.topology_seconds),
            "SHOP_EPOCH_LEASE_SECONDS": str(self.numbers.epoch_lease_seconds),
            "SHOP_EPOCH_MARGIN_SECONDS": str(self.numbers.epoch_margin_seconds),
            "SHOP_DRAIN_SECONDS": "0",
            "SHOP_DATABASE_USER": USER,
            "SHOP_DATABASE_PASSWORD": self.servers[MEMBERS[0]].password,
            "SHOP_TOKEN_KEY": "only-for-cookies-on-loopback",
            "SHOP_INSECURE_COOKIES": "1",
        }
        for region, ports in self.ports.items():
            for port in ports:
                command = ["-m", "shop", "--region", region, "--port", str(port)]
                self.start(f"shop-{port}", self.variables(region) | own, *command)
        for ports in self.ports.values():
            for port in ports:
                url = f"http://127.0.0.1:{port}/readyz"
                self.wait(lambda url=url: answers(url), f"the shop on port {port} is ready", f"shop-{port}")

    def start_observers(self) -> None:
        """One in each domain, which acts by itself, until all of them know everything to be healthy."""
        settings = self.settings
        for domain in self.numbers.policy.domains:
            self.audit(domain).parent.mkdir(exist_ok=True)
            self.start(
                f"observer-{domain}", self.as_operator(domain), *OBSERVE, "--settings", str(settings),
                "--domain", domain, "--name", domain, "--audit", str(self.audit(domain)),
            )  # fmt: skip
        names = [f"observer-{domain}" for domain in self.numbers.policy.domains]
        board = Board(
            DynamoDbStore(BOARD, self.numbers.policy.cluster, region=THIRD, client=self.client("dynamodb")),
            self.numbers.policy.cluster,
        )

        def all_healthy() -> bool:
            votes = board.read().votes
            seen = [each.standing for vote in votes for each in vote.verdicts]
            return len(votes) == len(names) and len(seen) > 0 and set(seen) == {Health.HEALTHY}

        most = START_SECONDS + 2 * self.numbers.policy.successes_to_clear * self.numbers.policy.interval_seconds
        self.wait(all_healthy, "every observer knows everything to be healthy", *names, seconds=most)

    def audit(self, domain: str) -> Path:
        """Where an observer records what it says and does."""
        return self.folder / f"state-{domain}" / "audit.jsonl"

    def start(self, name: str, environ: Mapping[str, str], *arguments: str) -> subprocess.Popen[bytes]:
        """One Python; its output goes to a log of its name."""
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *arguments], env=dict(environ), cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log,
            )  # fmt: skip
        return self.processes[name]

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self.folder / f"{name}.log"

    def kill(self, name: str) -> None:
        """End one by SIGKILL, as a machine does that loses power."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait(10)

    def wait(self, holds: Callable[[], bool], what: str, *names: str, seconds: float = START_SECONDS) -> None:
        """Until something holds; who has to run for that is named.

        Raises:
            AssertionError: it does not in time, or one of these processes has ended; with the ends of the logs.
        """
        deadline = time.monotonic() + seconds
        while not holds():
            ended = [name for name in names if self.processes[name].poll() is not None]
            if ended or time.monotonic() > deadline:
                raise AssertionError(f"not so{f', {ended} ended' if ended else ''}: {what}\n{self.last_lines()}")
            time.sleep(0.02)

    def last_lines(self, number: int = 12) -> str:
        """Of every process."""
        return "\n".join(
            f"--- {name}\n" + "\n".join(self.log(name).read_text("utf-8", "replace").splitlines()[-number:])
            for name in self.processes
        )

    # ---- inside

    def _url(self, network: str, region: str) -> str:
        proxy = self._services.get((network, region))
        return f"http://127.0.0.1:{self.ports[region][0] if proxy is None else proxy.port}"

    def _prepare(self) -> None:
        """Documents in every region, tables in the third, and rights to see what replication does."""
        for region in (HOME, AWAY, THIRD):
            self.client("ssm", region).put_parameter(
                Name=declared_parameter(SERVICE, ENVIRONMENT), Value=dump(self.declared(region)), Type="String"
            )
        create_tables(self.client("dynamodb"))
        self.lease("setup").create()
        self.servers[MEMBERS[0]].sql(f"GRANT pg_monitor TO {USER}")
        tell_timelines(self.fleet)

    def _end(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
        for process in self.processes.values():
            process.wait(10)


def orders_of(server: PostgresServer) -> set[str]:
    """The numbers of the orders that a server has."""
    return set(server.sql("SELECT number FROM orders", database=USER).split())


@contextlib.contextmanager
def logged_on_failure(estate: Estate) -> Iterator[None]:
    """Show the ends of the logs where a test fails."""
    try:
        yield
    except BaseException as error:
        error.add_note(estate.last_lines())
        raise


def region_of(port: int) -> dict[str, Any]:
    """What an instance says of the roles; empty when it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/region", timeout=2) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except OSError:
        return {}
