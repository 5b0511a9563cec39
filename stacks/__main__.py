"""What the engine runs. Inline programs pass `declare` themselves."""

from stacks.program import declare

declare()
