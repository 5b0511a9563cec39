"""Recovery from a copy: snapshots of an RDS instance that operators take, copy, verify and prune.

Only manual snapshots that this tool has made: those of AWS Backup are kept and removed by its plan
(`pulumi_seawall.BackupPlan`), and automated ones by RDS.
"""
