"""The parties' receivers, checked: what is a secret is named and never given. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit

from pulumi_seawall._alertmanager import Integration, Receiver, SecretKey
from pulumi_seawall._escalation_args import (
    EmailArgs,
    OpsgenieArgs,
    ReceiverArgs,
    ReceiverSecretArgs,
    SlackArgs,
    WebhookArgs,
)
from pulumi_seawall._inputs import checked_keys, line, listed, plain_string
from seawall.errors import MISSING, InvalidInput
from seawall.escalation import AlertLevel

LONGEST: Final = 2000  # characters; of addresses of all kinds
SECRET_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")  # Kubernetes: an RFC 1123 subdomain
SECRET_KEY: Final = re.compile(
    r"(?!\.\.)[-._a-zA-Z0-9]{1,253}"
)  # Kubernetes: of a Secret's data; `..` would leave the folder
SMARTHOST: Final = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}")
SEVERITY: Final = "{{ .CommonLabels.severity }}"
"""PagerDuty's severities are ours: critical, warning, info."""
PRIORITY: Final = (
    f'{{{{ if eq .CommonLabels.level "{AlertLevel.SEV1}" }}}}P1'
    f'{{{{ else if eq .CommonLabels.level "{AlertLevel.SEV2}" }}}}P2{{{{ else }}}}P3{{{{ end }}}}'
)
"""Opsgenie's priorities, by level."""


def plan_receiver(where: str, name: str, args: object, folder: str) -> Receiver:
    """One party's receiver.

    Args:
        where: Prefix for names in messages.
        name: The receiver's.
        args: Its arguments.
        folder: Where a plain Alertmanager sees Secrets.

    Raises:
        InvalidInput: A value is not allowed, or nobody would be told.
    """
    given = cast("dict[str, Any]", checked_keys(where, args, ReceiverArgs))
    made = [
        plan_webhook(f"{where}webhooks[{place}].", each, folder)
        for place, each in enumerate(listed(f"{where}webhooks", given.get("webhooks", [])))
    ]
    for kind, plan in (("pagerduty", _pagerduty), ("opsgenie", _opsgenie), ("slack", _slack), ("email", _email)):
        if kind in given:
            made.append(plan(f"{where}{kind}.", given[kind], folder))
    if not made:
        raise InvalidInput(
            where.rstrip("."), "nothing", allowed="at least one way of telling them", because="nobody would be told"
        )
    return Receiver(name, tuple(made))


def plan_secret(where: str, args: object) -> SecretKey:
    """A Secret's name and key.

    Raises:
        InvalidInput: One of them cannot be; messages do not show it, for it may be the secret itself.
    """
    if not isinstance(args, Mapping) or set(cast("Mapping[object, object]", args)) - {"name", "key"}:
        raise InvalidInput(
            where.rstrip("."),
            "(hidden)",
            allowed="the name and the key of a Kubernetes Secret, nothing else",
            because="a value would stand in a state",
        )
    given = cast("dict[str, Any]", checked_keys(where, cast("object", args), ReceiverSecretArgs))
    for key, pattern in (("name", SECRET_NAME), ("key", SECRET_KEY)):
        if not pattern.fullmatch(plain_string(f"{where}{key}", given[key])):
            raise InvalidInput(
                f"{where}{key}",
                "(hidden)",
                allowed=f"the {key} in Kubernetes, not the secret: it would stand in a state",
            )
    return SecretKey(given["name"], given["key"])


def plan_webhook(where: str, args: object, folder: str) -> Integration:
    """A webhook's address, and what it is written to with.

    Raises:
        InvalidInput: It has no address or two, or an address with a secret in it.
    """
    given = cast("dict[str, Any]", checked_keys(where, args, WebhookArgs))
    if ("url" in given) == ("url_secret" in given):
        shown = "both" if "url" in given else MISSING
        raise InvalidInput(f"{where}url", shown, allowed="one of url and url_secret")
    manifest: dict[str, Any] = {"sendResolved": True}
    config: dict[str, Any] = {"send_resolved": True}
    if "url" in given:
        manifest["url"] = config["url"] = plan_address(f"{where}url", given["url"])
    else:
        secret = plan_secret(f"{where}url_secret.", given["url_secret"])
        manifest["urlSecret"], config["url_file"] = secret.manifest(), secret.path(folder)
    if "token" in given:
        token = plan_secret(f"{where}token.", given["token"])
        manifest["httpConfig"] = {"authorization": {"type": "Bearer", "credentials": token.manifest()}}
        config["http_config"] = {"authorization": {"type": "Bearer", "credentials_file": token.path(folder)}}
    return Integration("webhook", manifest, config)


