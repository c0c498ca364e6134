#!/usr/bin/env python3
"""Logs of jobs: a small one replayed, its waiting times by hand; every format; records that cannot be
true; the distributions of Acme.

usage: jobs_check.py GRIDLOCK
Without the folder in $GRIDLOCK_DATA the distributions of Acme are skipped.
"""

import csv
import json
import os
import random
import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import program  # noqa: E402

GRIDLOCK = Path(sys.argv[1]).resolve()

# Four processors. FIFO by hand: job 1 at 0; job 2 at 100, when it ends; job 3 needs all and waits
# until 150; job 4 stands behind it until 210. Two more cannot be true.
SWF = """; MaxProcs: 4
1 0 0 100 4 -1 -1 4 100 -1 1 1 1 -1 1 -1 -1 -1
2 10 95 50 2 -1 -1 2 50 -1 1 2 1 -1 1 -1 -1 -1
3 20 130 60 4 -1 -1 4 60 -1 1 1 1 -1 1 -1 -1 -1
4 30 180 10 1 -1 -1 1 10 -1 0 2 1 -1 1 -1 -1 -1
5 40 0 10 8 -1 -1 8 10 -1 1 2 1 -1 1 -1 -1 -1
6 50 0 -5 1 -1 -1 1 10 -1 1 2 1 -1 1 -1 -1 -1
7 60 0 5
"""


def call(*arguments, code=0):
    done = program.run([GRIDLOCK, *map(str, arguments)], capture_output=True, text=True,
                       check=False)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def imported(folder, text, name, *more):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    out = folder / "log.textproto"
    return call("import", "jobs", file, "-o", out, *more).replace(str(folder) + "/", ""), out


def life(folder, scenario):
    return json.loads(call("run", scenario, "--format", "json", "-o", folder / "out"))


def check_swf(folder):
    answer, scenario = imported(folder, SWF, "log.swf")
    expected = """7 records of swf: 4 jobs within 3.667 min, 3 left out
left out: 1 with more accelerators than the cluster has; the first at log.swf:6:1: job 5, 8 of 4
left out: 1 with a negative duration; the first at log.swf:7:1: job 6, duration -5
left out: 1 that cannot be read; the first at log.swf:8:1: 4 fields, expected 18
demand: 0.2083 accelerator-hours, which 4 accelerators do in 3.125 min at the least; submitted """ \
        """within 30 s, 6.25 times as fast: the queue grows until then; had each job started at """ \
        """once, 7.5 in use on average and 11 at most
in the log: waiting median 95 s, 90th percentile 3 min, mean 101.2 s; 85.2 % of the accelerators in use
horizon: 3.683 min, to the last end in the log; jobs that start later here than there may still run """ \
        """then: a longer horizon lets them end
written: log.textproto, log.workload.textproto
"""
    assert answer == expected, answer
    fifo = {job["name"]: job for job in life(folder, scenario)["jobs"]}
    waits = {name: job["time_s"]["waiting"] for name, job in fifo.items()}
    assert waits == {"1": 0, "2": 90, "3": 130, "4": 180}, waits
    assert [fifo[str(i)]["end_s"] for i in range(1, 5)] == [100, 150, 210, 220]
    assert fifo["4"]["outcome"] == "failed" and fifo["3"]["outcome"] == "finished"
    assert fifo["2"]["log_waiting_s"] == 95
    screen = call("run", scenario, "-o", folder / "out")
    assert "mean 100 s; in the log median 95 s, 90th percentile 3 min, mean 101.2 s" in \
        " ".join(screen.split()), screen
    # A backfill scheduler lets job 4 in beside job 2: it is over before job 3 could start.
    _, scenario = imported(folder, SWF, "log.swf", "--scheduler", "BACKFILL")
    waits = {job["name"]: job["time_s"]["waiting"] for job in life(folder, scenario)["jobs"]}
    assert waits == {"1": 0, "2": 90, "3": 130, "4": 70}, waits


