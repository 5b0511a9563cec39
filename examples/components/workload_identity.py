"""The role of the app's pods: it may read its topology, in its regions, and nothing else."""

from pulumi_seawall import WorkloadIdentity, WorkloadPurpose

WorkloadIdentity(
    "shop-app",
    {
        "purpose": WorkloadPurpose.APP,
        "service": "shop",
        "environment": "prod",
        "account_id": "123456789012",
        "regions": ["eu-west-1"],
        "pods": [
            {"region": "eu-west-1", "cluster_name": "shop", "namespace": "shop", "service_account": "shop"},
        ],
    },
)
