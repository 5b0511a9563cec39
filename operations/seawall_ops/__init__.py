"""What operators run. The tools arrive with later versions."""

__all__: list[str] = []
