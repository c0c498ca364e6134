#!/usr/bin/env python3
"""Questions that a planner asks about spares, watts, checkpoints, caps and sites, asked of the program,
with the answer in closed form.

usage: life_closed_forms_check.py GRIDLOCK SOURCE_DIR
"""

import json
import math
import os
import sys
import tempfile
from pathlib import Path

import program

GRIDLOCK = os.path.abspath(sys.argv[1])
ROOT = sys.argv[2]

SITE = """site {
  name: "%s"
  server: "dgx_h100"
  servers: %d
  fabric { clos { tiers: 2 servers_per_leaf: 4 leaves_per_pod: 32 leaf_oversubscription: 1
    leaf_switch: "quantum2_qm9700" spine_switch: "quantum2_qm9700" routing: SPRAY } }
  storage_bandwidth: "4 GB/s"
  %s
}
"""
RUN = """job {
  name: "%s"
  %s
  pretraining {
    model: "llama_3.1_8b"
    stack: "megatron_core"
    layout { tensor: 1 pipeline: 1 data: %d shard_group: 8 }
    global_batch: %d
    sequence_length: 8192
    zero: 1
    recompute: SELECTIVE
    steps: %d
    checkpoint_interval: "%s"
    %s
  }
}
"""


def run_of(servers, name="run", more="", steps=100000000, interval="30 days", inside=""):
    return RUN % (name, more, 8 * servers, 16 * servers, steps, interval, inside)


def life(folder, name, text, *options):
    path = Path(folder) / f"{name}.textproto"
    path.write_text(f'schema_version: 1\nname: "{name}"\nseed: 1\n' + text, encoding="utf-8")
    done = program.run(
        [GRIDLOCK, "run", str(path), "-q", "--format", "json", "-o", f"{folder}/{name}", *options],
        text=True, capture_output=True, check=False, cwd=ROOT)
    assert done.returncode == 0, (name, done.stderr)
    return json.loads(done.stdout)


def near(value, expected, tolerance, what):
    assert abs(value / expected - 1) <= tolerance, (what, value, expected)


def a_run_waits_while_more_servers_are_out_than_there_are_spares(folder):
    """18 servers, 16 of them needed. Each is out of service for repair / (mtbf + repair) = 1/11 of the
    time, by itself, so that the number that is out is binomial."""
    found = life(folder, "spares", 'horizon: "1000 days"\n' + SITE % ("hall", 18, "")
                 + 'reliability { server_mtbf: "20 days" repair_time: "2 days" restart_time: "1 s" }\n'
                 + run_of(16, interval="6 h"), "--seeds", "8")
    figures = {figure["name"]: figure for figure in found["figures"]}
    out = 1 / 11
    waits = 1 - sum(math.comb(18, k) * out ** k * (1 - out) ** (18 - k) for k in range(3))
    waiting = figures["run: waiting"]
    near(waiting["mean"], 100 * waits, 0.08, "% of waiting")
    assert abs(waiting["mean"] - 100 * waits) < 2 * waiting["half_width_95"], (waiting, waits)


def an_empty_hall_costs_its_idle_watts(folder):
    """32 DGX H100 for 30 days: boards of 72 W, hosts of 1,670 W, the network, what holds checkpoints, PUE 1.25, 0.1 USD/kWh."""
    record = life(folder, "empty", 'horizon: "30 days"\n'
                  + SITE % ("hall", 32, "facility { pue: 1.25 } prices { electricity: 0.1 carbon: 400 }")
                  + run_of(16, more='start: "40 days"'))
    hall = record["sites"][0]
    watts = (32 * (8 * 72 + 1670) + hall["switch_power_w"] + hall["optics_power_w"]
             + hall["storage_power_w"])
    kilowatt_hours = watts * 1.25 * 30 * 24 / 1000
    near(hall["cost_usd"], 0.1 * kilowatt_hours, 1e-9, "USD of an empty hall")
    near(hall["carbon_kg"], 0.4 * kilowatt_hours, 1e-9, "kg of an empty hall")
    # 32 servers of eight cables to a leaf, and as many from there to the spines.
    assert hall["optics_power_w"] > 0 and hall["optics_power_w"] % (32 * 8) == 0, hall


