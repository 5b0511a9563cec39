"""What a failover does: confirm, announce, fence, promote, verify, publish, move the name, keep fenced.

`handover` says who hands over to whom, `steps` holds the steps, `plan` puts them together for `seawall_ops.steps`. `servers`
and `places` say what the steps ask of a database, of the service's name, and of where the live topology is kept.
"""
