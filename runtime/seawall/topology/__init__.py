"""Where a service runs and who has which role: the contract between what deploys it and what runs in it.

Two documents. *Declared* (`Topology`) is owned by Pulumi and published by `PublishedTopology`; *live* (`Live`) is owned
by operations and says who is the primary and who writes now. Both are JSON with a schema version and an epoch, and hold
no secret. `merge` makes of both the view that apps act on; `load` reads and merges.
"""

from seawall.topology._codec import (
    ADVANCED_PARAMETER_BYTES,
    STANDARD_PARAMETER_BYTES,
    Tier,
    as_dict,
    dump,
    parameter_tier,
    parse,
    parse_live,
    readable_versions,
    topology_of,
)
from seawall.topology._documents import (
    SCHEMA_VERSION,
    BackoffPolicy,
    BreakerPolicy,
    Database,
    Endpoint,
    Engine,
    Live,
    Member,
    Role,
    Topology,
)
from seawall.topology._secrets import refuse_secrets
from seawall.topology._sources import (
    FileSource,
    LiveFromSsm,
    SsmSource,
    Texts,
    TextSource,
    TopologySource,
    aload,
    default_source,
    load,
)
from seawall.topology._view import Effective, merge, unreconciled

__all__ = [
    "ADVANCED_PARAMETER_BYTES",
    "SCHEMA_VERSION",
    "STANDARD_PARAMETER_BYTES",
    "BackoffPolicy",
    "BreakerPolicy",
    "Database",
    "Effective",
    "Endpoint",
    "Engine",
    "FileSource",
    "Live",
    "LiveFromSsm",
    "Member",
    "Role",
    "SsmSource",
    "TextSource",
    "Texts",
    "Tier",
    "Topology",
    "TopologySource",
    "aload",
    "as_dict",
    "default_source",
    "dump",
    "load",
    "merge",
    "parameter_tier",
    "parse",
    "parse_live",
    "readable_versions",
    "refuse_secrets",
    "topology_of",
    "unreconciled",
]
