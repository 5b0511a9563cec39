"""Right arguments of `BackupPlan` and `BackupReplication`, to be changed by a test in one place."""

import copy
from typing import Any

from changing import ABSENT, put

TOKYO, OREGON = "ap-northeast-1", "us-west-2"
OWN, OTHER = "123456789012", "210987654321"
DATABASE = f"arn:aws:rds:{TOKYO}:{OWN}:db:shop"
OTHER_VAULT = f"arn:aws:backup:{TOKYO}:{OTHER}:backup-vault:kept-away"


def key_of(region: str, account: str = OWN) -> str:
    return f"arn:aws:kms:{region}:{account}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def topic_of(region: str) -> str:
    return f"arn:aws:sns:{region}:{OWN}:oncall"


def other_account(**more: Any) -> dict[str, Any]:
    """A copy into another account's vault."""
    return {
        "vault_arn": OTHER_VAULT,
        "kms_key_arn": key_of(TOKYO, OTHER),
        "lock": {"min_retention_days": 7, "max_retention_days": 365},
        **more,
    }


def rule(**more: Any) -> dict[str, Any]:
    """A daily rule with a copy to the other region and one to another account."""
    return {
        "name": "daily",
        "schedule": "cron(0 5 ? * * *)",
        "start_window_minutes": 60,
        "delete_after_days": 35,
        "copies": [{"region": OREGON, "delete_after_days": 14}, other_account(delete_after_days=90)],
        **more,
    }


def plan_args(**more: Any) -> Any:
    """A right plan: a database in Tokyo, copied to Oregon and to another account, restored twice a week."""
    return copy.deepcopy(
        {
            "resource_types": ["RDS"],
            "vaults": [
                {
                    "region": TOKYO,
                    "alarm_actions": [topic_of(TOKYO)],
                    "notification_topic_arn": topic_of(TOKYO),
                },
                {"region": OREGON},
            ],
            "sources": [{"region": TOKYO, "resource_arns": [DATABASE]}],
            "rules": [rule()],
            **more,
        }
    )


def changed(path: str, value: Any) -> Any:
    """The right plan with one value changed: `rules.0.schedule`; `None` takes it out."""
    args = plan_args()
    put(args, path.split("."), ABSENT if value is None else value)
    return args


def replication_args(**more: Any) -> Any:
    """A right replication: from Tokyo to Oregon."""
    return {
        "source_arn": DATABASE,
        "source_region": TOKYO,
        "region": OREGON,
        "missing_data": "breaching",
        "alarm_actions": [topic_of(OREGON)],
        **more,
    }
