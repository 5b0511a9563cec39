"""Tokens: positions, what a session remembers, and histories that part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.errors import InvalidInput
from seawall.replicas import ConsistencyToken, TimeToken, TokenSigner, observe_postgres
from seawall.replicas._lineage import Fork, Held, Lineage, grown
from seawall.replicas._tokens import Tokens, format_lsn, parse_lsn, settled

SYSTEM = 7_712_146_970_279_348_208
KEY = b"0123456789abcdef"
lsns = st.integers(0, 2**64 - 1)
tokens = st.builds(ConsistencyToken, st.integers(0, 2**64 - 1), st.integers(1, 2**32 - 1), lsns)


@given(lsn=lsns)
def test_a_position_is_read_as_it_is_written(lsn: int) -> None:
    """PostgreSQL's own text, both ways, for every position that there is."""
    assert parse_lsn(format_lsn(lsn)) == lsn


@pytest.mark.parametrize("text", ["", "0", "0/", "/0", "0/0/0", "g/0", "123456789/0", " 0/0", "0/0\n", "-1/0"])
def test_what_is_no_position_is_refused(text: str) -> None:
    """A driver that gives something else must not become a token of somewhere."""
    with pytest.raises(InvalidInput, match="lsn"):
        parse_lsn(text)


@given(page=st.integers(1, 2**40), record=st.integers(3, 1000))
def test_a_position_behind_a_page_header_is_the_page_before(page: int, record: int) -> None:
    """The insert position lies behind the next page's header already, a replica's replay stops before it: on an idle server
    a session would wait for ever. Any other position is left alone."""
    boundary = page * 8192
    assert settled(boundary + 24) == settled(boundary + 40) == settled(boundary) == boundary
    somewhere = boundary + record * 8
    assert somewhere % 8192 in (24, 40) or settled(somewhere) == somewhere


@given(given_=st.lists(tokens, max_size=12))
def test_a_session_remembers_the_furthest_of_each_history(given_: list[ConsistencyToken]) -> None:
    """The order in which commits are noted does not count, and the latest histories are kept."""
    known = Tokens()
    for each in given_:
        known.add(each)
    furthest = dict[tuple[int, int], int]()
    for each in given_:
        history = (each.system_id, each.timeline)
        furthest[history] = max(furthest.get(history, 0), each.lsn)
    assert all(furthest[each.system_id, each.timeline] == each.lsn for each in known.positions)
    assert len(known.positions) == min(4, len(furthest))
    if given_:
        assert max(each.timeline for each in known.positions) == max(each.timeline for each in given_)


@given(positions=st.lists(tokens, max_size=4), moment=st.none() | st.floats(0, 2e9))
def test_signed_tokens_come_back(positions: list[ConsistencyToken], moment: float | None) -> None:
    """What a cookie carries is what was written, to the microsecond of a moment, and of characters that a cookie may have."""
    signer = TokenSigner(KEY, now=lambda: 1e9)
    given_ = [*positions, *([] if moment is None else [TimeToken(moment)])]
    text = signer.dump(given_)
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    assert len(text) <= 400
    if not given_:
        assert text == ""
        return
    loaded = signer.load(text)
    assert loaded is not None
    assert [each for each in loaded if isinstance(each, ConsistencyToken)] == positions
    moments = [each.at_seconds for each in loaded if isinstance(each, TimeToken)]
    assert moments == ([] if moment is None else [pytest.approx(moment, abs=1e-6)])


@given(
    text=st.text(max_size=60)
    | st.from_regex(r"1\.[0-9a-f]{1,8}\.[0-9a-f_-]{0,40}\.\.[A-Za-z0-9_-]{22}", fullmatch=True)
)
def test_a_text_that_was_not_signed_is_no_token(text: str) -> None:
    """A client cannot make the servers wait for a position of its own making; and nothing it sends raises."""
    assert TokenSigner(KEY).load(text) is None


def test_a_changed_text_is_no_token() -> None:
    """Every single character counts."""
    signer = TokenSigner(KEY)
    text = signer.dump([ConsistencyToken(SYSTEM, 1, 4096)])
    for index, old in enumerate(text):
        new = "0" if old != "0" else "1"
        assert signer.load(text[:index] + new + text[index + 1 :]) is None


def test_old_texts_and_texts_from_the_future_are_no_tokens() -> None:
    """A cookie that outlived its age would make readers useless for ever; one from the future is somebody else's clock."""
    now = [1e9]
    signer = TokenSigner(KEY, max_age_seconds=300, now=lambda: now[0])
    text = signer.dump([ConsistencyToken(SYSTEM, 1, 4096)])
    for offset, good in ((300, True), (302, False), (-60, True), (-62, False)):
        now[0] = 1e9 + offset
        assert (signer.load(text) is not None) is good


def test_keys_can_be_changed_without_losing_anybody() -> None:
    """The first key signs, all are accepted; a key that was taken away is not."""
    old, new = b"o" * 16, b"n" * 16
    text = TokenSigner(old).dump([ConsistencyToken(SYSTEM, 1, 4096)])
    assert TokenSigner([new, old]).load(text) is not None
    assert TokenSigner(new).load(text) is None


