#!/usr/bin/env python3
"""Opens pages in headless Chromium: no error, every chart is painted, and the numbers that the charts
hold are those of the trace.

usage: browser_check.py GRIDLOCK SOURCE_DIR [SCREENSHOTS]
"""

import base64
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

try:
    import h5netcdf  # noqa: F401
    import numpy as np
    import xarray as xr
except ImportError as missing:
    print(f"SKIP: {missing}; needs python3-xarray and python3-h5netcdf")
    sys.exit(0)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    print("SKIP: no chromium; apt-get install chromium")
    sys.exit(0)

GRIDLOCK, ROOT = os.path.abspath(sys.argv[1]), Path(sys.argv[2]).resolve()
SHOTS = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else None


def run(*words, code=0):
    done = subprocess.run([GRIDLOCK, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


class Browser:
    """One headless Chromium for all pages: it takes longer to start than to draw most of them."""

    def __init__(self, folder):
        ours, theirs = socket.socketpair()
        self._pipe, self._rest, self._number = ours, b"", 0
        handle = theirs.fileno()
        # It speaks over its handles 3 and 4, as --remote-debugging-pipe says.
        command = ["/bin/sh", "-c", 'exec "$@" 3<&%d 4>&%d' % (handle, handle), "sh", CHROMIUM, "--headless",
                   "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions",
                   "--no-first-run", f"--user-data-dir={folder}", "--remote-debugging-pipe", "about:blank"]
        self._program = subprocess.Popen(command, pass_fds=[handle], stderr=subprocess.DEVNULL)
        theirs.close()
        ours.settimeout(60)
        self._session, self.complaints = None, []
        page = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for part in ("Page", "Runtime", "Log"):
            self._call(f"{part}.enable")

    def _call(self, method, **values):
        self._number += 1
        message = {"id": self._number, "method": method, "params": values}
        if self._session:
            message["sessionId"] = self._session
        self._pipe.sendall(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def _next(self):
        while b"\0" not in self._rest:
            more = self._pipe.recv(1 << 20)
            assert more, "the browser has ended"
            self._rest += more
        one, self._rest = self._rest.split(b"\0", 1)
        message = json.loads(one)
        told = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(told["exceptionDetails"])
        elif message.get("method") == "Runtime.consoleAPICalled" or message.get("method") == "Log.entryAdded":
            self.complaints.append(told)
        return message

    def ask(self, words):
        """The value of an expression in the page."""
        return self._call("Runtime.evaluate", expression=words, returnByValue=True)["result"].get("value")

    def look(self, width=1280, height=1000, dark=False):
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                   mobile=False)
        self._call("Emulation.setEmulatedMedia",
                   features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, page, until):
        """Opens a page, waits until the expression is true, and returns the text of the page."""
        self._call("Page.navigate", url="about:blank")  # the same page with another # would not load again
        self.complaints.clear()
        self._call("Page.navigate", url=page)
        end = time.monotonic() + 60
        while not self.ask(f"document.readyState === 'complete' && Boolean({until})"):
            assert time.monotonic() < end and not self.complaints, (page, until, self.complaints)
            time.sleep(0.05)
        assert not self.complaints, self.complaints
        return self.ask("document.documentElement.outerHTML")

    def save(self, path, method, **values):
        data = self._call(method, **values)["data"]
        Path(path).write_bytes(base64.b64decode(data))

    def close(self):
        self._program.terminate()
        self._program.wait()
        self._pipe.close()


def opened(page):
    """What the charts of a page hold, by title."""
    assert os.path.getsize(page) < 8e6, os.path.getsize(page)
    text = Path(page).read_text(encoding="utf-8")
    links = re.findall(r"""(?:src|href)=["'](?:https?:)?//""", text)
    assert not links, links
    BROWSER.look()
    BROWSER.open(f"file://{page}#check", "document.getElementById('check')")
    checked = json.loads(BROWSER.ask("document.getElementById('check').textContent"))
    assert checked["errors"] == [], checked["errors"]
    for chart in checked["charts"]:
        assert chart["painted"] > 3, f"{chart['title']} is empty"
        assert chart["table"]["rows"] and chart["series"], chart["title"]
    if SHOTS:
        shots(page)
    return {chart["title"]: chart for chart in checked["charts"]}


def shots(page):
    name = Path(page).stem
    for look, width, height in (("light", 1280, 3600), ("dark", 1280, 3600), ("narrow", 500, 5200)):
        BROWSER.look(width, height, look == "dark")
        BROWSER.open(f"file://{page}", "document.querySelector('canvas, svg')")
        time.sleep(1)
        BROWSER.save(f"{SHOTS}/{name}-{look}.png", "Page.captureScreenshot")
    BROWSER.save(f"{SHOTS}/{name}.pdf", "Page.printToPDF", printBackground=True)


def close(a, b, within=1e-8):
    """The page holds nine digits of each number; sums of differences of times keep fewer."""
    return np.allclose(np.array(a, float), np.array(b, float), rtol=within, atol=0)


def check_step(folder, page):
    run("report", folder, "-o", page)
    charts = opened(page)
    printed = BROWSER.ask("window.dispatchEvent(new Event('beforeprint')), charts.filter((c) => c.chart)"
                          ".map((c) => c.chart.getWidth() + (c.canvas ? 0 : Math.min(1, c.box.querySelectorAll('path').length))).join()")
    assert set(printed.split(",")) == {"640", "641"}, f"widths of what is printed at once, and 1 where paths are: {printed}"
    trace = xr.open_dataset(f"{folder}/trace.h5").isel(cap=0).load()
    spans = charts["Pipeline over time"]["table"]["rows"]
    assert len(spans) == trace.sizes["span"]
    assert close([s[1] for s in spans], trace.span_start) and close([s[2] for s in spans], trace.span_end)
    drawn = [item for series in charts["Pipeline over time"]["series"] for item in series["data"]]
    assert close(sum(i[3] - i[2] for i in drawn), (trace.span_end - trace.span_start).sum(), 1e-5)
    waits = next(s for s in charts["Pipeline over time"]["series"] if s["name"] == "bubble and waits")
    waited = trace.span_activity.isin([list(trace.activity.values).index(a) for a in ("pipeline_wait", "idle")])
    assert close(sum(i[3] - i[2] for i in waits["data"]),
                 (trace.span_end - trace.span_start).where(waited, 0).sum(), 1e-5)
    roof = [p for s in charts["Roofline"]["series"] if s["name"] != "roof" for p in s["data"]]
    for point in roof:
        kernel = trace.sel(operation=point["name"])
        want = [kernel.operation_flop / kernel.operation_hbm, kernel.operation_flop / kernel.operation_time]
        assert close(point["value"][:2], want), point
    assert len(roof) == int((trace.operation_flop > 0).sum())
    parts = {s["name"]: s["data"][0] for s in charts["What sets the pace"]["series"]}
    assert close(parts["compute"], trace.attribution.sel(attribution_resource="compute"))
    assert close(sum(parts.values()), trace.step_time)
    memory = charts["HBM by class"]["table"]["rows"]
    assert close([row[-1] for row in memory], trace.memory_total)
    watts = charts["Power over the step"]["series"][0]["data"]
    assert close([w for _, w in watts], trace.power[trace.time.notnull()])
    heat = {row[0].split(":")[0].split(" (")[0]: row[1:] for row in charts["Heat of the links"]["table"]["rows"]}
    for tier, words in (("nic", "NICs"), ("scale_up", "scale-up links")):  # columns are equally wide
        assert close(np.mean(heat[words]), trace.utilisation_mean.sel(resource=tier), 1e-6), tier
    assert close(np.mean(heat[str(trace.link.values[0])]), trace.link_utilisation[0], 1e-6)
    for series in charts["Links over time"]["series"]:
        link = list(trace.link.values).index(series["name"].split(" (")[0])
        assert close([p[1] for p in series["data"]], trace.link_share[link])
    for series in charts["Utilisation over the step"]["series"]:
        assert len(series["data"]) == int(trace.time.notnull().sum()), series["name"]


def check_links_that_fail(out):
    """The links of a plane that fails are on the picture, and idle while it is out of service."""
    run("collective", str(ROOT / "examples/16-a-plane-lost/scenario.textproto"), "--op", "all_reduce", "--size", "1GiB",
        "--algorithm", "ring", "--fail", "plane1@3ms:5ms", "-q", "-o", f"{out}/plane")
    run("report", f"{out}/plane", "-o", f"{out}/plane.html")
    trace = xr.open_dataset(f"{out}/plane/trace.h5")
    width = float(trace.sample_start[1])
    lines = opened(f"{out}/plane.html")["Links over time"]["series"]
    failed = [s["data"] for s in lines if s["name"].startswith("plane1.")]
    assert failed, [s["name"] for s in lines]
    for data in failed:
        assert all(share == 0 for t, share in data if 3e-3 <= t and t + width <= 5e-3)
        assert any(share > 0 for t, share in data if t < 3e-3)


def check_100_000(out):
    """A page of 98,304 accelerators is small, and is drawn in 2 s and what a loaded machine needs."""
    run("run", str(ROOT / "examples/02-llama-405b-16k/scenario.textproto"), "-q", "-o", f"{out}/large", "--set",
        "site[0].servers=12288", "--set", "job[0].pretraining.layout.data=768", "--set", "job[0].pretraining.global_batch=12288")
    run("report", f"{out}/large", "-o", f"{out}/large.html")
    page = opened(f"{out}/large.html")
    assert page["The machine"]["painted"] == 98304, page["The machine"]["painted"]
    drawn = float(BROWSER.ask("performance.timing.loadEventEnd - performance.timing.navigationStart")) / 1e3
    print(f"98,304 accelerators: {os.path.getsize(f'{out}/large.html') / 1e6:.1f} MB, drawn in {drawn:.2f} s")
    assert drawn < 8, drawn  # under 2 s where nothing else runs


def check_others(out):
    """A cap, a comparison, a collective table, a sweep and a life."""
    two = str(ROOT / "examples/01-two-servers/scenario.textproto")
    run("cap", two, "--link", "nic", "--values", "400,100,50Gbps", "-q", "-o", f"{out}/cap")
    run("report", f"{out}/cap", "-o", f"{out}/cap.html")
    cap = xr.open_dataset(f"{out}/cap/trace.h5")
    curve = opened(f"{out}/cap.html")["Step time over the cap"]["series"][0]["data"]
    assert close([p[1] for p in curve], (cap.step_time / cap.step_time[0]).values[[3, 2, 1]])
    run("run", two, "-q", "-o", f"{out}/a")
    run("run", two, "-q", "-o", f"{out}/b", "--set", "site[0].override.nic_bandwidth=50 Gbps")
    run("report", f"{out}/a", f"{out}/b", "-o", f"{out}/both.html")
    assert "Difference in time" in opened(f"{out}/both.html")
    run("run", str(ROOT / "examples/08-all-reduce/scenario.textproto"), "-q", "-o", f"{out}/reduce")
    run("report", f"{out}/reduce", "-o", f"{out}/reduce.html")
    test = xr.open_dataset(f"{out}/reduce/trace.h5")
    lines = {s["name"]: s["data"] for s in opened(f"{out}/reduce.html")["Bus bandwidth over size"]["series"]}
    rings = test.bus_bandwidth.where(test.algorithm == "ring", drop=True)
    assert close([p[1] for p in lines["ring"]], rings) if "ring" in lines else rings.size == 0
    check_links_that_fail(out)
    run("sweep", str(ROOT / "examples/01-two-servers"), "-q", "-o", f"{out}/sweep")
    run("report", f"{out}/sweep", "-o", f"{out}/sweep.html")
    assert "Curves of the sweep" in opened(f"{out}/sweep.html")
    run("run", str(ROOT / "examples/04-a-week-of-a-fleet/scenario.textproto"), "-q", "-o", f"{out}/life",
        "--set", "horizon=1 day")
    run("report", f"{out}/life", "-o", f"{out}/life.html")
    life = xr.open_dataset(f"{out}/life/trace.h5")
    power = opened(f"{out}/life.html")["Power of hall"]["series"][0]["data"]
    assert close([p[1] for p in power], life.power.values[0])


def check_listings(out):
    """The bars of a plan are its step times, the points its days and dollars; other listings have charts, too."""
    run("plan", "--model", "llama_3.1_8b", "--accelerator", "h100_sxm", "--accelerators", "8,16", "--global-batch", "64",
        "--tokens", "1T", "--price", "2", "--analytic", "--top", "3", "-q", "--format", "json", "-o", f"{out}/plan.json")
    plan = json.loads(Path(out, "plan.json").read_text(encoding="utf-8"))["proposals"]
    run("report", f"{out}/plan.json", "-o", f"{out}/plan.html")
    charts = opened(f"{out}/plan.html")
    walls = np.sum([s["data"] for s in charts["Layouts, fastest first"]["series"]], axis=0)
    assert close(walls, [p["step_time_s"] for p in plan]), walls
    points = {p["name"]: p["value"] for s in charts["Time and cost"]["series"] for p in s["data"]}
    assert close(sorted(points.values()), sorted([p["days"], p["usd"]] for p in plan)), points
    assert close(charts["HBM of each"]["series"][0]["data"], [p["peak_hbm_bytes"] for p in plan])
    flows = run("flows", str(ROOT / "examples/01-two-servers/scenario.textproto"), "--incast", "15:1", "--format", "json")
    Path(out, "flows.json").write_text(flows, encoding="utf-8")
    run("report", f"{out}/flows.json", "-o", f"{out}/flows.html")
    drawn = [x for s in opened(f"{out}/flows.html")["Messages over time"]["series"][1:] for x in s["data"] if x != "-"]
    assert close(sorted(drawn), sorted(m["end_s"] - m["start_s"] for m in json.loads(flows)["messages"])), drawn
    topo = run("topo", str(ROOT / "examples/13-six-fabrics/clos.textproto"),
               str(ROOT / "examples/13-six-fabrics/dragonfly.textproto"), "--no-cut", "--format", "json")
    Path(out, "topo.json").write_text(topo, encoding="utf-8")
    run("report", f"{out}/topo.json", "-o", f"{out}/topo.html")
    watts = np.sum([s["data"] for s in opened(f"{out}/topo.html")["Watts of an accelerator"]["series"]], axis=0)
    assert close(watts, [site["network_w_per_accelerator"] for site in json.loads(topo)]), watts
    message = run("report", f"{out}/plan.json", "--csv", f"{out}/x", code=2)
    assert "--perfetto and --csv are of traces" in message, message


def check_explore(out):
    """The curve is that of the sweep, and the sliders stand where the address says."""
    sweep = Path(out, "grid.textproto")
    sweep.write_text("""schema_version: 1
name: "grid"
scenario: "%s"
axis { name: "nic" path: "site[0].override.nic_bandwidth" values: "50, 100, 400 Gbps" }
axis { name: "batch" path: "job[0].pretraining.global_batch" values: "60, 64, 128" }
""" % (ROOT / "examples/01-two-servers/scenario.textproto"), encoding="utf-8")
    run("sweep", str(sweep), "-q", "-o", f"{out}/grid")
    run("explore", f"{out}/grid", "-q", "-o", f"{out}/explore")
    results = xr.open_dataset(f"{out}/grid/results.h5")
    page = f"{out}/explore/index.html"
    charts = opened(page)
    curve = charts["The curve"]["series"][0]["data"]
    assert close(curve, results.mfu.isel(batch=2)), "sliders start at the last of an axis of numbers"
    walls = charts["What sets the pace"]["series"]
    assert close(np.sum([s["data"] for s in walls], axis=0), results.step_time.isel(batch=2))
    verdict = "document.querySelector('.verdict')?.innerText"
    dom = BROWSER.open(f"file://{page}#nic=0&batch=1&x=batch&output=step_time", verdict)
    words = BROWSER.ask(verdict)
    time = float(re.search(r"A step takes ([\d.]+) s", words).group(1))
    assert close(time, results.step_time[0, 1], 5e-3), words
    BROWSER.open(f"file://{page}#nic=0&batch=0", verdict)
    refused = BROWSER.ask(verdict)
    assert refused.startswith("This machine was refused: "), refused
    assert 'aria-valuetext="50 Gbps"' in dom and dom.count('type="range"') == 2


with tempfile.TemporaryDirectory() as folder:
    big = str(ROOT / "examples/02-llama-405b-16k/scenario.textproto")
    run("run", big, "-q", "-o", f"{folder}/big")
    done = subprocess.run([GRIDLOCK, "report", f"{folder}/big", "-o", f"{folder}/x.html"],
                          capture_output=True, text=True, check=False)
    if "built without charts" in done.stderr:
        print("SKIP: the program was built without charts")
        sys.exit(0)
    BROWSER = Browser(f"{folder}/browser")
    try:
        check_step(f"{folder}/big", f"{folder}/step.html")
        check_100_000(folder)
        check_others(folder)
        check_listings(folder)
        check_explore(folder)
    finally:
        BROWSER.close()
print("ok")
