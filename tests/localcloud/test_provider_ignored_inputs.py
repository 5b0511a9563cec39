"""What a program has the engine ignore is no difference, wherever the engine remembers it."""

from localcloud.provider.aws.database import INSTANCE
from localcloud.provider.differ import changes

WRITTEN = {"instanceClass": "db.r6g.large", "password": "correct-horse-battery", "skipFinalSnapshot": True}


def test_an_ignored_input_that_nothing_reads_back_is_no_difference():
    """A password stands in the old inputs alone: left out and ignored, it was seen as taken away, for ever."""
    state = {"instanceClass": "db.r6g.large"}
    left_out = {"instanceClass": "db.r6g.large"}
    ignored = ("password", "skipFinalSnapshot")
    assert [change.name for change in changes(INSTANCE, state, WRITTEN, left_out)] == list(ignored)
    assert changes(INSTANCE, state, WRITTEN, left_out, ignored) == []
