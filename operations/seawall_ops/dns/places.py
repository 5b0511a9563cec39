"""Where AWS regions are, to say which one a client is near, as far as that can be said. Pure: no I/O.

Route 53 answers latency records from measurements that AWS does not publish. What can be said without them: a client in
a region is nearest to that region. All else here is an assumption by distance, and is shown as one. Coordinates are
those of the city or state in the region's name, in degrees; codes are those of Route 53's geolocation.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from seawall.errors import InvalidInput

__all__ = ["PLACES", "Place", "kilometers", "place_of", "region_in"]

EARTH_RADIUS_KILOMETERS: Final = 6371.0  # mean


@dataclass(frozen=True, slots=True)
class Place:
    """Where a region is."""

    latitude: float
    longitude: float
    continent: str
    country: str
    subdivision: str | None = None
    """Only in the United States, as in Route 53's geolocation."""


PLACES: Final[dict[str, Place]] = {
    "af-south-1": Place(-33.9, 18.4, "AF", "ZA"),
    "ap-east-1": Place(22.3, 114.2, "AS", "HK"),
    "ap-east-2": Place(25.0, 121.5, "AS", "TW"),
    "ap-northeast-1": Place(35.7, 139.7, "AS", "JP"),
    "ap-northeast-2": Place(37.6, 127.0, "AS", "KR"),
    "ap-northeast-3": Place(34.7, 135.5, "AS", "JP"),
    "ap-south-1": Place(19.1, 72.9, "AS", "IN"),
    "ap-south-2": Place(17.4, 78.5, "AS", "IN"),
    "ap-southeast-1": Place(1.35, 103.8, "AS", "SG"),
    "ap-southeast-2": Place(-33.9, 151.2, "OC", "AU"),
    "ap-southeast-3": Place(-6.2, 106.8, "AS", "ID"),
    "ap-southeast-4": Place(-37.8, 145.0, "OC", "AU"),
    "ap-southeast-5": Place(3.1, 101.7, "AS", "MY"),
    "ap-southeast-6": Place(-36.8, 174.8, "OC", "NZ"),
    "ap-southeast-7": Place(13.8, 100.5, "AS", "TH"),
    "ca-central-1": Place(45.5, -73.6, "NA", "CA"),
    "ca-west-1": Place(51.0, -114.1, "NA", "CA"),
    "eu-central-1": Place(50.1, 8.7, "EU", "DE"),
    "eu-central-2": Place(47.4, 8.5, "EU", "CH"),
    "eu-north-1": Place(59.3, 18.1, "EU", "SE"),
    "eu-south-1": Place(45.5, 9.2, "EU", "IT"),
    "eu-south-2": Place(41.6, -0.9, "EU", "ES"),
    "eu-west-1": Place(53.3, -6.3, "EU", "IE"),
    "eu-west-2": Place(51.5, -0.1, "EU", "GB"),
    "eu-west-3": Place(48.9, 2.4, "EU", "FR"),
    "il-central-1": Place(32.1, 34.8, "AS", "IL"),
    "me-central-1": Place(25.2, 55.3, "AS", "AE"),
    "me-south-1": Place(26.2, 50.6, "AS", "BH"),
    "mx-central-1": Place(20.6, -100.4, "NA", "MX"),
    "sa-east-1": Place(-23.6, -46.6, "SA", "BR"),
    "us-east-1": Place(39.0, -77.5, "NA", "US", "VA"),
    "us-east-2": Place(40.0, -83.0, "NA", "US", "OH"),
    "us-west-1": Place(37.4, -121.9, "NA", "US", "CA"),
    "us-west-2": Place(45.8, -119.7, "NA", "US", "OR"),
}


def place_of(region: str) -> Place:
    """Where a region is.

    Raises:
        InvalidInput: It is not one that is known here.
    """
    if region not in PLACES:
        raise InvalidInput("region", region, allowed="a commercial AWS region, e.g. eu-west-1")
    return PLACES[region]


def kilometers(one: Place, other: Place) -> float:
    """Great-circle distance, by the haversine formula."""
    first, second = math.radians(one.latitude), math.radians(other.latitude)
    across = math.radians(other.longitude - one.longitude)
    half = math.sin((second - first) / 2) ** 2 + math.cos(first) * math.cos(second) * math.sin(across / 2) ** 2
    return 2 * EARTH_RADIUS_KILOMETERS * math.asin(min(1.0, math.sqrt(half)))


def region_in(labels: Iterable[str]) -> str | None:
    """The AWS region that stands as a label in one of the DNS names, if exactly one does."""
    found = {label for name in labels for label in name.lower().split(".") if label in PLACES}
    return found.pop() if len(found) == 1 else None
