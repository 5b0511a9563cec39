"""A security group, without the SDK's `ec2` package: loading that takes a second in every preview, for one resource."""

from typing import Any, cast

import pulumi

from pulumi_seawall._sdk import aws_version


class SecurityGroup(pulumi.CustomResource):
    """`aws.ec2.SecurityGroup` by its token: to the engine and in the state the same resource."""

    def __init__(self, name: str, settings: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        """Register it.

        Args:
            name: The resource's name.
            settings: Its inputs, in the wire's spelling.
            opts: Without a version.
        """
        versioned = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(version=aws_version()))
        super().__init__("aws:ec2/securityGroup:SecurityGroup", name, settings, versioned)

    @property
    def vpc_id(self) -> pulumi.Output[str]:
        """The network that it is in."""
        return cast("pulumi.Output[str]", self.__dict__["vpcId"])  # the SDK keeps outputs by the names of inputs