def waits_of(jobs, capacity, easy):
    """First come, first served, or EASY, written anew: jobs are (submit, run time, size)."""
    events = [(submit, 1, i) for i, (submit, _, _) in enumerate(jobs)]
    free, queue, ends, waits = capacity, [], {}, [0.0] * len(jobs)
    while events:
        now = min(events)[0]
        for event in sorted(e for e in events if e[0] == now):
            events.remove(event)
            if event[1] == 1:
                queue.append(event[2])
            else:
                free += jobs[event[2]][2]
                del ends[event[2]]

        def start(i):
            queue.remove(i)
            ends[i] = now + jobs[i][1]
            waits[i] = now - jobs[i][0]
            events.append((ends[i], 0, i))
            return jobs[i][2]

        while queue and jobs[queue[0]][2] <= free:
            free -= start(queue[0])
        if not easy or not queue:
            continue
        head, free_then, shadow = jobs[queue[0]][2], free, None
        for end, i in sorted((end, i) for i, end in ends.items()):
            free_then += jobs[i][2]
            if free_then >= head:
                shadow = end
                break
        extra = free + sum(jobs[i][2] for i, end in ends.items() if end <= shadow) - head
        for i in queue[1:]:
            _, run_time, size = jobs[i]
            late = now + run_time > shadow
            if size <= free and (not late or size <= extra):
                extra -= size if late else 0
                free -= start(i)
    return waits


def check_other_scheduler(folder):
    """Every wait of 400 drawn jobs is that of another program for the same policy."""
    drawn_jobs, now = [], 0
    numbers = random.Random(5)
    for _ in range(400):
        now += numbers.randint(0, 260)
        drawn_jobs.append((now, numbers.randint(1, 3600), 2 ** numbers.randint(0, 5)))
    first = drawn_jobs[0][0]
    text = "; MaxProcs: 64\n" + "".join(
        f"{i} {submit} -1 {ran} {size} -1 -1 {size} {ran} -1 1 1 1 -1 1 -1 -1 -1\n"
        for i, (submit, ran, size) in enumerate(drawn_jobs, 1))
    # A last one, long after, so that all of them end within the horizon.
    text += f"401 {now + 500000} -1 1 1 -1 -1 1 1 -1 1 1 1 -1 1 -1 -1 -1\n"
    for policy in ("FIFO", "BACKFILL"):
        _, scenario = imported(folder, text, "drawn.swf", "--scheduler", policy)
        jobs = {job["name"]: job["time_s"]["waiting"] for job in life(folder, scenario)["jobs"]}
        expected = waits_of([(s - first, r, p) for s, r, p in drawn_jobs], 64, policy == "BACKFILL")
        for i, wait in enumerate(expected, 1):
            assert abs(jobs[str(i)] - wait) < 1e-6, (policy, i, jobs[str(i)], wait)
        assert max(expected) > 3600, "nobody waits"


def check_energy(folder):
    """A job draws the power of its accelerators and their share of a host, for as long as it ran."""
    _, scenario = imported(folder, SWF, "log.swf")
    jobs = {job["name"]: job["energy_j"] for job in life(folder, scenario)["jobs"]}
    per_second = jobs["1"] / (4 * 100)
    for name, work in (("2", 100), ("3", 240), ("4", 10)):
        assert abs(jobs[name] / work - per_second) < 1e-6 * per_second, (name, jobs)
    assert abs(per_second - (700 + 200)) < 1, per_second


