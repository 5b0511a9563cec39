"""Which answer a Route 53 zone gives, to which client, under which health, and by which of AWS's rules.

Pure: nothing here reads or writes anything, so that the same rules explain a zone (`seawall dns explain`) and answer for
one. Put a `World` together (`parse_zone`, `parse_checks` and `regions_of` make its parts from what AWS's API returns), then
ask for a `situation`, or for `every_situation` of things that may fail. `answer` alone takes the health of checks as given.

What is left out is refused, not guessed: geoproximity and IP-based routing. What AWS does not publish is marked where it
decides: latency between a client and a region is the client's own region first, then as given, then assumed by distance.
"""

from seawall_ops.dns.answers import Answer, Outcome, answer
from seawall_ops.dns.checks import CheckKind, HealthCheck, InsufficientData, Signal, Verdict, considered
from seawall_ops.dns.choosing import Choice
from seawall_ops.dns.client import Client
from seawall_ops.dns.failures import Situation, Thing, ThingKind, World, every_situation, situation, things_of
from seawall_ops.dns.health import Health, health_of
from seawall_ops.dns.parsing import parse_checks, parse_zone
from seawall_ops.dns.records import (
    Alias,
    Failover,
    GeoLocation,
    Latency,
    Multivalue,
    Policy,
    Record,
    Simple,
    Unsupported,
    Weighted,
    Zone,
    canonical,
)
from seawall_ops.dns.rules import Rule
from seawall_ops.dns.tree import endpoints_of, records_of, regions_of
from seawall_ops.dns.verdicts import Fault

__all__ = [
    "Alias",
    "Answer",
    "CheckKind",
    "Choice",
    "Client",
    "Failover",
    "Fault",
    "GeoLocation",
    "Health",
    "HealthCheck",
    "InsufficientData",
    "Latency",
    "Multivalue",
    "Outcome",
    "Policy",
    "Record",
    "Rule",
    "Signal",
    "Simple",
    "Situation",
    "Thing",
    "ThingKind",
    "Unsupported",
    "Verdict",
    "Weighted",
    "World",
    "Zone",
    "answer",
    "canonical",
    "considered",
    "endpoints_of",
    "every_situation",
    "health_of",
    "parse_checks",
    "parse_zone",
    "records_of",
    "regions_of",
    "situation",
    "things_of",
]
