"""Who asks: what is known of where a client is. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from seawall_ops.dns.places import kilometers, place_of
from seawall_ops.dns.records import GeoLocation

__all__ = ["Client"]


@dataclass(frozen=True, slots=True)
class Client:
    """A client, or rather its resolver: Route 53 sees no more.

    Raises:
        InvalidInput: `region` is no AWS region.
    """

    region: str | None = None
    """The AWS region that it is in, or near; `None` when nothing is known."""
    nearest: tuple[str, ...] = ()
    """Regions by measured latency, the nearest first; where given they go before what is assumed by distance."""
    location: GeoLocation | None = None
    """Where it is, for geolocation; default where its region is."""

    def __post_init__(self) -> None:
        if self.region is not None:
            place_of(self.region)

    def __str__(self) -> str:
        return self.region or (str(self.location) if self.location is not None else "anywhere")

    def by_nearness(self, regions: Iterable[str]) -> list[tuple[str, str]]:
        """The regions, the nearest first, each with what that rests on."""
        return sorted(((region, self._grounds(region)) for region in regions), key=lambda one: self._distance(one[0]))

    def _grounds(self, region: str) -> str:
        if region in self.nearest:
            return "as given"
        if region == self.region:
            return "the client's own region"
        return "assumed by distance" if self.region is not None else "the client's region is not given: by name"

    def _distance(self, region: str) -> tuple[int, float, str]:
        if region in self.nearest:
            return 0, self.nearest.index(region), region
        if self.region is None:
            return 1, 0.0, region
        return 1, kilometers(place_of(self.region), place_of(region)), region

    def locations(self) -> tuple[GeoLocation, ...]:
        """What geolocation records may match it, the smallest location first."""
        here = self.location
        if here is None and self.region is not None:
            place = place_of(self.region)
            here = GeoLocation(place.continent, place.country, place.subdivision)
        default = GeoLocation(country="*")
        if here is None:
            return (default,)
        ways = [
            GeoLocation(country=here.country, subdivision=here.subdivision) if here.subdivision else None,
            GeoLocation(country=here.country) if here.country else None,
            GeoLocation(continent=here.continent) if here.continent else None,
            default,
        ]
        return tuple(way for way in ways if way is not None)
