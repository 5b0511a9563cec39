"""Kubernetes' quantities: one amount, one text, as the API server keeps it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_seawall import _quantities
from seawall.errors import InvalidInput

CPU = {
    "1000m": "1",
    "0.5": "500m",
    "500m": "500m",
    "1.50": "1500m",
    "2": "2",
    "0.001": "1m",
    "1k": "1k",
    "1000": "1k",
}
MEMORY = {
    "1024Mi": "1Gi",
    "0.5Gi": "512Mi",
    "1.5Gi": "1536Mi",
    "512Mi": "512Mi",
    "1000M": "1G",
    "536870912": "536870912",
    "5000000k": "5G",
    "8388608000m": "8388608",
}


@pytest.mark.parametrize(("written", "kept"), CPU.items())
def test_cpus_are_written_as_the_api_server_keeps_them(written, kept):
    """What comes back otherwise than it was sent is a new release to Argo."""
    assert _quantities.cpu("cpu", written) == kept


@pytest.mark.parametrize(("written", "kept"), MEMORY.items())
def test_bytes_are_written_as_the_api_server_keeps_them(written, kept):
    """In their own family of units: 1G is not 1Gi."""
    assert _quantities.memory("memory", written) == kept


@pytest.mark.parametrize("value", ["", "half", "-1", "1 ", "0", "0.1m", "0.0005", "1Ki", "1e3", 1, None, "1u"])
def test_what_is_no_amount_of_cpu_is_refused(value):
    """Nothing is guessed."""
    with pytest.raises(InvalidInput, match=r"^resources\.cpu = .*: CPUs as text, e\.g\. 500m or 2; at least 1m$"):
        _quantities.cpu("resources.cpu", value)


@pytest.mark.parametrize("value", ["", "512", "512m", "1000K", "1.00000001Gi", "3Mi", 512, "512 Mi", "512MiB"])
def test_what_is_no_amount_of_memory_is_refused(value):
    """A limit of 512 bytes (or 512m, half a byte) kills every pod at its start."""
    with pytest.raises(InvalidInput, match=r"^memory = .*: bytes as text, e\.g\. 512Mi or 2Gi; at least 4Mi$"):
        _quantities.memory("memory", value)


@given(
    number=st.decimals(min_value="0.001", max_value="100000", places=3, allow_nan=False),
    suffix=st.sampled_from(["", "k", "M"]),
)
def test_the_kept_text_stands_for_the_same_amount_and_is_kept_as_it_is(number, suffix):
    """For every amount: the canonical text is equal in value, and its own canonical text."""
    written = f"{number}{suffix}"
    kept = _quantities.cpu("cpu", written)
    assert _quantities.amount_of(kept) == _quantities.amount_of(written)
    assert _quantities.cpu("cpu", kept) == kept
    assert "." not in kept