def saving_takes_its_bytes_over_the_storage_and_its_share_of_the_time(folder):
    """14 bytes of each of 8.03 G parameters over 4 GB/s take 28.1 s, every ten minutes."""
    record = life(folder, "saves", 'horizon: "2 days"\n' + SITE % ("hall", 16, "")
                  + run_of(16, interval="10 min"))
    job = record["jobs"][0]
    write = 14 * 8.03e9 / 4e9
    step = job["mean_step_time_s"]
    between = write + math.ceil((600 - write) / step) * step  # from the start of one to the next
    near(job["time_s"]["checkpointing"] / record["horizon_s"], write / between, 0.01,
         "share of saving")


def a_cap_lets_as_many_jobs_run_as_it_has_watts_for(folder):
    """Four equal jobs under a cap with watts for two and a half: two rounds of two."""
    jobs = "".join(run_of(4, name=f"job{n}", steps=2000) for n in range(4))
    free = life(folder, "free", 'horizon: "1 day"\n' + SITE % ("hall", 16, "") + jobs)
    took = free["jobs"][0]["end_s"]
    assert all(abs(job["end_s"] - took) < 1e-6 for job in free["jobs"]), free["jobs"]
    idle = 16 * (8 * 72 + 1670) + free["sites"][0]["switch_power_w"] + free["sites"][0]["optics_power_w"]
    each = (free["sites"][0]["peak_power_w"] - idle) / 4
    capped = life(folder, "capped", 'horizon: "1 day"\n'
                  + SITE % ("hall", 16, 'facility { power_cap: "%.0f W" power_policy: QUEUE }'
                            % (idle + 2.5 * each)) + jobs)
    ends = sorted(job["end_s"] for job in capped["jobs"])
    for end, rounds in zip(ends, (1, 1, 2, 2)):
        near(end, rounds * took, 1e-6, "end of a job under a cap")
    assert capped["sites"][0]["peak_power_w"] <= idle + 2.5 * each


def a_run_cut_in_two_goes_on_with_half(folder):
    """Two sites of 16 servers, the link cut from the sixth to the twelfth hour of a day. A run that may
    go on with half of its replicas trains 18 hours at its pace and six at half of it."""
    sites = SITE % ("east", 16, "") + SITE % ("west", 16, "") + (
        'wan { from: "east" to: "west" bandwidth: "12.8 Tbps" distance: "300 km" }\n'
        'reliability { server_mtbf: "100000 days" repair_time: "1 h" restart_time: "1 s" }\n')
    cut = 'change { at: "6 h" until: "12 h" outage { wan: 1 } }\n'
    elastic = 'elastic { replicas_min: 128 reconfiguration_time: "1 s" }'
    spans = 'span: ["east", "west"]'
    tokens = {}
    for name, change, inside in (("whole", "", ""), ("stops", cut, ""), ("goes_on", cut, elastic)):
        record = life(folder, name, 'horizon: "24 h"\n' + sites + change
                      + run_of(32, more=spans, interval="30 min", inside=inside))
        tokens[name] = record["jobs"][0]["tokens"]
    near(tokens["stops"] / tokens["whole"], 18 / 24, 0.005, "tokens of a run that stalls")
    near(tokens["goes_on"] / tokens["whole"], 21 / 24, 0.02, "tokens of a run that goes on")


def a_run_that_hangs_draws_what_its_boards_hold(folder):
    """Two sites of 16 servers, the link between them cut after a minute: boards of 120 W with a context
    open and clocks up, and hosts that draw (3,100 - 1,670) / (8 x 628) W more for each watt above idle."""
    sites = SITE % ("east", 16, "") + SITE % ("west", 16, "") + (
        'wan { from: "east" to: "west" bandwidth: "12.8 Tbps" distance: "300 km" }\n')
    record = life(folder, "hangs", 'horizon: "10 days"\n' + sites
                  + 'change { at: "1 min" outage { wan: 1 } }\n'
                  + run_of(32, more='span: ["east", "west"]'))
    server = 8 * 120 + 1670 + 8 * (120 - 72) * (3100 - 1670) / (8 * (700 - 72))
    job = record["jobs"][0]
    assert job["time_s"]["stalled"] > 0.99 * record["horizon_s"], job["time_s"]
    near(job["energy_j"] / record["horizon_s"], 32 * server, 1e-3, "W of a run that hangs")


