"""`WorkloadIdentity`: one role, with what Seawall's code needs for one purpose."""

from typing import Final

import pulumi
import pulumi_aws as aws

from pulumi_seawall._identity_args import WorkloadIdentityArgs
from pulumi_seawall._identity_trust import Pod
from pulumi_seawall._inputs import known
from pulumi_seawall._naming import LONGEST_ROLE_NAME, own_tags, physical_name
from pulumi_seawall._regions import import_in
from pulumi_seawall._workload_plan import WorkloadPlan, plan_workload_identity

POLICY_NAME: Final = "seawall"


class WorkloadIdentity(pulumi.ComponentResource):
    """A role for the app, the observer, the operator or whoever runs `seawall adopt`, and who may take it.

    What the role may do is generated from the calls that Seawall's code makes for the purpose, on the resources that are
    named, in the regions that are named. Pods take it by EKS Pod Identity: of exactly the service accounts that stand in
    `pods`, in exactly their clusters, which the role's trust policy checks by the session's tags. The add-on
    `eks-pod-identity-agent` must run in the cluster.
    """

    role_arn: pulumi.Output[str]
    """ARN of the role."""
    role_name: pulumi.Output[str]
    """The role's name."""
    policy: pulumi.Output[str]
    """What the role may do, as JSON."""
    trust_policy: pulumi.Output[str]
    """Who may take it, as JSON."""
    association_ids: pulumi.Output[dict[str, str]]
    """Id of the Pod Identity association of each `region/cluster/namespace/serviceaccount`."""

    def __init__(self, name: str, args: WorkloadIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the role, its policy, and an association for each service account.

        Raises:
            InvalidInput: An argument is not allowed; nothing has been registered.
        """
        plan = plan_workload_identity(args)
        super().__init__("seawall:index:WorkloadIdentity", name, {}, opts)
        import_id = plan.import_ids.get("role")
        role = aws.iam.Role(
            name,
            name=import_id or physical_name(pulumi.get_project(), pulumi.get_stack(), name, longest=LONGEST_ROLE_NAME),
            description=plan.description,
            assume_role_policy=plan.trust,
            max_session_duration=plan.session_seconds,
            permissions_boundary=plan.permissions_boundary_arn,
            tags={**own_tags(name), **plan.tags},
            opts=pulumi.ResourceOptions(parent=self, import_=import_id),
        )
        self._policy(name, plan, role)
        associations = {pod.key: self._association(name, pod, plan, role) for pod in plan.pods}

        self.role_arn = role.arn
        self.role_name = role.name
        self.policy = pulumi.Output.from_input(plan.policy)
        self.trust_policy = pulumi.Output.from_input(plan.trust)
        ids = {key: association.association_id for key, association in associations.items()}
        self.association_ids = pulumi.Output.all(**ids) if ids else known({})  # of nothing, `all` makes a list
        self.register_outputs(
            {
                "role_arn": self.role_arn,
                "role_name": self.role_name,
                "policy": self.policy,
                "trust_policy": self.trust_policy,
                "association_ids": self.association_ids,
            }
        )

    def _policy(self, name: str, plan: WorkloadPlan, role: aws.iam.Role) -> None:
        import_id = plan.import_ids.get("role_policy")
        aws.iam.RolePolicy(
            name,
            role=role.name,
            name=import_id.partition(":")[2] if import_id else POLICY_NAME,
            policy=plan.policy,
            opts=pulumi.ResourceOptions(parent=self, import_=import_id),
        )

    def _association(
        self, name: str, pod: Pod, plan: WorkloadPlan, role: aws.iam.Role
    ) -> aws.eks.PodIdentityAssociation:
        import_id = plan.import_ids.get("associations", {}).get(pod.key)
        return aws.eks.PodIdentityAssociation(
            f"{name}-{pod.region}-{pod.cluster_name}-{pod.namespace}-{pod.service_account}",
            region=pod.region,
            cluster_name=pod.cluster_name,
            namespace=pod.namespace,
            service_account=pod.service_account,
            role_arn=role.arn,
            tags={**own_tags(name), **plan.tags},
            opts=pulumi.ResourceOptions(parent=self, import_=import_in(pod.region, import_id)),
        )
