"""`PipelineIdentity`: a pipeline's two roles, without a key that could be stolen."""

from typing import Final

import pulumi
import pulumi_aws as aws

from pulumi_seawall._identity_args import PipelineIdentityArgs
from pulumi_seawall._inputs import known
from pulumi_seawall._naming import LONGEST_ROLE_NAME, own_tags, physical_name
from pulumi_seawall._pipeline_access import OWN_PATH
from pulumi_seawall._pipeline_plan import PipelinePlan, plan_pipeline_identity

LONGEST_POLICY_NAME: Final = 128  # characters; IAM


class PipelineIdentity(pulumi.ComponentResource):
    """Two roles that tokens of a pipeline can take: `preview` reads what a preview and a drift check read, `deploy` also
    changes what the stack's resource types need.

    Tokens come by OpenID Connect from one issuer, for one audience, with subjects that are named exactly; branches may be
    named by pattern. A pull request never deploys. What the roles may do is generated from the calls that reading and
    changing each resource type makes. The pipeline cannot change its own rights, and no role at all unless a policy
    bounds it (`role_boundary_arn`).
    """

    provider_arn: pulumi.Output[str]
    """ARN of the issuer's OpenID Connect provider."""
    preview_role_arn: pulumi.Output[str]
    """ARN of the role that only looks."""
    deploy_role_arn: pulumi.Output[str]
    """ARN of the role that deploys."""
    read_policies: pulumi.Output[list[str]]
    """What both roles may do, as JSON; as many documents as IAM's size for one asks for."""
    write_policies: pulumi.Output[list[str]]
    """What the deploy role may do beyond that, likewise."""

    def __init__(self, name: str, args: PipelineIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the roles, their policies, and the issuer's provider unless the account has it.

        Raises:
            InvalidInput: An argument is not allowed; nothing has been registered.
        """
        plan = plan_pipeline_identity(args)
        super().__init__("seawall:index:PipelineIdentity", name, {}, opts)
        provider = self._issuer(name, plan) if plan.declares_provider else None
        first = [provider] if provider else []
        preview = self._role(name, "preview", plan.preview_trust, plan, plan.import_ids.get("preview_role"), first)
        deploy = self._role(name, "deploy", plan.deploy_trust, plan, plan.import_ids.get("deploy_role"), first)
        for number, document in enumerate(plan.read_policies, start=1):
            read = self._policy(name, f"read-{number}", document, plan)
            self._attach(f"{name}-preview-read-{number}", preview, read)
            self._attach(f"{name}-deploy-read-{number}", deploy, read)
        for number, document in enumerate(plan.write_policies, start=1):
            write = self._policy(name, f"write-{number}", document, plan)
            self._attach(f"{name}-deploy-write-{number}", deploy, write)

        self.provider_arn = provider.arn if provider else pulumi.Output.from_input(plan.provider_arn)
        self.preview_role_arn = preview.arn
        self.deploy_role_arn = deploy.arn
        self.read_policies = known(list(plan.read_policies))
        self.write_policies = known(list(plan.write_policies))
        self.register_outputs(
            {
                "provider_arn": self.provider_arn,
                "preview_role_arn": self.preview_role_arn,
                "deploy_role_arn": self.deploy_role_arn,
                "read_policies": self.read_policies,
                "write_policies": self.write_policies,
            }
        )

    def _issuer(self, name: str, plan: PipelinePlan) -> aws.iam.OpenIdConnectProvider:
        return aws.iam.OpenIdConnectProvider(
            name,
            url=plan.issuer,
            client_id_lists=[plan.audience],
            tags={**own_tags(name), **plan.tags},
            opts=pulumi.ResourceOptions(parent=self, import_=plan.import_ids.get("provider")),
        )

    def _role(
        self,
        name: str,
        purpose: str,
        trust: str,
        plan: PipelinePlan,
        import_id: str | None,
        first: list[aws.iam.OpenIdConnectProvider],
    ) -> aws.iam.Role:
        project, stack = pulumi.get_project(), pulumi.get_stack()
        return aws.iam.Role(
            f"{name}-{purpose}",
            name=import_id or physical_name(project, stack, name, purpose, longest=LONGEST_ROLE_NAME),
            path=None if import_id else OWN_PATH,  # another path would replace the role that is imported
            description=f"Pipeline of {project}/{stack}: {purpose}",
            assume_role_policy=trust,
            tags={**own_tags(name), **plan.tags},
            opts=pulumi.ResourceOptions(parent=self, import_=import_id, depends_on=first),
        )

    def _policy(self, name: str, purpose: str, document: str, plan: PipelinePlan) -> aws.iam.Policy:
        project, stack = pulumi.get_project(), pulumi.get_stack()
        return aws.iam.Policy(
            f"{name}-{purpose}",
            name=physical_name(project, stack, name, purpose, longest=LONGEST_POLICY_NAME),
            path=OWN_PATH,
            policy=document,
            tags={**own_tags(name), **plan.tags},
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _attach(self, label: str, role: aws.iam.Role, policy: aws.iam.Policy) -> None:
        aws.iam.RolePolicyAttachment(
            label, role=role.name, policy_arn=policy.arn, opts=pulumi.ResourceOptions(parent=self)
        )
