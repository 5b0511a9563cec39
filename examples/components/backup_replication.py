"""The automated backups of a database, kept in another region too, with an alarm on their age."""

from pulumi_seawall import BackupReplication, MissingData

BackupReplication(
    "shop",
    {
        "source_arn": "arn:aws:rds:eu-west-1:123456789012:db:shop",
        "source_region": "eu-west-1",
        "region": "eu-central-1",
        "missing_data": MissingData.BREACHING,
        "alarm_actions": ["arn:aws:sns:eu-central-1:123456789012:on-call"],
    },
)
