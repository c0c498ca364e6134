#!/usr/bin/env python3
"""How commands end when somebody or something stops them: signals, a parent that is killed, and
outputs that are full.

usage: endings_test.py GRIDLOCK [--times N]   more times than by default, at more random moments
"""

import os
import pty
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
STEP = "examples/02-llama-405b-16k/scenario.textproto"
LIFE = "examples/04-a-week-of-a-fleet/scenario.textproto"
DISK_FULL = "gridlock: cannot write to standard output: No space left on device\n"


def commands(folder):
    """(name, arguments) of the commands that take long enough to be stopped in the middle."""
    long_life = ["--set", "horizon=60 days"]
    return [
        ("life", ["run", LIFE, *long_life, "-o", folder]),
        ("step", ["run", STEP, "--fidelity", "full", "-o", folder]),
        ("cap", ["cap", STEP, "--values", "900,890,...,20GBps", "-o", folder]),
        ("validate", ["validate", "-o", folder + "/errors.txt"]),
        ("generate", ["generate", LIFE, *long_life, "-o", folder + "/jobs.pb"]),
    ]


def group_of(leader):
    """Processes of the group that run (zombies, which wait for their parent, left out)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, group = stat.read_text().rsplit(")", 1)[1].split()[:3]
        except (OSError, ValueError):
            continue
        if int(group) == leader and state not in "ZX":
            found.append(int(stat.parent.name))
    return found


def assert_nothing_runs(leader, what):
    deadline = time.monotonic() + 10
    while group_of(leader):
        assert time.monotonic() < deadline, f"{what}: {group_of(leader)} still run"
        time.sleep(0.01)


def begin(gridlock, arguments):
    return subprocess.Popen([gridlock, *arguments, "--quiet"], cwd=ROOT, start_new_session=True,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def stop(gridlock, name, arguments, number, folder, to_group=False):
    """Sends a signal at a random moment; True when it came before the end."""
    run = begin(gridlock, arguments)
    time.sleep(random.uniform(0.01, 1.0))
    try:
        (os.killpg if to_group else os.kill)(run.pid, number)
    except ProcessLookupError:
        pass
    _, message = run.communicate(timeout=30)
    what = f"{name}, {signal.Signals(number).name}"
    assert_nothing_runs(run.pid, what)
    if run.returncode == 0:
        return False
    assert run.returncode == -number, f"{what}: ended with {run.returncode}: {message}"
    left = sorted(os.listdir(folder))
    if number == signal.SIGKILL:
        return True
    if "trace.h5.part" in left:
        match = re.search(r"gridlock: (?:the step|the \d+ steps) that finished (?:is|are) in "
                          r"(\S+trace\.h5\.part)\n$", message)
        assert match and match.group(1) == folder + "/trace.h5.part", f"{what}: said {message!r}"
        left.remove("trace.h5.part")
    else:
        assert message == "", f"{what}: said {message!r}"
    assert left in ([], ["trace.h5"]), f"{what}: left {left}"
    return True


def check_signals(gridlock, times):
    """Ends by the signal, says where finished rows are, leaves no process and no debris."""
    def stopped_one(index):
        with tempfile.TemporaryDirectory() as folder:
            name, arguments = commands(folder)[index % 5]
            number = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)[index // 5 % 3]
            to_group = index // 15 % 2 == 1  # as a terminal does
            return stop(gridlock, name, arguments, number, folder, to_group)

    with ThreadPoolExecutor(3) as pool:  # most of the time is waiting
        stopped = sum(pool.map(stopped_one, range(times)))
    assert stopped >= times // 2, f"only {stopped} of {times} were stopped before their end"
    print(f"{stopped} of {times} commands were stopped by a signal")


def check_terminal(gridlock):
    """Ctrl-C typed on a terminal ends a life as any other command."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = commands(folder)[0][1]
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(ROOT)
            os.execv(gridlock, [gridlock, *arguments])
        seen = b""
        try:
            while chunk := os.read(terminal, 4096):
                seen += chunk
                if b"so far" in seen and b"^C" not in seen:
                    os.write(terminal, b"\x03")
        except OSError:
            pass  # the terminal's other side is closed
        _, status = os.waitpid(child, 0)
        ended = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT
        assert ended, (status, seen[-500:])
        assert b"fault" not in seen and b"gridlock:" not in seen, seen
        assert b"living 60 days:" in seen, seen


def check_full_outputs(gridlock):
    """A screen that is a full disk is an error of every command, and a closed one, too."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "out").mkdir()
        life = ["run", LIFE, "-q", "--set", "horizon=1 hour", "-o", folder + "/out"]
        for arguments in (["run", "examples/01-two-servers/scenario.textproto", "-q",
                           "-o", folder + "/out"], life, life + ["--format", "json"],
                          ["cap", "examples/01-two-servers/scenario.textproto", "--values",
                           "900GBps", "-q", "-o", folder + "/out"],
                          ["topo", "--cluster", "meta_24k_h100"], ["schema"], ["--help"],
                          ["catalog", "list"], ["catalog", "rules"], ["--version"],
                          ["generate", LIFE, "-q", "--set", "horizon=1 hour", "-o", folder + "/jobs.pb"],
                          ["validate", "--quiet", "--id", "SC21-A100-76B"]):
            with open("/dev/full", "w", encoding="utf-8") as full:
                run = subprocess.run([gridlock, *arguments], cwd=ROOT, stdout=full,
                                     stderr=subprocess.PIPE, text=True)
            assert (run.returncode, run.stderr) == (3, DISK_FULL), (arguments, run)
    run = subprocess.run(f"{gridlock} schema >&-", shell=True, capture_output=True, text=True)
    assert run.returncode == 3 and "Bad file descriptor" in run.stderr, run
    # Nobody reads any more: ended by SIGPIPE, quietly.
    read_end, write_end = os.pipe()
    os.close(read_end)
    run = subprocess.run([gridlock, "schema"], stdout=write_end, stderr=subprocess.PIPE, text=True)
    os.close(write_end)
    assert (run.returncode, run.stderr) == (-signal.SIGPIPE, ""), run


def main():
    gridlock = os.path.abspath(sys.argv[1])
    times = int(sys.argv[sys.argv.index("--times") + 1]) if "--times" in sys.argv else 15
    random.seed()
    # Ctrl-C ends the children, even where this test itself runs in the background of a shell.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    check_full_outputs(gridlock)
    check_terminal(gridlock)
    check_signals(gridlock, times)
    print("PASS")


if __name__ == "__main__":
    main()
