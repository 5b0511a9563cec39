"""Run a command that must not outlive whoever asked for it.

Started by `child.Child` as the leader of a session of its own, with a pipe as standard input. The other end of the pipe
closes when the asking process ends in whatever way, SIGKILL included; then the whole process group is killed. A script
of its own, in the standard library alone, so that it starts in hundredths of a second. Its first argument is the user
and group to run the command as, `uid:gid`, or nothing for its own.
"""

import os
import signal
import subprocess
import sys
import threading

SIGNALLED = 128  # a shell's exit code for "ended by signal n" is 128 + n


def end_with(command: "subprocess.Popen[bytes]") -> None:
    """Leave with the command's own exit code as soon as it has one."""
    code = command.wait()
    os._exit(code if code >= 0 else SIGNALLED - code)


if __name__ == "__main__":
    uid, _, gid = sys.argv[1].partition(":")
    try:
        if uid:
            started = subprocess.Popen(
                sys.argv[2:], stdin=subprocess.DEVNULL, user=int(uid), group=int(gid), extra_groups=()
            )
        else:
            started = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.exit(f"{sys.argv[2]}: {error.strerror}")
    threading.Thread(target=end_with, args=(started,), daemon=True).start()
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)
