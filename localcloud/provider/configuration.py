"""The provider's own configuration: `aws:region` and the like, or the arguments of an explicit `aws.Provider`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from localcloud.provider.shapes import Misfit, unknown_name
from localcloud.provider.values import UNKNOWN

# What the real provider takes and has no meaning against a local server: accepted, so that programs stay the same.
WITHOUT_MEANING: Final = frozenset(
    {
        *("accessKey", "allowedAccountIds", "assumeRoleWithWebIdentity", "assumeRoles", "customCaBundle"),
        *("ec2MetadataServiceEndpoint", "ec2MetadataServiceEndpointMode", "endpoints", "forbiddenAccountIds"),
        *("httpProxy", "httpsProxy", "insecure", "maxRetries", "noProxy", "profile", "retryMode"),
        *("s3UsEast1RegionalEndpoint", "s3UsePathStyle", "secretKey", "sharedConfigFiles", "sharedCredentialsFiles"),
        *("skipCredentialsValidation", "skipMetadataApiCheck", "skipRegionValidation", "skipRequestingAccountId"),
        *("stsRegion", "tagPolicyCompliance", "token", "tokenBucketRateLimiterCapacity", "useDualstackEndpoint"),
        *("useFipsEndpoint", "userAgents"),
        *("version", "pluginDownloadURL"),  # the engine's own
    }
)
SECRET_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"  # noqa: S105 -- the engine's mark of a secret inside JSON


@dataclass(frozen=True)
class Configuration:
    """What of it counts here. Either may be `UNKNOWN` in a preview."""

    region: Any = ""
    default_tags: Any = field(default_factory=dict[str, str])
    ignored_tag_keys: frozenset[str] = frozenset()
    ignored_tag_prefixes: tuple[str, ...] = ()

    def visible_tags(self, tags: Mapping[str, str]) -> dict[str, str]:
        """Tags without AWS's own and those that `ignoreTags` leaves to others."""
        return {
            key: value
            for key, value in tags.items()
            if key not in self.ignored_tag_keys and not key.startswith(("aws:", *self.ignored_tag_prefixes))
        }


def configuration(given: Mapping[str, Any]) -> tuple[Configuration, list[Misfit]]:
    """The configuration, and what cannot be read in it. Values arrive as texts, structured ones as JSON."""
    known = {"region", "defaultTags", "ignoreTags"}
    misfits = [
        unknown_name(name, name, known | WITHOUT_MEANING, "the aws provider's configuration")
        for name in sorted(given.keys() - known - WITHOUT_MEANING)
    ]
    region = given.get("region", "")
    if region is not UNKNOWN and not isinstance(region, str):
        misfits.append(Misfit("region", "must be a text"))
        region = ""
    default_tags = _object(given, "defaultTags", misfits)
    ignored = _object(given, "ignoreTags", misfits)
    if not isinstance(ignored, dict):
        ignored = {}
    return (
        Configuration(
            region,
            {key: str(value) for key, value in (default_tags.get("tags") or {}).items()}
            if isinstance(default_tags, dict)
            else UNKNOWN,
            frozenset(ignored.get("keys") or ()),
            tuple(ignored.get("keyPrefixes") or ()),
        ),
        misfits,
    )


def _object(given: Mapping[str, Any], name: str, misfits: list[Misfit]) -> Any:
    value = given.get(name) or {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            misfits.append(Misfit(name, "must be an object, as JSON"))
            return {}
    value = _revealed(value)
    if value is not UNKNOWN and not isinstance(value, dict):
        misfits.append(Misfit(name, "must be an object"))
        return {}
    return value


def _revealed(value: Any) -> Any:
    """The value with secrets inside it as they are."""
    if isinstance(value, dict):
        if SECRET_SIGNATURE in value:
            return _revealed(value.get("value"))
        return {key: _revealed(item) for key, item in value.items()}
    return [_revealed(item) for item in value] if isinstance(value, list) else value