def check_sacct(folder):
    text = ("JobID|User|Submit|Start|End|State|AllocTRES|ElapsedRaw\n"
            "10|ann|2024-03-01T00:00:00|2024-03-01T00:01:00|2024-03-01T01:01:00|COMPLETED|"
            "billing=8,cpu=8,gres/gpu=8,node=1|3600\n"
            "10.batch||2024-03-01T00:01:00|2024-03-01T00:01:00|2024-03-01T01:01:00|COMPLETED|"
            "cpu=8|3600\n"
            "11|bob|2024-02-29T23:59:00|Unknown|Unknown|PENDING|gres/gpu=4|\n"
            "12|bob|2024-03-01T00:02:00|2024-03-01T00:03:00|2024-03-01T00:02:30|FAILED|"
            "gres/gpu:a100=4|30\n"
            "13|bob|2024-03-01T00:02:00|2024-03-01T00:03:00|2024-03-01T00:04:00|COMPLETED|cpu=4|60\n"
            "14|bob|2024-03-01T00:02:00|2024-03-01T00:02:00|2024-03-01T00:04:00|FAILED|"
            "gres/gpu=1|120\n")
    answer, scenario = imported(folder, text, "sacct.txt")
    for line in ("5 records of sacct: 2 jobs within 61 min, 3 left out",
                 "left out: 1 that never ran; the first at sacct.txt:4:1: job 11",
                 "left out: 1 whose end lies before its start; the first at sacct.txt:5:1: job 12, "
                 "start 1709251380, end 1709251350",
                 "left out: 1 that holds no accelerator; the first at sacct.txt:6:1: job 13",
                 "1 step of a job: part of it",
                 "the size of the cluster is not known: 9 accelerators, the most that ran at once; "
                 "--capacity says otherwise"):
        assert line + "\n" in answer, (line, answer)
    jobs = life(folder, scenario)["jobs"]
    assert [(j["name"], j["accelerators"], j["submit_s"]) for j in jobs] == [("10", 8, 0),
                                                                             ("14", 1, 120)], jobs


def check_philly(folder):
    job = {"status": "Pass", "vc": "a", "jobid": "j1", "user": "u",
           "submitted_time": "2017-10-08 05:00:00",
           "attempts": [{"start_time": "2017-10-08 05:01:00", "end_time": "2017-10-08 06:01:00",
                         "detail": [{"ip": "m1", "gpus": ["gpu0", "gpu1"]}]}]}
    eight = dict(job, jobid="j2", attempts=[dict(job["attempts"][0], detail=[
        {"ip": "m1", "gpus": [f"gpu{i}" for i in range(8)]}])])
    never = dict(job, jobid="j3", attempts=[])
    # An hour, half an hour of waiting, and half an hour: 1.5 hours are held.
    again = dict(job, jobid="j4", attempts=[*job["attempts"], {
        "start_time": "2017-10-08 06:31:00", "end_time": "2017-10-08 07:01:00",
        "detail": job["attempts"][0]["detail"]}])
    machines = folder / "machines"
    machines.write_text("machineId, number of GPUs, single GPU mem\nm1, 2, 12GB\nm2, 8, 24GB\n",
                        encoding="utf-8")
    answer, _ = imported(folder, json.dumps([job, eight, never]), "philly.json", "--machines",
                         machines)
    for line in ("3 records of philly: 1 jobs within 61 min, 2 left out",
                 "left out: 1 with more accelerators on a machine than it has; the first at "
                 f"philly.json:1:{len(json.dumps([job])) + 2}: job j2, 8 on m1, which has 2"):
        assert line + "\n" in answer, (line, answer)
    assert "which 10 accelerators do in 12 min" in answer, answer
    twice, _ = imported(folder, json.dumps([again]), "philly.json", "--machines", machines)
    assert "1 jobs within 91 min" in twice, twice


