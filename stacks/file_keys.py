"""Names of inputs as whoever wrote `Pulumi.<env>.yaml` knows them."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from seawall.errors import InvalidInput


@contextmanager
def named_as(name_in_the_file: Callable[[str], str]) -> Generator[None]:
    """Let a refusal name the key in the file, and not the argument that it became.

    Args:
        name_in_the_file: From the argument's name to the key's.

    Raises:
        InvalidInput: The same one, under the key's name.
    """
    try:
        yield
    except InvalidInput as error:
        name = name_in_the_file(error.name)
        raise InvalidInput(name, error.value, allowed=error.allowed, because=error.because) from error


def below(prefix: str) -> Callable[[str], str]:
    """For `named_as`: arguments that stand in the file under their own names, behind a prefix."""
    return lambda name: f"{prefix}{name}"
