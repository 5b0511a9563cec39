"""The tables of `seawall failover` for a service in two regions, in a third one that nothing fails over from or to."""

import pulumi

from pulumi_seawall import FailoverArbiter

arbiter = FailoverArbiter("shop", {"region": "eu-north-1", "regions": ["eu-west-1", "eu-central-1"]})
pulumi.export("failover_settings", arbiter.settings)  # lines for the settings' file, beside cluster and domains
pulumi.export("failover_tables", arbiter.table_arns)  # for a WorkloadIdentity of the purpose observer or operator