def check_tables(folder):
    helios = ("job_id,user,gpu_num,cpu_num,node_num,state,submit_time,start_time,end_time,duration,"
              "queue\n1,u,8,8,1,COMPLETED,2020-04-01 00:00:00,2020-04-01 00:00:10,"
              "2020-04-01 00:10:10,600,10\n")
    assert "1 records of helios: 1 jobs" in imported(folder, helios, "h.csv")[0]
    acme = ("job_id,user,node_num,gpu_num,cpu_num,type,state,submit_time,start_time,end_time,"
            "duration,queue,gpu_time\nd1,u,1,8.0,96,Other,FAILED,2023-03-01 00:00:00+08:00,"
            "2023-03-01 00:00:05+08:00,2023-03-01 01:00:05+08:00,3600,5,28800\n")
    assert "1 records of acme: 1 jobs" in imported(folder, acme, "a.csv")[0]
    pai = ("job_name,task_name,inst_num,status,start_time,end_time,plan_cpu,plan_mem,plan_gpu,"
           "gpu_type\nx,w,2,Terminated,100,200,600,29,50,V100\ny,w,1,Failed,150,250,600,29,100,T4\n"
           "z,w,1,Failed,150,,600,29,,T4\n")
    answer, _ = imported(folder, pai, "p.csv")
    assert "3 records of alibaba: 2 jobs" in answer, answer
    assert "1 job holds a share of an accelerator: rounded up to a whole one\n" in answer, answer
    assert "the log has no times of submission" in answer, answer
    # Alibaba's 2023 table: a pod takes 460 thousandths of a GPU, and another a whole one.
    pods = ("name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,"
            "deletion_time,scheduled_time\na,6000,12288,1,460,,LS,Running,0,100,10\n"
            "b,6000,12288,1,1000,,LS,Running,0,100,10\n")
    answer, _ = imported(folder, pods, "o.csv")
    assert "1 job holds a share of an accelerator: rounded up to a whole one\n" in answer, answer
    # Demand over capacity, by kind: 10 GPUs x 400 s in 300 s of submissions, on 10.
    spot = ("job_name,organization,gpu_model,gpu_request,worker_num,submit_time,duration\n"
            "a,o,A10,1,10,0,300\nb,o,A10,5,2,300,100\nc,o,H800,8,1,0,100\n")
    nodes = folder / "nodes.csv"
    nodes.write_text("node_name,gpu_model,gpu_capacity_num\nn1,A10,10\nn2,H800,8\n",
                     encoding="utf-8")
    answer, _ = imported(folder, spot, "s.csv", "--kind", "A10", "--machines", nodes)
    assert "which 10 accelerators do in 6.667 min at the least; submitted within 5 min, 1.33 times " \
        "as fast" in answer, answer
    assert "left out: 1 of another kind of accelerator; the first at s.csv:4:1: job c, on \"H800\"" \
        in answer, answer


def check_zones(folder):
    """Two jobs an hour apart, in clocks of Denver, Berlin and Kolkata, and without a zone."""
    for first, second in (("12:00:00-07:00", "13:00:00-07:00"), ("12:00:00+01:00", "14:00:00+02:00"),
                          ("12:00:00+0530", "13:00:00+0530"), ("12:00:00 PDT", "13:00:00 PDT"),
                          ("12:00:00Z", "05:00:00-08"), ("12:00:00", "13:00:00")):
        log = ("job_id,user,gpu_num,cpu_num,type,state,submit_time,start_time,end_time,"
               "duration,queue,gpu_time\n")
        for name, at in (("a", first), ("b", second)):
            end = at.replace(":00:00", ":01:00", 1)
            log += (f"{name},u,1,8.0,Other,COMPLETED,2023-03-01 {at},2023-03-01 {at},2023-03-01 {end},"
                    "60,0,60\n")
        imported(folder, log, "zones.csv")
        workload = (folder / "log.workload.textproto").read_text(encoding="utf-8")
        starts = re.findall(r'start: "([0-9.]+) s"', workload)
        assert starts == ["3600"], (first, second, starts)


HELIOS = """job_id,user,gpu_num,state,submit_time,start_time,end_time,duration
a,u,8,COMPLETED,2020-04-01 00:00:00,2020-04-01 00:00:10,2020-04-01 01:00:10,3600
b,u,16,FAILED,4/1/2020 0:20,4/1/2020 0:21,4/1/2020 1:21,3600
c,u,4,CANCELLED,2020-04-01 00:10:01,,,0
d,u,2,COMPLETED,1585701600000,1585701660000,1585705260000,3600
e,u,1,COMPLETED,4/1/2020 12:50:00 AM,13/1/2020 0:21,4/1/2020 1:21,3600
"""


