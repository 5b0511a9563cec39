"""Daily backups, copied to another region and to another account's locked vault, restored on trial twice a week."""

from pulumi_seawall import BackupCopyArgs, BackupPlan, BackupResourceType

OTHER = "210987654321"  # an account that nobody who works in this one can enter
KEPT_AWAY: BackupCopyArgs = {
    "vault_arn": f"arn:aws:backup:eu-west-1:{OTHER}:backup-vault:kept-away",
    "kms_key_arn": f"arn:aws:kms:eu-west-1:{OTHER}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "lock": {"min_retention_days": 7, "max_retention_days": 365},
    "delete_after_days": 90,
}

BackupPlan(
    "shop",
    {
        "resource_types": [BackupResourceType.RDS],
        "vaults": [{"region": "eu-west-1"}, {"region": "eu-central-1"}],
        "sources": [{"region": "eu-west-1", "resource_arns": ["arn:aws:rds:eu-west-1:123456789012:db:shop"]}],
        "rules": [
            {
                "name": "daily",
                "schedule": "cron(0 5 ? * * *)",
                "start_window_minutes": 60,
                "delete_after_days": 35,
                "copies": [{"region": "eu-central-1", "delete_after_days": 14}, KEPT_AWAY],
            }
        ],
    },
)
