"""Kill a writer on this machine, let the observers fail over, and show what it took beside what was predicted.

    python tools/failover_drill.py            # the seed's numbers: 3 failed checks of 30 s; about six minutes
    python tools/failover_drill.py --scaled   # the same in half a minute
    python tools/failover_drill.py --write    # into docs/failover.md

PostgreSQL, the shop's instances in two regions, three observers that act and an emulated AWS run as
processes. What is measured of PostgreSQL's promotion says nothing of RDS, where AWS documents "several minutes or longer".
"""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

from failover_estate import Estate  # noqa: E402 - found by the line above
from failover_measured import table_of  # noqa: E402
from failover_numbers import SCALED, SEED, Numbers  # noqa: E402
from localcloud.postgres_fleet import PostgresFleet  # noqa: E402
from order_load import OrderLoad  # noqa: E402
from writer_outage import Outage, play  # noqa: E402

PAGE: Final = ROOT / "docs" / "failover.md"
BEGIN: Final = "<!-- figures: begin -->"
END: Final = "<!-- figures: end -->"
INSTANCES: Final = 2  # of the shop, per region


def drill(numbers: Numbers) -> Outage:
    """Play it once, in a folder of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="seawall-drill-") as folder,
        PostgresFleet(replicas=2) as fleet,
        Estate(Path(folder), fleet, numbers, instances=INSTANCES) as estate,
    ):
        estate.start_shop()
        estate.start_observers()
        with OrderLoad([port for ports in estate.ports.values() for port in ports], customers=1) as load:
            return play(estate, load)


def report(numbers: Numbers, outage: Outage, today: datetime) -> str:
    """The table, with how it came about."""
    policy = numbers.policy
    how = (
        f"Measured on {today:%Y-%m-%d} on one machine: a check every {policy.interval_seconds:g} s, given up after "
        f"{policy.timeout_seconds:g} s, {policy.failures_to_trip} failures; apps read the topology every "
        f"{numbers.topology_seconds:g} s, and their epoch's lease is {numbers.epoch_lease_seconds:g} s."
    )
    return f"{how}\n\n{table_of(outage.legs)}"


def written(page: str, text: str) -> str:
    """The page with other figures.

    Raises:
        ValueError: it has no place for them.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} lacks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def main(arguments: list[str] | None = None) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scaled", action="store_true", help="with a check every second")
    parser.add_argument("--write", action="store_true", help=f"write the figures into {PAGE.relative_to(ROOT)}")
    options = parser.parse_args(arguments)
    numbers = SCALED if options.scaled else SEED
    text = report(numbers, drill(numbers), datetime.now(UTC))
    sys.stdout.write(text + "\n")
    if options.write:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
