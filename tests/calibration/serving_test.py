#!/usr/bin/env python3
"""Claims about the fit of serving engines: families of releases, blindness, and that it finds a constant.

usage: serving_test.py GRIDLOCK
"""

import math
import sys
import unittest
from argparse import Namespace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from calibration import serving  # noqa: E402
from calibration.common import UserError  # noqa: E402

ENGINES = ROOT / serving.TABLE
OPTIONS = {"prior": 3e-4, "engines": "vllm_1", "constants": "host_us"}


class FakeProgram:
    """Two rows of one engine, whose error is 0 where its host takes 2,000 us."""

    def errors(self, engines):
        error = math.log(float(engines.get("vllm_1", "host_us")) / 2000)
        return {"a": error, "b": error}


class ServingTest(unittest.TestCase):
    def setUp(self):
        self.engines = serving.Engines(ENGINES)

    def test_finds_the_family_of_a_release_as_the_program_does(self):
        for name, version, family in (("vllm", "0.6.3.post2", "vllm_0"), ("vllm", "0.11.0", "vllm_1"),
                                      ("vllm", "2025-11", "vllm_1"), ("trtllm", "0.6.1", "trtllm_session"),
                                      ("trtllm", "1.0.0rc3", "trtllm_1"), ("none", "1", None)):
            self.assertEqual(self.engines.of(name, version), family)

    def test_moves_a_constant_to_where_its_rows_agree(self):
        search = serving.Search(FakeProgram(), self.engines, dict.fromkeys("ab", "vllm_1"),
                                Namespace(**OPTIONS))
        for _ in range(12):
            search.round()
        self.assertAlmostEqual(search.values["vllm_1", "host_us"] / 2000, 1, delta=0.05)

    def test_keeps_constants_in_their_ranges(self):
        for constant in serving.CONSTANTS.values():
            self.assertEqual(constant.move(constant.high, 1), constant.high)
            self.assertEqual(constant.move(constant.low, -1), constant.low)

    def test_names_an_unknown_constant(self):
        with self.assertRaisesRegex(UserError, "'luck'; expected host_us"):
            serving.Search(FakeProgram(), self.engines, dict.fromkeys("ab", "vllm_1"),
                           Namespace(**{**OPTIONS, "constants": "luck"}))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
