#!/usr/bin/env python3
"""Claims about fits: tables made with known constants give them back."""

import csv
import gzip
import io
import json
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from calibration import cases, collectives, gemm, networks, plan, transfer  # noqa: E402
from calibration.catalogue import FOLDERS, Catalogue  # noqa: E402
from calibration.common import UserError  # noqa: E402
from calibration.minimise import minimise  # noqa: E402
from command import run  # noqa: E402

PEAK = 1e15
# Near what NCCL reaches on Hopper.
TRUE_FIT = {"all_reduce_efficiency": 0.82, "all_gather_efficiency": 0.87, "reduce_scatter_efficiency": 0.75,
            "all_to_all_efficiency": 0.7, "in_switch_efficiency": 0.6, "local_copy": 0.4,
            "step_latency": 0.8e-6, "base_latency": 5e-6, "chunk_latency": 3e-6,
            "low_latency_efficiency": 0.35, "bulk_step_latency": 7.5e-6}
SWITCH = 32e-6
TRUE_NETWORK = {"base_latency": 5e-6, "all_reduce_efficiency": 0.9, "step_latency": 5e-6,
                "bulk_step_latency": 30e-6, "low_latency_efficiency": 0.1, "chunk_latency": 20e-6}


class Folder(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.folder = Path(self._folder.name)

    def tearDown(self):
        self._folder.cleanup()

    def catalogue(self):
        for folder in FOLDERS:
            shutil.copytree(ROOT / folder, self.folder / folder)
        return self.folder

    def gemm_table(self, share=0.6, dtype="bfloat16"):
        """A compressed table of GEMMs at `share` of PEAK, one in ten ten times as slow."""
        path = self.folder / "gemm.csv.gz"
        with gzip.open(path, "wt", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["device", "gemm_dtype", "m", "n", "k", "latency"])
            for i, m in enumerate((256, 512, 1024, 2048, 4096, 8192)):
                for j, n in enumerate((1024, 2048, 4096, 8192, 16384)):
                    for k in (1024, 4096, 16384):
                        slow = 10 if (i + j) % 10 == 0 else 1
                        writer.writerow(["X", dtype, m, n, k,
                                         2e3 * m * n * k / (share * PEAK) * slow])
            # One beyond the bins stands above; a thin one does not count.
            writer.writerow(["X", dtype, 1, 4096, 4096, 1.0])
        return path

    def nccl_table(self, name="nccl.csv"):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        fit = {**TRUE_FIT, "in_switch_latency": SWITCH}
        with open(path, "w", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(collectives.COLUMNS + ("device", "version"))
            draw = random.Random(1)
            for kind in collectives.ROUNDS:
                for group in (2, 4, 8):
                    for power in range(9, 30, 2):
                        row = collectives.Row(kind, group, 2 ** power, 0)
                        seconds = collectives.seconds(fit, row, 450e9) * (1 + draw.uniform(-0.02, 0.02))
                        seconds *= 3 if (power, group) == (21, 4) else 1  # an outlier of each kind
                        writer.writerow([kind, "half", group, 2 ** (power - 1), 1e3 * seconds, "X", "9"])
        return path

    def published(self, value=480.0, headline=1.0):
        """Published collectives: the rows of InfiniBand, one inside a server, and headline rows that
        no fit may see."""
        path = self.folder / "published.csv"
        rows = [[name, "calibration", "x", 4, 8, 8, 400, "all_reduce", "auto", 2 ** (20 + i), "time_us",
                 100 * (i + 1)] for i, name in enumerate(plan.INFINIBAND)]
        rows.append(["inside", "calibration", "dgx_h100", 1, 8, 8, 400, "all_reduce", "nvls", 2 ** 34,
                     "busbw_gbs", value])
        rows.append(["seen", "headline", "dgx_h100", 1, 8, 8, 400, "all_reduce", "ring", 2 ** 34,
                     "busbw_gbs", headline])
        with open(path, "w", encoding="utf-8") as file:
            csv.writer(file).writerows([collectives.PUBLISHED] + rows)
        return path


class Gemm(Folder):
    def test_a_known_share_is_recovered_beside_outliers(self):
        rows, label = gemm.shapes(self.gemm_table(share=0.6), "BF16", 3e12)
        surface = gemm.fit(rows, PEAK)
        self.assertEqual({share for _, share in surface.points}, {0.6})
        self.assertEqual(surface.rows, 89)
        self.assertLess(surface.median_error, 1e-9)
        self.assertIn("X", label)

    def test_casts_are_no_part_of_a_narrow_product(self):
        path = self.folder / "fp8.csv"
        product = {m: 2 * m * 4096 * 4096 / 1e15 for m in (1024, 8192)}
        rows = [["fp8", m, 4096, 4096, 1e3 * (seconds + 10e-6 + 6 * m * 4096 / 3e12)]
                for m, seconds in product.items()]
        with open(path, "w", encoding="utf-8") as file:
            csv.writer(file).writerows([gemm.COLUMNS] + rows)
        found, _ = gemm.shapes(path, "FP8", 3e12)
        for (_, seconds), m in zip(found, product):
            self.assertAlmostEqual(seconds, product[m], delta=1e-9)

    def test_reading_is_linear_in_the_logarithm_and_constant_outside(self):
        points = [(1e9, 0.2), (1e11, 0.6)]
        self.assertEqual([gemm.efficiency(points, w) for w in (1e8, 1e9, 1e12)], [0.2, 0.2, 0.6])
        self.assertAlmostEqual(gemm.efficiency(points, 1e10), 0.4)

    def test_the_command_writes_surface_and_source_and_repeats_itself(self):
        root, table = self.catalogue(), self.gemm_table(share=0.3)
        before = (root / FOLDERS[0] / "accelerators.textproto").read_text()
        arguments = ("gemm", "--table", table, "--accelerator", "h100_sxm", "--precision", "BF16",
                     "--catalog", root, "--origin", "A database (licence)", "--date", "2030-01-02")
        self.assertEqual(run(*arguments)[0], 0)
        self.assertEqual((root / FOLDERS[0] / "accelerators.textproto").read_text(), before)
        self.assertEqual(run(*arguments, "--write")[0], 0)
        catalogue = Catalogue(root)
        document = catalogue.document("accelerator", "h100_sxm")
        shares = {round(s / (0.3 * PEAK / 989e12), 2) for _, s in
                  gemm.written(document, "h100_sxm", "BF16")}
        self.assertEqual(shares, {1.0})
        sources = {f: t for fields, t, _ in document.sources("accelerator", "h100_sxm") for f in fields}
        self.assertRegex(sources["rate[BF16].gemm"], "A database .licence.*89 in all.*2030-01-02")
        self.assertNotEqual(sources["rate[FP8].gemm"], sources["rate[BF16].gemm"])
        once = document.text
        self.assertEqual(run(*arguments, "--write")[0], 0)
        self.assertEqual(Catalogue(root).document("accelerator", "h100_sxm").text, once)

    def test_mistakes_have_their_exit_codes_and_say_what_was_expected(self):
        table = self.gemm_table()
        code, text = run("gemm", "--table", table, "--accelerator", "h100_sxm", "--precision", "FP8")
        self.assertEqual((code, "the table has bfloat16" in text), (2, True))
        code, text = run("gemm", "--table", table, "--accelerator", "h1000", "--precision", "BF16")
        self.assertEqual((code, "no accelerator 'h1000'" in text), (2, True))
        code, text = run("gemm", "--table", self.folder / "none.csv", "--accelerator", "h100_sxm",
                         "--precision", "BF16")
        self.assertEqual((code, "none.csv: No such file" in text), (3, True))
        bad = self.folder / "bad.csv"
        bad.write_text("gemm_dtype,m,n,k,latency\nbfloat16,256,1024,1024,-1\n")
        code, text = run("gemm", "--table", bad, "--accelerator", "h100_sxm", "--precision", "BF16")
        self.assertEqual((code, "bad.csv:2: latency is '-1'" in text), (2, True))
        bad.write_text("m,n\n1,2\n")
        code, text = run("gemm", "--table", bad, "--accelerator", "h100_sxm", "--precision", "BF16")
        self.assertEqual((code, "no column gemm_dtype, k, latency" in text), (2, True))


class Collectives(Folder):
    def test_known_constants_are_recovered_beside_noise_and_outliers(self):
        rows, _ = collectives.read([self.nccl_table()])
        fit, loss = collectives.solve(rows, 450e9, {"in_switch_latency": SWITCH})
        for name, true in TRUE_FIT.items():
            self.assertAlmostEqual(fit[name] / true, 1, delta=0.1, msg=name)
        self.assertEqual(fit["in_switch_latency"], SWITCH)
        self.assertLess(loss, 0.06)
        self.assertLess(collectives.summary(fit, rows, 450e9)["all"][1], 0.02)

    def test_times_on_paper(self):
        fit = {**TRUE_FIT, "in_switch_latency": SWITCH}

        def time(*row, algorithm="auto"):
            return collectives.seconds(fit, collectives.Row(*row, 0, algorithm), 450e9)

        wire = 2 * 7 / 8 * 2 ** 30 / 450e9
        ring = 5e-6 + 14 * 0.8e-6 + wire / 0.82 + 2 * (3e-6 * wire) ** 0.5
        self.assertAlmostEqual(time("all_reduce", 8, 2 ** 30, algorithm="ring"), ring)
        once = 9 / 8 * 2 ** 30 / 450e9  # the buffer, and an eighth of the sum
        self.assertAlmostEqual(time("all_reduce", 8, 2 ** 30),
                               37e-6 + once / 0.6 + 2 * (3e-6 * once) ** 0.5)
        # Four ranks take rings; an A100's switch adds nothing up.
        self.assertEqual(time("all_reduce", 4, 2 ** 30), time("all_reduce", 4, 2 ** 30, algorithm="ring"))
        # What a rank copies to itself counts as much as what it sends.
        own = collectives.Row("alltoall", 4, 2 ** 30, 0)
        more = {**fit, "all_to_all_local_copy": 1}
        self.assertAlmostEqual(collectives.seconds(more, own, 450e9) - collectives.seconds(fit, own, 450e9),
                               2 ** 28 / 450e9 / 0.7)
        wire = (3 / 4 + 0.4 / 4) * 2 ** 30 / 450e9
        self.assertAlmostEqual(time("all_gather", 4, 2 ** 30),
                               5e-6 + 3 * 0.8e-6 + wire / 0.87 + 2 * (3e-6 * wire) ** 0.5)

    def test_rows_of_other_roles_are_never_seen(self):
        servers = ("dgx_h100",)
        rows = collectives.published_inside(self.published(headline=1.0), servers)
        self.assertEqual([row.algorithm for row in rows], ["nvls"])
        self.assertEqual(collectives.published_inside(self.published(headline=999.0), servers), rows)
        path = self.published()
        path.write_text(path.read_text(encoding="utf-8").replace(
            "COLL05-H100-4-auto,calibration", "COLL05-H100-4-auto,headline"), encoding="utf-8")
        with self.assertRaisesRegex(UserError, "no row COLL05-H100-4-auto of the role calibration"):
            plan.network_rows(Catalogue(ROOT), self.folder, path, plan.ACROSS["infiniband"])

    def test_bus_bandwidth_is_read_as_time(self):
        row = collectives.published_inside(self.published(value=480.0), ("dgx_h100",))[0]
        self.assertAlmostEqual(row.seconds, 2 * 7 / 8 * 2 ** 34 / 480e9)

    def test_the_command_writes_every_field_and_its_source(self):
        root = self.catalogue()
        self.nccl_table("nccl/h100_sxm_comm_nccl_1_nccl_perf.csv")
        self.nccl_table("nccl/h200_sxm_comm_nccl_1_nccl_perf.csv")
        arguments = ("collectives", "--measurements", self.folder, "--published", self.published(),
                     "--catalog", root, "--date", "2030-01-02", "--write")
        code, text = run(*arguments, "--transport", "nvlink_4")
        self.assertEqual(code, 0, text)
        catalogue = Catalogue(root)
        self.assertAlmostEqual(float(catalogue.get("transport", "nvlink_4", "fit.in_switch_efficiency")),
                               0.6, delta=0.02)
        self.assertEqual(catalogue.get("transport", "nvlink_4", "fit.in_switch_latency"), "32 us")
        sources = catalogue.document("transport", "nvlink_4").sources("transport", "nvlink_4")
        self.assertRegex(sources[0][1], "groups of 2, 4, 8.*2030-01-02")
        code, text = run(*arguments, "--transport", "infiniband")
        self.assertEqual(code, 0, text)
        sources = Catalogue(root).document("transport", "infiniband").sources("transport", "infiniband")
        self.assertRegex(sources[0][1], "8 rows.*2030-01-02")

    def test_a_transport_without_rows_is_refused(self):
        code, text = run("collectives", "--measurements", self.folder, "--published", self.published(),
                         "--transport", "roce")
        self.assertEqual((code, "expected one of nvlink_3" in text), (2, True), text)

    def test_the_minimiser_finds_a_corner_and_an_inside(self):
        values, loss = minimise(lambda v: abs(v[0] - 3) + abs(v[1] - 0.5),
                                [(1.0, 0.1, 10.0), (0.9, 0.7, 1.0)])
        self.assertAlmostEqual(values[0], 3, delta=1e-3)
        self.assertAlmostEqual(values[1], 0.7, delta=1e-3)
        self.assertAlmostEqual(loss, 0.2, delta=1e-3)


class Networks(unittest.TestCase):
    INSIDE = {**TRUE_FIT, "in_switch_latency": SWITCH}

    def rows(self, algorithm, servers=(2, 4, 16), link=450e9):
        made = [networks.Row(self.INSIDE, link, n, 8, 50e9, 4.0 ** power, 0, algorithm)
                for n in servers for power in range(3, 18)]
        return [row._replace(seconds=networks.seconds(TRUE_NETWORK, row)) for row in made]

    def test_times_on_paper(self):
        def time(size, servers, algorithm):
            row = networks.Row(self.INSIDE, 450e9, servers, 8, 50e9, size, 0, algorithm)
            return networks.seconds(TRUE_NETWORK, row)

        # 8 bytes: delays alone. Four servers are two levels, up and down, seven members to pass each.
        self.assertAlmostEqual(time(8, 4, "tree"), 5e-6 + 4 * 5e-6 + 14 * 0.8e-6, delta=1e-8)
        self.assertAlmostEqual(time(8, 4, "ring"), 5e-6 + 6 * 5e-6 + 56 * 0.8e-6, delta=1e-8)
        # 16 GB over two servers whose switches add up: each NIC carries an eighth once, the ports that
        # and an eighth for the sum beside the buffer.
        wire = 2e9 / 50e9
        self.assertAlmostEqual(time(16e9, 2, "in_switch_tree"),
                               5e-6 + SWITCH + 2 * 30e-6 + max(
                                   wire / 0.9 + 2 * (20e-6 * wire) ** 0.5,
                                   20e9 / 450e9 / 0.6 + 2 * (3e-6 * 20e9 / 450e9) ** 0.5), delta=1e-9)

    def test_known_constants_are_recovered(self):
        fixed = {"base_latency": TRUE_NETWORK["base_latency"]}
        fit = networks.solve(self.rows("tree"), fixed)
        for name, true in TRUE_NETWORK.items():
            self.assertAlmostEqual(fit[name] / true, 1, delta=0.05, msg=name)

    def test_where_no_row_is_short_the_share_of_short_messages_is_the_largest(self):
        fixed = {k: v for k, v in TRUE_NETWORK.items() if k != "low_latency_efficiency"}
        rows = [row for row in self.rows("tree") if row.bytes >= 4 ** 11]
        share = networks.solve(rows, fixed)["low_latency_efficiency"]
        larger = {**fixed, "low_latency_efficiency": 1.3 * share}
        self.assertLess(networks.mean_ln({**fixed, "low_latency_efficiency": share}, rows), 3e-3)
        self.assertGreater(networks.mean_ln(larger, rows), 1e-4)


class Simulated(Folder):
    """What is fitted is what runs: the formulas here against the simulator."""

    CLOS = ('fabric { clos { tiers: 2 servers_per_leaf: 4 leaves_per_pod: 1 leaf_switch: '
            '"quantum2_qm9700" spine_switch: "quantum2_qm9700" } }')

    def times(self, servers, kind, algorithm, sizes, ranks):
        """Seconds of each size."""
        scenario = self.folder / "test.textproto"
        listed = ", ".join(f'"{size} B"' for size in sizes)
        scenario.write_text(
            f'schema_version: 1 name: "t" site {{ server: "dgx_h100" servers: {servers} {self.CLOS} }}\n'
            f'job {{ collective_test {{ collective: "{kind}" algorithm: "{algorithm}" ranks: {ranks} '
            f'size: [{listed}] }} }}\n', encoding="utf-8")
        run_ = subprocess.run([sys.argv[1], "run", scenario, "-o", self.folder / "out"], check=True,
                              capture_output=True, text=True)
        self.assertIn("fingerprint", run_.stdout)
        summary = json.loads((self.folder / "out/summary.json").read_text(encoding="utf-8"))
        return [row["time_s"] for row in summary["collectives"] if row["chosen"]]

    def test_inside_a_server(self):
        fit = plan.written_fit(Catalogue(ROOT), "nvlink_4")
        sizes = [1 << 12, 1 << 20, 1 << 30]
        for kind, algorithm, own, ranks in (
                ("all_reduce", "ring", "ring", 8), ("all_reduce", "in_switch", "nvls", 8),
                ("all_gather", "ring", "auto", 4)):
            for size, time in zip(sizes, self.times(1, kind, algorithm, sizes, ranks)):
                row = collectives.Row(kind, ranks, size, 0, own)
                self.assertAlmostEqual(collectives.seconds(fit, row, 450e9) / time, 1, delta=1e-3,
                                       msg=(kind, algorithm, size))

    def test_across_servers(self):
        catalogue = Catalogue(ROOT)
        fit = plan.written_fit(catalogue, "infiniband")
        inside = plan.written_fit(catalogue, "nvlink_4")
        sizes = [64, 1 << 20, 1 << 26, 1 << 33]
        for servers, algorithm in ((4, "ring"), (4, "tree"), (2, "in_switch_tree"), (2, "automatic"),
                                   (4, "automatic")):
            times = self.times(servers, "all_reduce", algorithm, sizes, 8 * servers)
            for size, time in zip(sizes, times):
                own = "auto" if algorithm == "automatic" else algorithm
                row = networks.Row(inside, 450e9, servers, 8, 50e9, size, 0, own)
                # Switches add a microsecond or so to each way.
                self.assertAlmostEqual(networks.seconds(fit, row) / time, 1, delta=0.05,
                                       msg=(servers, algorithm, size))


class Convert(Folder):
    def table(self):
        path = self.folder / "vtrain.csv"
        lines = [",".join(cases.VTRAIN.values())]
        lines += [f"4,{8 * b},2,1024,16,24,1024,2,2,1,{100 + b}.5" for b in range(1, 101)]
        path.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
        return path

    def test_rows_keep_their_halves_in_any_order(self):
        rows = cases.vtrain(self.table())
        halves = {row["global_batch"]: row["role"] for row in rows}
        self.assertGreater(sum(role == "holdout" for role in halves.values()), 30)
        lines = self.table().read_text(encoding="utf-8").splitlines()
        (self.folder / "vtrain.csv").write_text("\n".join([lines[0]] + lines[:0:-1]), encoding="utf-8")
        again = {row["global_batch"]: row["role"] for row in cases.vtrain(self.folder / "vtrain.csv")}
        self.assertEqual(again, halves)

    def test_the_command_writes_the_strict_table(self):
        out = self.folder / "strict.csv"
        self.assertEqual(run("convert", "--table", self.table(), "-o", out)[0], 0)
        rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
        self.assertEqual(len(rows), 100)
        self.assertEqual(rows[0]["step_time_s"], "0.1015")
        self.assertEqual((rows[0]["ffn"], rows[0]["kv_heads"], rows[0]["experts"]), ("4096", "16", ""))

    def test_a_layout_that_is_not_the_number_of_gpus_is_refused(self):
        path = self.table()
        path.write_text(path.read_text(encoding="utf-8").replace("4,8,2,", "8,8,2,"), encoding="utf-8")
        with self.assertRaisesRegex(UserError, ":2: tensor x data x pipeline"):
            cases.vtrain(path)


class Transfer(Folder):
    def test_the_catalogue_follows_the_rule(self):
        code, text = run("transfer", "--check")
        self.assertEqual(code, 0, text)
        self.assertGreater(len(transfer.marked(Catalogue(ROOT))), 50)

    def test_a_moved_gemm_takes_the_same_time_at_the_same_share(self):
        catalogue = Catalogue(ROOT)
        points, own = transfer.surface(catalogue, "trainium2", "BF16", "h100_sxm", 1.0)
        donor = gemm.written(catalogue.document("accelerator", "h100_sxm"), "h100_sxm", "BF16")
        peak = gemm.peak_of(catalogue.document("accelerator", "trainium2"), "trainium2", "BF16")
        self.assertEqual(own, "BF16")
        self.assertAlmostEqual(points[0][0] / peak / (donor[0][0] / 989e12), 1, delta=5e-3)
        self.assertEqual(points[0][1], donor[0][1])

    def test_a_part_of_another_vendor_needs_a_donor(self):
        root = self.catalogue()
        code, text = run("transfer", "--accelerator", "h200_sxm", "--from", "mi300x", "--catalog", root)
        self.assertEqual((code, "was not measured" in text), (2, True))
        catalogue = Catalogue(root)
        catalogue.document("accelerator", "mi300x").set("accelerator", "mi300x", "title", '"Other"')
        document = catalogue.document("accelerator", "mi300x")
        for fields, _, _ in list(document.sources("accelerator", "mi300x")):
            if "rate[BF16].gemm" in fields:
                document.set_source("accelerator", "mi300x", fields, "Something else.")
        with self.assertRaisesRegex(UserError, "say with --from"):
            transfer.donor(catalogue, "mi300x")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
