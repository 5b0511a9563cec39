"""`seawall dns`: read a zone, from Route 53 or from files, and show what `seawall_ops.dns` makes of it."""

__all__: list[str] = []