def check_spellings(folder):
    """The same table under other marks, names and ways to write times is the same log."""
    names = HELIOS.replace(HELIOS.split("\n", maxsplit=1)[0],
                           "Job ID,User,GPUs,Status,Submit Time,Start Time,End Time,Duration (s)")
    answers = []
    for text, file in ((HELIOS, "a.csv"), (HELIOS.replace(",", ";"), "b.csv"),
                       (HELIOS.replace(",", "\t"), "c.tsv"), (names, "d.csv")):
        answer, scenario = imported(folder, text, file)
        answers.append(answer.replace(file, "FILE").replace("of table", "of helios"))
        waits = [(j["accelerators"], j["submit_s"], j["log_waiting_s"])
                 for j in life(folder, scenario)["jobs"]]
        # 1585701600 is 00:40 of that day.
        assert waits == [(8, 0, 10), (16, 1200, 60), (2, 2400, 60)], waits
    assert len(set(answers)) == 1, answers
    for line in ("5 records of helios: 3 jobs within 101 min, 2 left out",
                 "left out: 1 that never ran; the first at FILE:4:1: job c",
                 "left out: 1 that starts before it is submitted; the first at FILE:6:1: job e, "
                 "submit 1585702200, start 1578874860",
                 "dates such as 4/1/2020 are read month first, 13/1/2020 day first"):
        assert line + "\n" in answers[0], (line, answers[0])
    hours = "job,gpus,submit,runtime_h\nx,4,0,1.5\ny,4,60,00:30:00\n"
    _, scenario = imported(folder, hours, "h.csv")
    assert [j["time_s"]["training"] for j in life(folder, scenario)["jobs"]] == [5400, 1800]


def check_sacct_as_it_comes(folder):
    """sacct without -P, with servers alone, and in JSON; Alibaba's table without names."""
    wide = ("JobID             User      State              Submit               Start"
            "                 End            AllocTRES\n"
            "------------ --------- ---------- ------------------- ------------------- "
            "------------------- --------------------\n"
            "1                  ann COMPLETED  2024-01-01T00:00:00 2024-01-01T00:01:00 "
            "2024-01-01T01:01:00 gres/gpu=8,node=1\n"
            "1.batch                COMPLETED  2024-01-01T00:00:00 2024-01-01T00:01:00 "
            "2024-01-01T01:01:00 gres/gpu=8,node=1\n"
            "2                  bob OUT_OF_ME+ 2024-01-01T00:00:00 2024-01-01T00:01:00 "
            "2024-01-01T01:01:00 gres/gpu=4,node=1\n"
            "3                  bob COMPLETED  2024-01-01T00:00:00 2024-01-01T00:01:00 "
            "2024-01-01T01:01:00 billing=64,cpu=64,m+\n")
    answer, scenario = imported(folder, wide, "sacct.txt")
    assert ("left out: 1 whose accelerators sacct cut short (sacct -P does not); the first at "
            "sacct.txt:6:1: \"billing=64,cpu=64,m+\"\n1 step of a job: part of it") in answer.replace(
                answer[answer.index("demand"):answer.index("1 step")], ""), answer
    jobs = life(folder, scenario)["jobs"]
    assert [(j["name"], j["accelerators"], j["outcome"]) for j in jobs] == [
        ("1", 8, "finished"), ("2", 4, "failed")], jobs
    servers = ("JobID|Submit|Start|End|NNodes\n1|2024-01-01T00:00:00|2024-01-01T00:01:00|"
               "2024-01-01T01:01:00|2\n")
    answer, scenario = imported(folder, servers, "n.txt", "--per-server", "4")
    assert "the log counts servers: 4 accelerators in each (--per-server)\n" in answer, answer
    assert [j["accelerators"] for j in life(folder, scenario)["jobs"]] == [8]
    number = {"set": True, "infinite": False, "number": 1700000010}
    gpus = [{"type": "cpu", "name": None, "count": 64}, {"type": "gres", "name": "gpu", "count": 8},
            {"type": "gres", "name": "gpu:h100", "count": 8}]
    jobs = [{"job_id": 7, "user": "ann", "state": {"current": ["COMPLETED"]},
             "time": {"elapsed": 3600, "submission": 1700000000, "start": 1700000060,
                      "end": 1700003660}, "tres": {"allocated": gpus}},
            {"job_id": 8, "user": "bob", "state": {"current": "FAILED"},
             "time": {"elapsed": 60, "submission": number, "start": 1700000060, "end": 1700000120},
             "tres": {"allocated": gpus[2:]}},
            {"job_id": 9, "state": {"current": ["PENDING"]},
             "time": {"elapsed": 0, "submission": 1700000010, "start": 0, "end": 0}, "tres": {}}]
    answer, scenario = imported(folder, json.dumps({"meta": {}, "jobs": jobs}), "sacct.json")
    assert "3 records of sacct: 2 jobs" in answer and "1 that never ran" in answer, answer
    jobs = life(folder, scenario)["jobs"]
    assert [(j["name"], j["accelerators"], j["submit_s"], j["log_waiting_s"], j["outcome"])
            for j in jobs] == [("7", 8, 0, 60, "finished"), ("8", 8, 10, 50, "failed")], jobs
    pai = "a,w,2.0,Terminated,100.0,200.0,600.0,29.3,50.0,P100\nb,w,1.0,Failed,150.0,,,,100.0,T4\n"
    answer, _ = imported(folder, pai, "pai_task_table.csv")
    assert "2 records of alibaba: 1 jobs" in answer, answer
    assert "no line of names: read as Alibaba's task table of 2020\n" in answer, answer


