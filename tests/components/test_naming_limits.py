"""Physical names keep within limits, stay apart and stay the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_seawall._dns import dns_name
from pulumi_seawall._naming import physical_name
from pulumi_seawall._regions import CHECKER_REGIONS, REGIONS, known_region
from seawall.errors import InvalidInput

parts = st.lists(st.text("abcdefghij-", min_size=1, max_size=40), min_size=1, max_size=5)


@given(parts, st.integers(20, 80))
def test_a_name_is_never_too_long_and_always_the_same(given_parts, longest):
    """A cut name that changed from run to run would replace what it names."""
    name = physical_name(*given_parts, longest=longest)
    assert len(name) <= longest
    assert name == physical_name(*given_parts, longest=longest)


@given(st.text("ab", min_size=60, max_size=60), st.text("ab", min_size=60, max_size=60))
def test_names_that_are_cut_stay_apart(one, other):
    """Two long names with one beginning get two hashes."""
    same = physical_name("p" * 30, one, longest=63) == physical_name("p" * 30, other, longest=63)
    assert same is (one == other)


def test_a_short_name_is_left_as_it_is():
    """What fits needs no hash."""
    assert physical_name("shop", "dev", longest=8) == "shop-dev"
    assert physical_name("shop", "dev", "x" * 60, longest=30).startswith("shop-dev-xxx")


def test_regions_are_sorted_and_hold_those_with_checkers():
    """A list that is not in order hides what is missing."""
    assert list(REGIONS) == sorted(set(REGIONS))
    assert list(CHECKER_REGIONS) == sorted(set(CHECKER_REGIONS))
    assert set(CHECKER_REGIONS) <= set(REGIONS)


@pytest.mark.parametrize(
    ("region", "guess"),
    [("us-west-3", "us-west-2"), ("eu-west1", "eu-west-1"), ("ap-norteast-1", "ap-northeast-1")],
)
def test_a_mistyped_region_gets_the_nearest_right_one(region, guess):
    """Whoever mistypes gets the answer, not the list."""
    with pytest.raises(InvalidInput, match=f"did you mean {guess}"):
        known_region("region", region)


label = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?\Z")


@given(st.lists(label, min_size=2, max_size=6))
def test_a_valid_name_is_kept_whatever_its_case_and_trailing_dot(labels):
    """One name has one form, or two spellings of it would be compared as two names."""
    name = ".".join(labels)
    if name.replace(".", "").isdigit():
        return  # may be an address
    assert dns_name("name", f"{name.upper()}.") == dns_name("name", name) == name