@pytest.mark.parametrize("keys", [b"", b"short", [], [b"0" * 16, b"short"]])
def test_a_short_key_is_refused_and_not_shown(keys: bytes | list[bytes]) -> None:
    """A key that can be guessed signs nothing; and no key is ever in a message."""
    with pytest.raises(InvalidInput, match="keys") as refused:
        TokenSigner(keys)
    assert "short" not in str(refused.value)


# Histories. The model: a tree of timelines, each with its parent and where it left it.


@st.composite
def families(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Parents and forks of timelines 2, 3, ...: each fork at or behind where its parent began."""
    begins = [0, 0]
    family: list[tuple[int, int]] = []
    for timeline in range(2, 2 + draw(st.integers(1, 5))):
        parent = draw(st.integers(1, timeline - 1))
        fork = begins[parent] + draw(st.integers(0, 100))
        begins.append(fork)
        family.append((parent, fork))
    return family


def is_in(family: list[tuple[int, int]], present: int, timeline: int, lsn: int) -> bool:
    """Whether what was written before `lsn` in `timeline` is in `present`."""
    while present != timeline:
        if present < 2:
            return False
        present, fork = family[present - 2]
        if lsn > fork:
            # What lies before both forks is common to sibling histories.
            return False
    return True


@given(family=families(), seen=st.data())
def test_a_history_is_never_said_to_have_what_it_lacks(family: list[tuple[int, int]], seen: st.DataObject) -> None:
    """Whatever of the promotions was seen, and however exactly: YES is true and NO is true."""
    present = seen.draw(st.integers(1, len(family) + 1))
    path = [present]
    while path[-1] != 1:
        path.append(family[path[-1] - 2][0])
    lineage: Lineage | None = None
    for timeline in reversed(path):
        if timeline != present and seen.draw(st.booleans()):
            continue  # nobody looked while this was the writer's
        parent, fork = family[timeline - 2] if timeline > 1 else (None, 0)
        knows = seen.draw(st.booleans())
        replayed = max(0, fork - seen.draw(st.integers(0, 30)))
        left = None
        if parent is not None and seen.draw(st.booleans()):
            ancestors = [each for each in path if each <= parent]
            left = seen.draw(st.sampled_from(ancestors))
        lineage = grown(
            lineage,
            SYSTEM,
            timeline,
            fork=fork if knows and timeline > 1 else None,
            left=left,
            bounds=(replayed if left is not None else 0, fork + seen.draw(st.integers(0, 50))),
        )
    assert lineage is not None
    timeline = seen.draw(st.integers(1, len(family) + 1))
    begin = family[timeline - 2][1] if timeline > 1 else 0
    token = ConsistencyToken(SYSTEM, timeline, begin + seen.draw(st.integers(1, 300)))
    held = lineage.holds(token)
    truth = is_in(family, present, timeline, token.lsn)
    if held is Held.YES:
        assert truth
    if held is Held.NO:
        assert not truth


def test_one_promotion_that_was_watched_leaves_nothing_unknown() -> None:
    """The usual case: the fork is known exactly, and every earlier write is either kept or lost."""
    lineage = grown(None, SYSTEM, 1, fork=None, left=None, bounds=(0, 500))
    lineage = grown(lineage, SYSTEM, 2, fork=600, left=1, bounds=(590, 700))
    answers = {lsn: lineage.holds(ConsistencyToken(SYSTEM, 1, lsn)) for lsn in (1, 600, 601, 10_000)}
    assert answers == {1: Held.YES, 600: Held.YES, 601: Held.NO, 10_000: Held.NO}
    assert lineage.holds(ConsistencyToken(SYSTEM, 3, 1)) is Held.UNKNOWN
    assert "goes back to timeline 1 at 0/258" in lineage.parting(ConsistencyToken(SYSTEM, 1, 601))


def test_a_fork_between_two_bounds_is_shown_as_such() -> None:
    """After a restart the promoted server has forgotten where its timeline began; what is between is unknown."""
    lineage = grown(Lineage(SYSTEM, 1), SYSTEM, 2, fork=None, left=1, bounds=(500, 700))
    assert lineage.forks == ((1, Fork(500, 700)),)
    answers = {lsn: lineage.holds(ConsistencyToken(SYSTEM, 1, lsn)) for lsn in (500, 501, 700, 701)}
    assert answers == {500: Held.YES, 501: Held.UNKNOWN, 700: Held.UNKNOWN, 701: Held.NO}


def test_a_writer_behind_a_page_header_is_where_its_replicas_stand() -> None:
    """Right after a log switch the insert position is 40 bytes further than any replica can replay to: nobody lags for it."""
    writer = observe_postgres((False, str(SYSTEM), "000000020000000000000003", "0/2000028", "0/1FFFFF0", None, 2, 0))
    replica = observe_postgres((True, str(SYSTEM), None, None, "0/2000000", None, 1, 2))
    assert writer.position == replica.position == 0x2000000
    assert (writer.timeline, writer.fork, writer.in_recovery) == (2, 0x1FFFFF0, False)
    assert replica.timeline == 2, "the latest timeline that the control file knows of"
