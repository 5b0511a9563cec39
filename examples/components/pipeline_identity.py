"""Roles for a pipeline without stored keys: pull requests may look, the prod environment may deploy."""

from pulumi_seawall import PipelineIdentity

PipelineIdentity(
    "ci",
    {
        "account_id": "123456789012",
        "regions": ["eu-west-1", "eu-central-1"],
        "preview": {"subjects": ["repo:acme/shop:pull_request"]},
        "deploy": {"subjects": ["repo:acme/shop:environment:prod"]},
        "name_prefixes": ["seawall-prod"],
    },
)
