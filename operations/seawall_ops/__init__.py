"""What operators run: the `seawall` command (`seawall_ops.cli`) and the modules beneath it."""

__all__: list[str] = []
