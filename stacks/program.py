"""An environment, top to bottom. It reads like a table of contents."""

import pulumi

from seawall.errors import SeawallError
from stacks.edge import declare_edge, plan_edge
from stacks.environment import load_environment


def declare() -> None:
    """Declare the environment of the stack that is being deployed.

    Everything is checked before anything is registered. What is wrong with the configuration ends the program with a
    line per problem and no traceback.
    """
    try:
        environment = load_environment()
        plan_edge(environment)
        edge = declare_edge(environment)
    except SeawallError as error:
        # The engine shows a RunError's message alone; anything else it shows with a traceback.
        raise pulumi.RunError(f"{type(error).__name__}: {error}") from error

    pulumi.export("service", environment.service)
    pulumi.export("environment", environment.environment)
    for name, value in edge.outputs.items():
        pulumi.export(name, value)
