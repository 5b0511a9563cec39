"""The one pair of converters between the engine's values and plain Python, and the journal of creations."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from localcloud.provider import values
from localcloud.provider.journal import Journal
from localcloud.provider.values import UNKNOWN

TYPE = "aws:route53/zone:Zone"
LEAVES = st.one_of(
    st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), st.text(), st.just(UNKNOWN)
)  # fmt: skip
NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1)
ANY = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=10,
)


@given(st.dictionaries(NAMES, ANY, max_size=4))
def test_what_goes_to_the_engine_comes_back_the_same(plain: dict[str, Any]) -> None:
    """For any value at any depth: whole numbers stay whole, unknowns stay unknown, nothing becomes a secret."""
    back, secrets = values.to_plain(values.to_properties(plain))
    assert back == plain
    assert not secrets


@given(st.dictionaries(NAMES, st.text(min_size=1), min_size=1, max_size=4), st.data())
def test_what_was_secret_stays_secret(plain: dict[str, Any], data: st.DataObject) -> None:
    """A secret that loses its mark on the way stands in the state in clear."""
    hidden = data.draw(st.sets(st.sampled_from(sorted(plain)), min_size=1))
    paths = frozenset((name,) for name in hidden)
    back, secrets = values.to_plain(values.to_properties(plain, paths))
    assert back == plain
    assert secrets == paths


def test_an_error_is_shown_without_its_secrets() -> None:
    """botocore's messages repeat the value they complain about."""
    assert "hunter2" not in values.redacted("Invalid value 'hunter2' for MasterPassword", {"hunter2"})


def test_a_creation_that_the_engine_never_heard_of_is_found_by_the_next_run(tmp_path: Path) -> None:
    """Killed after the object was made: another process, reading the file anew, is led to it."""
    journal = Journal(tmp_path / "journal.json")
    entry = journal.begin("urn::a", TYPE, {"name": "a.test"}, {})
    journal.made(entry, "Z1", {"name": "a.test"})
    found = Journal(tmp_path / "journal.json").entry("urn::a", TYPE)
    assert found is not None
    assert found.id == "Z1"
    assert found.reference == entry.reference


def test_a_replacement_never_adopts_the_object_that_it_replaces(tmp_path: Path) -> None:
    """The engine asks Diff with the old id before it creates the new one: that ends the old one's entry."""
    journal = Journal(tmp_path / "journal.json")
    journal.made(journal.begin("urn::a", TYPE, {"name": "old"}, {}), "old-id", {"name": "old"})
    journal.known("urn::a", "old-id")
    assert journal.entry("urn::a", TYPE) is None


def test_a_replacement_that_was_killed_half_way_is_still_found(tmp_path: Path) -> None:
    """Diff names the old object's id again in the next run, which must not end the new object's entry."""
    journal = Journal(tmp_path / "journal.json")
    journal.made(journal.begin("urn::a", TYPE, {"name": "new"}, {}), "new-id", {"name": "new"})
    journal.known("urn::a", "old-id")
    journal.known_by_inputs("urn::a", {"name": "old"})
    found = journal.entry("urn::a", TYPE)
    assert found is not None
    assert found.id == "new-id"


def test_two_stacks_on_one_journal_do_not_mix(tmp_path: Path) -> None:
    """Their URNs differ in the stack, and nothing else keeps them apart."""
    journal = Journal(tmp_path / "journal.json")
    journal.made(journal.begin("urn:pulumi:dev::p::T::a", TYPE, {}, {}), "Z1", {})
    assert journal.entry("urn:pulumi:prod::p::T::a", TYPE) is None
    journal.known("urn:pulumi:prod::p::T::a", "Z1")
    assert journal.entry("urn:pulumi:dev::p::T::a", TYPE) is not None


def test_the_journal_holds_no_value_of_an_input(tmp_path: Path) -> None:
    """Inputs may be secrets, and a journal is a plain file."""
    journal = Journal(tmp_path / "journal.json")
    inputs = {"password": "hunter2"}
    journal.made(journal.begin("urn::a", TYPE, inputs, {}), "id", inputs)
    assert "hunter2" not in (tmp_path / "journal.json").read_text(encoding="utf-8")
