"""calibrate.py as a user calls it."""

import contextlib
import io
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import calibrate  # noqa: E402


def run(*arguments):
    """(exit code, what it printed)."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            code = calibrate.main([str(a) for a in arguments])
        except SystemExit as exit_:
            code = exit_.code
    return code, out.getvalue()