def a_burst_of_a_minute_stands_in_the_peak(folder):
    """A job of 59 s and one of 61 s raise the peak alike; idle, both halls draw what they draw all day."""
    peaks = {}
    for seconds in (59, 61):
        record = life(folder, f"burst{seconds}", 'horizon: "1 h"\n' + SITE % ("hall", 4, "")
                      + f'job {{ name: "j" start: "10 min" recorded {{ accelerators: 32 duration: "{seconds} s" }} }}\n')
        peaks[seconds] = record["sites"][0]["peak_power_w"]
        assert record["sites"][0]["energy_j"] / 3600 < peaks[seconds], record["sites"][0]
    near(peaks[59], peaks[61], 1 / 60, "W of a minute's burst")  # a second of it is idle


def prices_hold_until_the_first_hour(folder):
    """Half a day at 0.1 USD, half a day at 0.5, by the site's constant power of an empty hall."""
    prices = 'prices { electricity: 0.1 } hour { at: "12 h" electricity: 0.5 }'
    record = life(folder, "prices", 'horizon: "2 days"\n' + SITE % ("hall", 4, prices)
                  + 'job { name: "j" start: "47 h" recorded { accelerators: 8 duration: "1 s" } }\n')
    site = record["sites"][0]
    near(site["cost_usd"], site["energy_j"] / 3.6e6 * 0.3, 1e-3, "USD of two days")


def tariffs_repeat_each_day(folder):
    """Two prices a day, by the constant power of an empty hall over two days: 8 h of 24 at 0.05 and the rest
    at 0.2; and from 6 to 18 h at 0.05, where the hours before the first have the last one's price."""
    for number, (hours, mean) in enumerate((
            ('hour { at: "0 h" electricity: 0.05 } hour { at: "8 h" electricity: 0.2 }', 0.15),
            ('hour { at: "6 h" electricity: 0.05 } hour { at: "18 h" electricity: 0.2 }', 0.125),
            ('hour { at: "0 h" electricity: 0.1 } hour { at: "7 h" electricity: 0.4 } '
             'hour { at: "9 h" electricity: 0.1 }', 0.125),
            ('prices { electricity: 0.1 } hour { at: "6 h" electricity: 0.5 } '
             'hour { at: "12 h" electricity: 0.3 }', 0.3))):
        record = life(folder, f"tariff{number}", 'horizon: "2 days"\n' + SITE % ("hall", 4, hours)
                      + 'job { name: "j" start: "47 h" recorded { accelerators: 8 duration: "1 s" } }\n')
        site = record["sites"][0]
        near(site["cost_usd"], site["energy_j"] / 3.6e6 * mean, 1e-3, hours)


def caps_below_the_idle_power_are_refused(folder):
    """One server idles at more than 1 kW, in whatever way that is asked for."""
    hours = 'hour { at: "0 h" electricity: 0.05 } hour { at: "12 h" electricity: 0.2 }'
    for number, (facility, field) in enumerate((
            ('power_cap: "1 kW"', "power_cap"),
            ('power_cap: "1 kW" battery { capacity: "1 kWh" power: "10 kW" }', "power_cap"),
            ('demand_response { price_above: 0.1 power_cap: "1 kW" }', "demand_response.power_cap"))):
        path = Path(folder) / f"idle{number}.textproto"
        path.write_text(f'schema_version: 1 name: "idle" horizon: "48 h"\n'
                        + SITE % ("hall", 1, f"facility {{ {facility} }} {hours}") + run_of(1), encoding="utf-8")
        done = program.run([GRIDLOCK, "run", str(path), "-q", "-o", f"{folder}/idle{number}"], text=True,
                           capture_output=True, check=False, cwd=ROOT)
        assert done.returncode == 2 and "with all servers idle the site draws" in done.stderr, done
        assert f"facility.{field}" in done.stderr or ":4:" not in done.stderr, done.stderr