def plan_address(name: str, value: object) -> str:
    """An http or https address without anything in it that may be a secret.

    Raises:
        InvalidInput: It is none.
    """
    url = line(name, value, LONGEST)
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", url)
    except ValueError:
        valid, parts = False, urlsplit("")
    if not valid:
        raise InvalidInput(name, "(hidden)", allowed="an http or https address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidInput(
            name,
            "(hidden)",
            allowed="an address without user, password and query",
            because="they are secrets more often than not: put the address into a Secret, and name that",
        )
    return url


def _pagerduty(where: str, args: object, folder: str) -> Integration:
    key = plan_secret(where, args)
    return Integration(
        "pagerduty",
        {"routingKey": key.manifest(), "severity": SEVERITY, "sendResolved": True},
        {"routing_key_file": key.path(folder), "severity": SEVERITY, "send_resolved": True},
    )


def _opsgenie(where: str, args: object, folder: str) -> Integration:
    given = cast("dict[str, Any]", checked_keys(where, args, OpsgenieArgs))
    key = plan_secret(f"{where}api_key.", given["api_key"])
    manifest: dict[str, Any] = {"apiKey": key.manifest(), "priority": PRIORITY, "sendResolved": True}
    config: dict[str, Any] = {"api_key_file": key.path(folder), "priority": PRIORITY, "send_resolved": True}
    if "api_url" in given:
        manifest["apiURL"] = config["api_url"] = plan_address(f"{where}api_url", given["api_url"])
    return Integration("opsgenie", manifest, config)


def _slack(where: str, args: object, folder: str) -> Integration:
    given = cast("dict[str, Any]", checked_keys(where, args, SlackArgs))
    url, channel = plan_secret(f"{where}url.", given["url"]), line(f"{where}channel", given["channel"], LONGEST)
    return Integration(
        "slack",
        {"apiURL": url.manifest(), "channel": channel, "sendResolved": True},
        {"api_url_file": url.path(folder), "channel": channel, "send_resolved": True},
    )


def _email(where: str, args: object, folder: str) -> Integration:
    given = cast("dict[str, Any]", checked_keys(where, args, EmailArgs))
    to, sender = (_mail(f"{where}{key}", given[key]) for key in ("to", "sender"))
    smarthost = line(f"{where}smarthost", given["smarthost"], LONGEST)
    if not SMARTHOST.fullmatch(smarthost):
        raise InvalidInput(f"{where}smarthost", smarthost, allowed="host:port")
    manifest: dict[str, Any] = {
        "to": to,
        "from": sender,
        "smarthost": smarthost,
        "requireTLS": True,
        "sendResolved": True,
    }
    config: dict[str, Any] = {
        "to": to,
        "from": sender,
        "smarthost": smarthost,
        "require_tls": True,
        "send_resolved": True,
    }
    if ("username" in given) != ("password" in given):
        missing = "password" if "username" in given else "username"
        raise InvalidInput(f"{where}{missing}", MISSING, allowed="username and password, or neither")
    if "username" in given:
        password = plan_secret(f"{where}password.", given["password"])
        manifest["authUsername"] = config["auth_username"] = line(f"{where}username", given["username"], LONGEST)
        manifest["authPassword"], config["auth_password_file"] = password.manifest(), password.path(folder)
    return Integration("email", manifest, config)


def _mail(name: str, value: object) -> str:
    addresses = line(name, value, LONGEST)
    if not all(re.fullmatch(r"\s*[^@\s,]+@[^@\s,]+\s*", each) for each in addresses.split(",")):
        raise InvalidInput(name, addresses, allowed="mail addresses, separated by commas")
    return addresses