def imported_jobs(folder, text, name, *more):
    """The answer of an import, and (accelerators, duration) of each job."""
    answer, scenario = imported(folder, text, name, *more)
    written = scenario.read_text(encoding="utf-8")
    if "workload: " in written:
        written += (folder / "log.workload.textproto").read_text(encoding="utf-8")
    return answer, [(int(n), float(s)) for n, s in
                    re.findall(r'accelerators: (\d+) duration: "([0-9.e+]+) s"', written)]


def check_resources(folder):
    """Accelerators of kinds, with and without a sum; what only begins alike; numbered resources."""
    head = "JobID|Submit|Start|ElapsedRaw|AllocTRES\n1|2024-01-01|2024-01-01|3600|"
    for resources, count in (("cpu=4,gres/gpu:a100=2,gres/gpu:v100=1,gres/gpu=3,mem=4G", 3),
                             ("gres/gpu:a100=2,gres/gpu:v100=1,node=1", 3),
                             ("gres/gpumem=40000M,gres/gpuutil=50,gres/gpu=2", 2),
                             ("gpu:h100:8(S:0-1)", 8), ("gpu:2", 2), ("gres/gpu=8", 8)):
        assert imported_jobs(folder, head + resources + "\n", "t.txt")[1] == [(count, 3600)], resources
    supercloud = ("id_job,id_user,state,time_submit,time_start,time_end,tres_alloc\n"
                  '1,u,3,1612000000,1612000100,1612003700,"1=80,2=340000,4=2,5=80,1002=4"\n'
                  '2,u,5,1612000000,1612003700,1612005700,"1=40,4=1,1001=1,1002=1"\n'
                  '3,u,4,1612000000,0,0,"1=40,1002=2"\n')
    answer, jobs = imported_jobs(folder, supercloud, "s.csv")
    assert jobs == [(4, 3600), (2, 2000)] and "left out: 1 that never ran" in answer, answer


