"""Exit codes of the `seawall` command."""

from enum import IntEnum

__all__ = ["ExitCode"]


class ExitCode(IntEnum):
    """What a command says to the script that ran it."""

    DONE = 0
    """Done, and nothing needs attention."""
    ATTENTION = 1
    """Done, and something needs attention, e.g. drift: what it is was printed."""
    WRONG_INPUT = 2
    """An option, an argument or a file is not allowed; nothing was done. typer's own errors have it too."""
    UNAVAILABLE = 3
    """AWS could not be asked."""
    UNDONE = 4
    """An operation failed and was undone: all is as it was before."""
    STOPPED = 5
    """An operation rests at a safe point: resume it, or undo it."""
    STUCK = 6
    """An operation cannot go on by itself: what to put right was printed."""
    INTERRUPTED = 130
    """By the user; what shells use for SIGINT."""
