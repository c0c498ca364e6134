#!/usr/bin/env python3
"""Claims about edits of catalogue files."""

import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from calibration.common import UserError, quantity, si, significant  # noqa: E402
from calibration.textproto import Document  # noqa: E402

TEXT = '''# A file of entries.  "quotes" { and braces }

# The first.
part {
  name: "one"  # its name
  rate {
    precision: BF16
    peak: "10 TFLOPS"
    gemm { work: "1 GFLOP" efficiency: 0.1 } gemm { work: "2 GFLOP" efficiency: 0.2 }
    gemm { work: "3 GFLOP" efficiency: 0.3 }
    attention: 0.5
  }
  fit {
    low: 0.25
  }
  clock: 0.9
  source {
    field: ["rate[BF16].gemm", "clock"]
    text:
      "Said \\"so\\" in "
      "two lines."
    estimate: true
  }
  source { text: "The rest." }
}

part { name: "two" clock: 0.8 source { text: 'All.' } }
'''


class Edits(unittest.TestCase):
    def setUp(self):
        self.document = Document(TEXT, "test")

    def changed(self):
        """The lines that differ from TEXT, as (gone, come)."""
        old, new = TEXT.splitlines(), self.document.text.splitlines()
        return [l for l in old if l not in new], [l for l in new if l not in old]

    def test_reading_gives_values_without_quotes(self):
        self.assertEqual(self.document.names("part"), ["one", "two"])
        self.assertEqual(self.document.get("part", "one", "rate[BF16].peak"), "10 TFLOPS")
        self.assertEqual(self.document.get("part", "one", "rate[FP8].peak"), None)
        self.assertEqual([b["efficiency"] for b in
                          self.document.blocks("part", "one", "rate[BF16].gemm")], ["0.1", "0.2", "0.3"])
        fields, text, estimate = self.document.sources("part", "one")[0]
        self.assertEqual((fields, text, estimate), (["rate[BF16].gemm", "clock"],
                                                    'Said "so" in two lines.', True))

    def test_setting_what_is_written_changes_nothing(self):
        for name in ("one", "two"):
            self.document.set("part", name, "clock", self.document.get("part", name, "clock"))
        self.assertEqual(self.document.text, TEXT)

    def test_setting_a_value_changes_its_characters_alone(self):
        self.document.set("part", "one", "clock", "0.87")
        self.assertEqual(self.document.text, TEXT.replace("clock: 0.9", "clock: 0.87"))
        self.document.set("part", "one", "clock", "0.9")
        self.assertEqual(self.document.text, TEXT)

    def test_a_value_that_is_not_there_is_added_to_its_block(self):
        self.document.set("part", "one", "fit.high", '"1 us"')
        self.assertEqual(self.changed(), ([], ['    high: "1 us"']))
        self.assertEqual(self.document.get("part", "one", "fit.high"), "1 us")

    def test_blocks_are_replaced_in_place(self):
        self.document.set_blocks("part", "one", "rate[BF16].gemm", ["a: 1", "a: 2", "a: 3"])
        self.assertEqual(self.changed()[1], ["    gemm { a: 1 } gemm { a: 2 }", "    gemm { a: 3 }"])
        self.assertIn("attention: 0.5", self.document.text)

    def test_a_source_takes_its_field_from_the_one_that_had_it(self):
        self.document.set_source("part", "one", ["clock"], 'A "new" source.')
        self.assertEqual([(f, e) for f, _, e in self.document.sources("part", "one")],
                         [(["rate[BF16].gemm"], True), (["clock"], False), ([], False)])
        self.assertEqual(self.document.sources("part", "one")[1][1], 'A "new" source.')
        self.assertIn('# its name', self.document.text)

    def test_a_source_of_the_same_fields_is_replaced_and_one_without_fields_left_is_dropped(self):
        for text in ("First.", "Second.", "Second."):
            self.document.set_source("part", "one", ["clock", "rate[BF16].gemm"], text)
        self.assertEqual([t for _, t, _ in self.document.sources("part", "one")],
                         ["Second.", "The rest."])
        self.document.set_source("part", "one", ["clock", "rate[BF16].gemm", "fit"], "Third.")
        self.assertEqual([t for _, t, _ in self.document.sources("part", "one")],
                         ["Third.", "The rest."])

    def test_the_source_of_all_the_rest_names_no_field(self):
        self.document.set_source("part", "one", [], "Other words.")
        self.assertEqual(self.document.text, TEXT.replace(
            'source { text: "The rest." }', 'source {\n    text:\n      "Other words."\n  }'))

    def test_lines_of_a_source_fit_the_page(self):
        self.document.set_source("part", "one", ["clock"], "words and " * 60 + "end.")
        self.assertLessEqual(max(map(len, self.document.text.splitlines())), 100)
        self.assertEqual(self.document.sources("part", "one")[1][1], "words and " * 60 + "end.")

    def test_other_entries_stay_as_they_are(self):
        self.document.set_source("part", "one", ["clock"], "New.")
        self.assertTrue(self.document.text.endswith(TEXT[TEXT.index("\npart { name: \"two\""):]))

    def test_mistakes_say_what_there_is(self):
        with self.assertRaisesRegex(UserError, "there is no part 'three'; there are one, two"):
            self.document.set("part", "three", "clock", "1")
        with self.assertRaisesRegex(UserError, "has no nothing to replace"):
            self.document.set_blocks("part", "one", "nothing", [])
        with self.assertRaisesRegex(UserError, "test:1: '@' is not understood"):
            Document("@", "test")


class Catalogue(unittest.TestCase):
    def test_every_file_of_the_catalogue_survives_its_own_values(self):
        files = sorted(ROOT.glob("*/catalog/*.textproto"))
        self.assertGreater(len(files), 8)
        for file in files:
            text = file.read_text(encoding="utf-8")
            document = Document(text, str(file))
            for name in document.names("accelerator"):
                for field in ("sustained_clock", "hbm_efficiency"):
                    value = document.get("accelerator", name, field)
                    if value is not None:  # else that of the part that it is like
                        document.set("accelerator", name, field, value)
            self.assertEqual(document.text, text)


class Units(unittest.TestCase):
    def test_quantities_come_back(self):
        self.assertEqual(si("989 TFLOPS"), 989e12)
        self.assertEqual(si("400 Gbps"), 50e9)
        self.assertAlmostEqual(si("13.9 us"), 13.9e-6)
        self.assertEqual(quantity(0.0033, "s", "m"), "3.3 ms")
        self.assertEqual([significant(v) for v in (0, 0.00012345, 1.0, 1780, 56234)],
                         ["0", "0.000123", "1", "1780", "56200"])
        with self.assertRaises(UserError):
            si("5 apples")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