def check_dates(folder):
    """Days and hours that there are not, and zones, are left out and counted, or read."""
    table = "id,gpus,submit time,duration\na,8,2024-01-05 09:00:00 UTC,3600\n"
    for wrong in ("2023-02-29 00:00:00", "2024-04-31 00:00:00", "2024-01-01 25:00:00",
                  "2024-01-01 00:61:00", "2024-01-05 10:00:00 XYZT", "Fri Jan  5 10:00:00 2024"):
        answer, jobs = imported_jobs(folder, table + f"b,8,{wrong},3600\n", "d.csv")
        assert len(jobs) == 1, (wrong, jobs)
        assert ("left out: 1 with a time that there is not, or that cannot be read; the first at "
                f"d.csv:3:1: job b, \"{wrong}\"\n") in answer, answer
    for right, later in (("2024-01-05 10:00:00 CET", 0), ("5.1.2024 10:00:00", 3600),
                         ("2024-02-29 09:00:00", 55 * 86400), ("2024-01-05 24:00:00", 15 * 3600)):
        imported(folder, table + f"b,8,{right},3600\n", "d.csv")
        starts = re.findall(r'start: "([0-9.]+) s"', (folder / "log.workload.textproto").read_text())
        assert starts == ([str(later)] if later else []), (right, starts)


def check_durations(folder):
    """A duration counts before the time from start to end, which clocks change; words are read."""
    sacct = ("JobID|Submit|Start|End|AllocTRES|ElapsedRaw\n"
             "1|2024-03-10T01:00:00|2024-03-10T01:30:00|2024-03-10T03:30:00|gres/gpu=8|3600\n"
             "2|2024-11-03T01:50:00|2024-11-03T01:50:00|2024-11-03T01:10:00|gres/gpu=8|1200\n")
    answer, jobs = imported_jobs(folder, sacct, "s.txt")
    assert jobs == [(8, 3600), (8, 1200)], jobs
    assert ("2 jobs state a duration that is not the time from start to end; the duration counts "
            "(clocks that change for summer, time suspended); the first at s.txt:2:1: job 1, 3600 s "
            "and 7200 s\n") in answer, answer
    hours = "id,gpus,submit,start,end,duration\na,8,0,0,7200,2\n"  # which the head does not say
    assert imported_jobs(folder, hours, "h.csv")[1] == [(8, 7200)]
    words = "job,gpus,Created,duration\na,4,0,2h 30m\nb,4,10,90m\nc,4,20,1d2h\nd,4,30,45 sec\n"
    assert [s for _, s in imported_jobs(folder, words, "w.csv")[1]] == [9000, 5400, 93600, 45]


def check_other_schedulers(folder):
    """Accounting of PBS; a table of Cobalt; files that are packed."""
    pbs = ("04/01/2019 00:00:00;Q;123.server;queue=gpu\n"
           "04/01/2019 01:00:03;E;123.server;user=u1 ctime=1554073000 start=1554073203 "
           "Resource_List.ngpus=4 end=1554076803 resources_used.walltime=01:00:00\n"
           "04/01/2019 02:00:03;E;124.server;user=u1 ctime=1554073000 start=1554076803 "
           "Resource_List.select=2:ncpus=8:ngpus=4 end=1554080403 Exit_status=1\n")
    answer, jobs = imported_jobs(folder, pbs, "pbs.txt")
    assert jobs == [(4, 3600), (8, 3600)] and "2 records of pbs: 2 jobs" in answer, (jobs, answer)
    cobalt = ('"COBALT_JOBID","QUEUED_TIMESTAMP","START_TIMESTAMP","END_TIMESTAMP","NODES_USED"\n'
              '"1","2020-01-01 00:00:00.000000","2020-01-01 00:10:00.000000",'
              '"2020-01-01 01:10:00.000000","128"\n')
    assert imported_jobs(folder, cobalt, "t.csv", "--per-server", "1")[1] == [(128, 3600)]
    asked = "; MaxProcs: 10\n1 0 0 90 4 -1 -1 4 200 -1 1 2 1 -1 1 -1 -1 -1\n"
    assert "1 job asked for more time than it took" in imported(folder, asked, "a.swf")[0]
    packed = folder / "log.swf.gz"
    packed.write_bytes(b"\x1f\x8b\x08\x00")
    for file, what in ((packed, "expected what is packed in it, unpacked"),
                       (folder / "no.swf", "does not exist; expected a text file\n")):
        assert what in call("import", "jobs", file, "-o", folder / "x.textproto", code=2), file