def a_run_goes_round_a_link_that_is_cut(folder):
    """Three sites in a triangle: without the link from a to b there is a way by c, as wide."""
    sites = "".join(SITE % (name, 1, "") for name in "abc")
    wans = "".join(f'wan {{ from: "{a}" to: "{b}" bandwidth: "800 Gbps" distance: "100 km" }}\n'
                   for a, b in ("ab", "bc", "ac"))
    job = run_of(2, more='span: ["a", "b"]').replace("shard_group: 8", "")
    stalled = {}
    for links in ((1,), (1, 3)):
        cuts = "".join(f'change {{ at: "6 h" until: "12 h" outage {{ wan: {link} }} }}\n' for link in links)
        record = life(folder, f"ring{len(links)}", 'horizon: "24 h"\n' + sites + wans + cuts + job)
        stalled[links] = record["jobs"][0]["time_s"]["stalled"]
    assert stalled == {(1,): 0, (1, 3): 21600}, stalled


def a_run_may_come_while_its_link_is_cut(folder):
    """From the second hour on, and the link is back in the sixth: it stands still for four of ten."""
    sites = "".join(SITE % (name, 1, "") for name in "ab")
    wan = 'wan { from: "a" to: "b" bandwidth: "800 Gbps" distance: "100 km" }\n'
    cut = 'change { at: "1 h" until: "6 h" outage { wan: 1 } }\n'
    job = run_of(2, more='span: ["a", "b"] start: "2 h"').replace("shard_group: 8", "")
    for policy in ("FIFO", "BACKFILL"):
        scheduler = f"scheduler {{ policy: {policy} }}\n"
        record = life(folder, f"cut_{policy}", 'horizon: "12 h"\n' + scheduler + sites + wan + cut + job)
        spent = record["jobs"][0]["time_s"]
        near(spent["stalled"], 4 * 3600, 1e-9, policy)
        near(spent["training"], 6 * 3600, 1e-9, policy)


def storage_counts_what_has_not_ended(folder):
    """A checkpoint of 112 GB over 20 MB/s that the horizon cuts off, by the time that was spent on it; one of
    adapters, whose weights and states are a thousandth of that, ends."""
    site = (SITE % ("hall", 1, "")).replace("4 GB/s", "0.02 GB/s")
    slow = 'horizon: "21 h"\n' + site
    record = life(folder, "storage", slow + run_of(1, interval="20 h"))
    saving = record["jobs"][0]["time_s"]["checkpointing"]
    assert saving > 3000, saving
    near(record["means"]["storage_bytes_per_s"] * 21 * 3600, 0.02e9 * saving, 1e-6, "bytes written")
    sgd = run_of(1, interval="20 h", inside='optimizer: "sgd"')  # 6 bytes of 14, with 8 of Adam's moments
    fast = 'horizon: "41 h"\n' + site.replace("0.02 GB/s", "0.1 GB/s")
    of_sgd, of_adam = (life(folder, name, fast + job)["jobs"][0]["time_s"]["checkpointing"]
                       for name, job in (("sgd", sgd), ("adam", run_of(1, interval="20 h"))))
    near(of_sgd, of_adam * 6 / 14, 1e-2, "bytes without moments")
    adapters = run_of(1, interval="20 h", inside="adapters { rank: 16 }").replace("SELECTIVE", "FULL_LAYER")
    of_adapters = life(folder, "adapters", slow + adapters)["jobs"][0]["time_s"]["checkpointing"]
    assert 1 < of_adapters < 60, of_adapters


def main():
    with tempfile.TemporaryDirectory() as folder:
        for check in (a_run_waits_while_more_servers_are_out_than_there_are_spares,
                      an_empty_hall_costs_its_idle_watts,
                      saving_takes_its_bytes_over_the_storage_and_its_share_of_the_time,
                      a_cap_lets_as_many_jobs_run_as_it_has_watts_for,
                      a_run_cut_in_two_goes_on_with_half,
                      a_run_that_hangs_draws_what_its_boards_hold,
                      a_burst_of_a_minute_stands_in_the_peak,
                      prices_hold_until_the_first_hour, tariffs_repeat_each_day,
                      caps_below_the_idle_power_are_refused, a_run_goes_round_a_link_that_is_cut,
                      a_run_may_come_while_its_link_is_cut,
                      storage_counts_what_has_not_ended):
            check(folder)
            print("ok", check.__name__)
    print("PASS")


main()
