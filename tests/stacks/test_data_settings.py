"""The `database` section says everything that the component takes, by the same names, and nothing that it does not."""

from typing import Any

import pytest

import pulumi_seawall as components
from stacks import database_settings as settings

FROM_ELSEWHERE = {"password", "epoch", "objectives", "tags", "recovered_elsewhere"}  # of the environment as a whole

PAIRS: dict[str, tuple[Any, Any, set[str], set[str]]] = {
    "database": (settings.DatabaseSettings, components.ReplicatedDatabaseArgs, set(), FROM_ELSEWHERE),
    "members": (settings.DatabaseMember, components.DatabaseMemberArgs, {"network"}, set()),
    "alarms": (settings.DatabaseAlarms, components.DatabaseAlarmsArgs, set(), set()),
    "writer_name": (settings.WriterName, components.WriterNameArgs, set(), set()),
    "recovery": (settings.DatabaseRecovery, components.DatabaseRecoveryArgs, set(), set()),
    "recovery's spans": (settings.Span, components.SpanArgs, set(), set()),
    "waivers": (settings.Waiver, components.WaiverArgs, set(), set()),
}


@pytest.mark.parametrize("section", PAIRS)
def test_a_section_has_the_components_names(section: str) -> None:
    """A key that only one of the two knows is either refused in the file or refused by the component."""
    model, args, only_in_the_file, not_in_the_file = PAIRS[section]
    keys = set(args.__required_keys__) | set(args.__optional_keys__)
    assert set(model.model_fields) - only_in_the_file == keys - not_in_the_file


@pytest.mark.parametrize("section", PAIRS)
def test_a_section_requires_what_the_component_requires(section: str) -> None:
    """What is missing is said in the file's words, before the component is asked."""
    model, args, _, not_in_the_file = PAIRS[section]
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    assert required == set(args.__required_keys__) - not_in_the_file