def check_wrong(folder):
    for text, message in [
            ("a,b\n1,2\n", "x.csv:1:1: no column says when a job is submitted; expected submit_time, "
                           "creation_time or Submit"),
            ("words\n", "x.csv:1:1: the first line does not tell what log this is; expected "
                        "--format swf, sacct, philly, helios, alibaba, acme, pbs or table"),
            ('{"a": 1}', "x.csv:1:1: there is no list of jobs; expected { \"jobs\": [...] }, as sacct "
                         "--json prints"),
            ("1 0 0 -1 4 -1 -1 4 100 -1 5 1 1 -1 1 -1 -1 -1\n",
             "x.csv: no record of 1 can be replayed: 1 that never ran; expected jobs with a "
             "submission, a duration and accelerators")]:
        file = folder / "x.csv"
        file.write_text(text, encoding="utf-8")
        answer = call("import", "jobs", file, "-o", folder / "x.textproto", code=2)
        assert answer.replace(str(folder) + "/", "").split("\n")[0] == message, answer


def drawn(points, random_number):
    """A value of a distribution that is given as points (value, share)."""
    for (low, below), (high, share) in zip(points, points[1:]):
        if random_number <= share:
            return low + (high - low) * (random_number - below) / max(1e-12, share - below)
    return points[-1][0]


def check_acme(folder):
    data = os.environ.get("GRIDLOCK_DATA", "")
    name = "acme_cdfs_from_pdf.csv"
    file = next(iter(sorted(Path(data).rglob(name))), None) if data else None
    if file is None:
        print(f"SKIP: no {name} in the folder that GRIDLOCK_DATA names; AcmeTrace "
              "(github.com/InternLM/AcmeTrace) has it")
        return
    with file.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    acme_replayed(folder, rows)


def acme_replayed(folder, rows):
    """800 jobs with the sizes and durations of Kalos, 2,416 accelerators (302 servers of 8): what the
    life says of them is what the log says, and the medians are those that were published."""
    def points(panel):
        found = sorted((float(row["x"]), float(row["cdf_percent"]) / 100) for row in rows
                       if row["panel"] == panel and row["series"] == "Kalos")
        return [(found[0][0], 0.0)] + found
    sizes, durations = points("num_gpu_jobs"), points("duration_s_all")
    dice = random.Random(7)
    lines, now, work = ["; MaxProcs: 2416"], 0, 0
    for number in range(1, 801):
        size = min(2416, max(1, round(drawn(sizes, dice.random()))))
        seconds = min(500000, max(1, round(drawn(durations, dice.random()))))
        lines.append(f"{number} {now} -1 {seconds} {size}" + " -1 -1 -1 -1 -1 1" + " -1" * 7)
        now += round(dice.expovariate(19907 / (183 * 86400)))  # its jobs over six months
        work += size * seconds
    answer, scenario = imported(folder, "\n".join(lines) + "\n", "kalos.swf")
    assert "800 records of swf: 800 jobs" in answer and ", 0 left out" in answer, answer
    record = life(folder, scenario)
    jobs = record["jobs"]
    assert all(job["outcome"] == "finished" for job in jobs)
    held = sum(job["accelerator_s"] for job in jobs)
    assert abs(held - work) < 1e-6 * work, (held, work)
    median = sorted(job["time_s"]["training"] for job in jobs)[400]
    assert 0.7 < median / 124 < 1.4, median  # med_run_time_gpu of Kalos
    waiting = sorted(job["time_s"]["waiting"] for job in jobs)
    print(f"Kalos: {100 * held / 2416 / record['horizon_s']:.1f} % in use; waiting median "
          f"{waiting[400]:.0f} s (published: 17 s), mean {sum(waiting) / 800:.0f} s (214 s)")


def main():
    with tempfile.TemporaryDirectory() as name:
        for check in (check_swf, check_other_scheduler, check_energy, check_sacct, check_philly,
                      check_tables, check_zones, check_spellings, check_sacct_as_it_comes, check_resources,
                      check_dates, check_durations, check_other_schedulers, check_wrong, check_acme):
            check(Path(name))


main()
