"""Messages are one line each: the name, the value, what is allowed, and why."""

import pickle

import pytest

from seawall import errors
from seawall.errors import (
    MISSING,
    CloudUnavailable,
    InvalidInput,
    MissingExtra,
    ObjectiveNotMet,
    SeawallError,
    TopologyUnavailable,
)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InvalidInput("ttl_seconds", 3600, allowed="at most 60"), "ttl_seconds = 3600: at most 60"),
        (
            InvalidInput("ttl_seconds", 3600, allowed="at most 50", because="40 are spent"),
            "ttl_seconds = 3600: at most 50, because 40 are spent",
        ),
        (InvalidInput("secondary", MISSING, allowed="required"), "secondary is missing: required"),
        (InvalidInput("name", "", allowed="a name"), "name = '': a name"),
        (InvalidInput("name", "a\nb", allowed="a name"), "name = 'a\\nb': a name"),
        (InvalidInput("name", " a", allowed="a name"), "name = ' a': a name"),
        (InvalidInput("name", "a" * 200, allowed="a name"), f"name = {'a' * 119}…: a name"),
        (ObjectiveNotMet(["one", "two"]), "one; two"),
        (
            MissingExtra("redis", feature="RedisBreaker"),
            "RedisBreaker needs an extra that is not installed: pip install 'seawall[redis]'",
        ),
    ],
)
def test_a_message_is_one_line(error, line):
    """A tired person reads one line in a log, not a traceback."""
    assert str(error) == line
    assert "\n" not in line
    assert isinstance(error, SeawallError)


@pytest.mark.parametrize(
    "error",
    [
        InvalidInput("secondary", MISSING, allowed="required", because="of the test"),
        ObjectiveNotMet(["one", "two"]),
        MissingExtra("redis", feature="RedisBreaker"),
        TopologyUnavailable("ssm eu-west-1", "throttled"),
        CloudUnavailable("route53 GetHealthCheck", "AccessDenied"),
    ],
)
def test_errors_survive_pickling_with_their_attributes(error):
    """They cross process pools and test workers."""
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_the_tree_in_the_docstring_names_every_error():
    """The docstring is where people look for what to catch."""
    public = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}
    tree = errors.__doc__ or ""
    assert {name for name in public if name not in tree} == set()


def test_invalid_input_is_a_value_error_and_a_missing_extra_an_import_error():
    """Callers that know only Python's own errors catch them all the same."""
    assert issubclass(InvalidInput, ValueError)
    assert issubclass(MissingExtra, ImportError)
