"""Finds the program and runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Mapping, Sequence

_MEANINGS = {1: "the simulation failed", 2: "wrong input", 3: "results could not be written"}


class GridlockError(Exception):
    """What the program has refused.

    Attributes:
        code: its exit code: 1 the simulation failed, 2 wrong input, 3 results could not be written;
            negative: the number of the signal that ended it.
        message: its lines on stderr, each with file, line and column where it has them.
        arguments: the command line, without the program.
    """

    def __init__(self, code: int, message: str, arguments: Sequence[str]) -> None:
        self.code = code
        self.message = message
        self.arguments = list(arguments)
        super().__init__(message or f"gridlock ended with exit code {code}")

    @property
    def meaning(self) -> str:
        """What the exit code stands for, in words."""
        return _MEANINGS.get(self.code, f"ended by signal {-self.code}" if self.code < 0 else "")


def program() -> str:
    """Path of the program: $GRIDLOCK, else build/release or build of the source tree that this package
    lies in, else the first on $PATH.

    Raises:
        FileNotFoundError: there is none.
    """
    named = os.environ.get("GRIDLOCK")
    if named:
        if shutil.which(named) is None:
            raise FileNotFoundError(f"GRIDLOCK={named}: no such program")
        return named
    root = Path(__file__).resolve().parents[2]
    for build in ("build/release", "build"):
        path = root / build / "tools" / "gridlock"
        if path.is_file():
            return str(path)
    found = shutil.which("gridlock")
    if found is None:
        raise FileNotFoundError("there is no program gridlock on the path; set GRIDLOCK to one, or build "
                                "it: cmake -S . -B build -G Ninja && cmake --build build")
    return found


def option_words(options: Mapping[str, Any]) -> list[str]:
    """["--top", "5", "--explain"]: None and False leave an option out, True gives it alone, and a list
    becomes one word with commas."""
    words: list[str] = []
    for name, value in options.items():
        if value is None or value is False:
            continue
        words.append(name)
        if value is not True:
            listed = value if isinstance(value, (list, tuple)) else [value]
            words.append(",".join(str(each) for each in listed))
    return words


def call(arguments: Sequence[str]) -> str:
    """Runs the program and returns what it prints.

    Raises:
        GridlockError: the exit code is not 0.
    """
    done = subprocess.run([program(), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise GridlockError(done.returncode, done.stderr.strip(), arguments)
    return done.stdout


def version() -> str:
    """Version and commit of the program: "0.1.0 (c861d08c1a2b)"."""
    return call(["--version"]).strip()
