"""What all fits share: errors, tables, units, quantiles."""

import csv
import gzip
import io
import math
import re
import sys
import time
from pathlib import Path


class UserError(Exception):
    """Wrong input: a message for the user, exit code 2."""


class FileError(Exception):
    """A file that cannot be read or written: exit code 3."""


def read_text(path):
    """The text of a file, unpacked when its name ends in .gz."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from None
    try:
        if str(path).endswith(".gz"):
            raw = gzip.decompress(raw)
        return raw.decode("utf-8-sig")
    except (OSError, EOFError, ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: is not UTF-8 text, or not gzip as its name says ({error})") from None


def read_table(path, columns):
    """Rows of a CSV file as dicts of stripped text. UserError unless it has all `columns`."""
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    names = [name.strip() for name in reader.fieldnames or []]
    missing = [name for name in columns if name not in names]
    if missing:
        raise UserError(f"{path}:1: no column {', '.join(missing)}; expected a table with the columns "
                        f"{', '.join(columns)}")
    reader.fieldnames = names
    rows = []
    for row in reader:
        if None in row or any(row[name] is None for name in columns):
            raise UserError(f"{path}:{reader.line_num}: as many cells as the {len(names)} columns "
                            "were expected")
        rows.append({name: (row[name] or "").strip() for name in names} | {"": reader.line_num})
    return rows


def number(path, row, column):
    """The cell as a positive number; UserError with its place otherwise."""
    try:
        value = float(row[column])
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        raise UserError(f"{path}:{row['']}: {column} is {row[column]!r}; expected a number above zero")
    return value


# Units of the catalogue, in SI. Bandwidths are per direction, in bytes per second.
_PREFIX = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "m": 1e-3, "u": 1e-6,
           "n": 1e-9, "p": 1e-12}
_UNITS = {"FLOPS": 1.0, "FLOP": 1.0, "B/s": 1.0, "bps": 0.125, "B": 1.0, "s": 1.0, "W": 1.0,
          "J/FLOP": 1.0, "J/B": 1.0}


def si(text):
    """"989 TFLOPS" as 9.89e14."""
    match = re.fullmatch(r"\s*([0-9.eE+-]+)\s*([kKMGTPmunp]?)(J/FLOP|J/B|FLOPS|FLOP|B/s|bps|B|s|W)\s*", text)
    if not match:
        raise UserError(f"{text!r} is not a quantity that is understood here")
    return float(match[1]) * _PREFIX[match[2]] * _UNITS[match[3]]


def quantity(value, unit, prefix, digits=3):
    """9.89e14 as "989 TFLOPS"."""
    return f"{significant(value / _PREFIX[prefix], digits)} {prefix}{unit}"


def significant(value, digits=3):
    """Plain decimal text with that many significant digits, without trailing zeros."""
    if value == 0:
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    text = f"{round(value, decimals):.{max(decimals, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def quantile(values, share):
    """Linear between order statistics (Hyndman and Fan 1996, type 7)."""
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def median(values):
    return quantile(values, 0.5)


class Progress:
    """One line on a terminal, at most twice a second; nothing in a file."""

    def __init__(self, stream=sys.stderr):
        self._stream, self._last = stream, 0.0
        self._on = stream.isatty()

    def show(self, text):
        now = time.monotonic()
        if self._on and now - self._last > 0.5:
            self._last = now
            self._stream.write("\r\x1b[K" + text[:110])
            self._stream.flush()

    def clear(self):
        if self._on:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
