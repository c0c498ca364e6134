#pragma once

// Lives made by hand, small enough to check the reports against a pocket calculator, and one of any
// size whose every number is a formula (life_check.py holds the same).

#include <limits>
#include <string>
#include <vector>

#include "sim/record/life_record.h"
#include "sim/record/trace_header.h"

namespace gridlock {

inline TraceHeader LifeHeader() {
  TraceHeader header;
  header.scenario_name = "two halls";
  header.description = "A life for the reports";
  header.machine = "north: 2 x DGX H100; south: 1 x DGX H100";
  header.setup = {{"main", "pretraining of llama"}};
  header.seed = 7;
  header.gridlock_version = "0.1.0";
  header.command_line = "gridlock run two-halls.textproto";
  header.notes = {"a note"};
  header.estimates = {{"accelerator h100", "power.idle"}};
  return header;
}

inline LifeJob SmallPretraining() {
  constexpr double kHour = 3600.0;
  return {.name = "main",
          .tenant = "lab",
          .kind = JobKind::kPretraining,
          .outcome = Outcome::kRunning,
          .site = 0,
          .accelerators = 8,
          .submit = Seconds(0.0),
          .start = Seconds(0.0),
          .steps = 1000,
          .steps_done = 300,
          .tokens = 3e8,
          .model_flop = Flop(8 * 989e12 * 0.25 * 4 * kHour),
          .peak = FlopPerSecond(989e12),
          .training = Seconds(3 * kHour),
          .lost = Seconds(0.5 * kHour),
          .checkpointing = Seconds(0.25 * kHour),
          .restarting = Seconds(0.25 * kHour),
          .interruptions = 1,
          .accelerator_seconds = 8 * 4 * kHour,
          .energy = Joules(8e3 * 4 * kHour),
          .cost_usd = 4.0,
          .carbon_kg = 8.0};
}

inline std::vector<LifeJob> SmallExperiments() {
  constexpr double kHour = 3600.0;
  return {{.name = "ladder/experiment-0001",
           .kind = JobKind::kExperiment,
           .campaign = "ladder",
           .rung = 0,
           .round = 1,
           .final_run = "main",
           .outcome = Outcome::kFinished,
           .site = 0,
           .accelerators = 8,
           .submit = Seconds(0.0),
           .start = Seconds(0.0),
           .end = Seconds(kHour),
           .steps = 10,
           .steps_done = 10,
           .tokens = 1e6,
           .model_flop = Flop(8 * 989e12 * 0.5 * kHour),
           .peak = FlopPerSecond(989e12),
           .training = Seconds(kHour),
           .accelerator_seconds = 8 * kHour,
           .energy = Joules(8e3 * kHour)},
          {.name = "ladder/experiment-0002",
           .kind = JobKind::kExperiment,
           .campaign = "ladder",
           .rung = 0,
           .round = 1,
           .final_run = "main",
           .outcome = Outcome::kFailed,
           .site = 0,
           .accelerators = 8,
           .submit = Seconds(0.0),
           .start = Seconds(kHour),
           .end = Seconds(2 * kHour),
           .steps = 20,
           .steps_done = 10,
           .tokens = 1e6,
           .model_flop = Flop(8 * 989e12 * 0.25 * kHour),
           .peak = FlopPerSecond(989e12),
           .waiting = Seconds(kHour),
           .training = Seconds(0.5 * kHour),
           .lost = Seconds(0.5 * kHour),
           .preemptions = 2,
           .accelerator_seconds = 8 * kHour,
           .energy = Joules(8e3 * kHour)},
          {.name = "ladder/experiment-0003",
           .kind = JobKind::kExperiment,
           .campaign = "ladder",
           .rung = 0,
           .round = 1,
           .final_run = "main",
           .accelerators = 8}};
}

inline LifeJob SmallFleet() {
  constexpr double kHour = 3600.0;
  return {.name = "chat",
          .kind = JobKind::kServing,
          .outcome = Outcome::kRunning,
          .site = 1,
          .accelerators = 8,
          .submit = Seconds(0.0),
          .start = Seconds(0.0),
          .tokens = 7.2e6,
          .model_flop = Flop(1e18),
          .peak = FlopPerSecond(989e12),
          .serving = Seconds(3 * kHour),
          .stalled = Seconds(kHour),
          .interruptions = 1,
          .accelerator_seconds = 8 * 3 * kHour,
          .energy = Joules(7.2e6)};
}

inline std::vector<LifeRequests> SmallRequests() {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  return {{.fleet = "chat",
           .group = "short",
           .scale = 2,
           .arrived = 14400,
           .completed = 14000,
           .prompt_tokens = 1.4e7,
           .output_tokens = 7.2e6,
           .ttft_p50 = 0.2,
           .ttft_p90 = 0.4,
           .ttft_p99 = 1.5,
           .tpot_p50 = 0.02,
           .tpot_p90 = 0.03,
           .tpot_p99 = 0.05,
           .good_share = 0.95},
          {.fleet = "chat",
           .group = "long",
           .scale = 2,
           .ttft_p50 = kNaN,
           .ttft_p90 = kNaN,
           .ttft_p99 = kNaN,
           .tpot_p50 = kNaN,
           .tpot_p90 = kNaN,
           .tpot_p99 = kNaN,
           .good_share = kNaN}};
}

inline std::vector<LifeSite> SmallSites() {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  constexpr double kHour = 3600.0;
  return {{.name = "north",
           .accelerators = 16,
           .pue = 1.25,
           .it_energy = Joules(56e3 * kHour),
           .energy = Joules(70e3 * kHour),
           .peak_power = Watts(20500.0),
           .cost_usd = 7.0,
           .carbon_kg = 14.0,
           .power = {20e3, 20e3, 15e3, 15e3},
           .power_cap = {kNaN, kNaN, 15e3, 15e3},
           .busy = {{{8, 8, 8, 8}, {8, 8, 0, 0}, {0, 0, 0, 0}}},
           .idle = {0, 0, 8, 8},
           .down = {0, 0, 0, 0},
           .battery_stored = {0, 0, 0, 0},
           .power_limit = {700, 700, 500, 500}},
          {.name = "south",
           .accelerators = 8,
           .pue = 1.0,
           .it_energy = Joules(12e3 * kHour),
           .energy = Joules(12e3 * kHour),
           .peak_power = Watts(4000.0),
           .power = {4e3, 4e3, 4e3, 0},
           .power_cap = {kNaN, kNaN, kNaN, kNaN},
           .busy = {{{0, 0, 0, 0}, {0, 0, 0, 0}, {8, 8, 8, 0}}},
           .idle = {0, 0, 0, 0},
           .down = {0, 0, 0, 8},
           .battery_stored = {0, 0, 0, 0},
           .power_limit = {700, 700, 700, 700}}};
}

/// Four intervals of an hour. north (16 accelerators): 8 pretrain throughout, 8 experiment in the
/// first half and are idle in the second; south (8): serves, the last hour down.
inline LifeRecord SmallLife() {
  constexpr double kHour = 3600.0;
  LifeRecord record;
  record.horizon = Seconds(4 * kHour);
  record.interval = Seconds(kHour);
  record.jobs = {SmallPretraining()};
  for (const LifeJob& job : SmallExperiments()) {
    record.jobs.push_back(job);
  }
  record.jobs.push_back(SmallFleet());
  record.requests = SmallRequests();
  record.sites = SmallSites();
  record.series = {.queue_jobs = {1, 0, 0, 0},
                   .queue_accelerators = {8, 0, 0, 0},
                   .training_flops = {6e15, 4e15, 1.5e15, 1.5e15},
                   .decoded_tokens = {700, 700, 600, 0},
                   .storage_bytes = {1e9, 0, 1e9, 0},
                   .wan_bytes = {0, 0, 0, 0}};
  record.events = {
      {.at = Seconds(0.0), .kind = EventKind::kSubmit, .job = 0},
      {.at = Seconds(0.0),
       .kind = EventKind::kStart,
       .job = 0,
       .site = 0,
       .server = 0,
       .servers = 1},
      {.at = Seconds(kHour),
       .kind = EventKind::kStart,
       .job = 2,
       .site = 0,
       .server = 1,
       .servers = 1},
      {.at = Seconds(2 * kHour),
       .kind = EventKind::kChange,
       .site = 0,
       .detail = "site[0].facility.power_cap: 15 kW"},
      {.at = Seconds(3 * kHour), .kind = EventKind::kOutage, .site = 1, .server = 0, .servers = 1}};
  record.situations = 3;
  record.requests_simulated = 7200;
  record.energy_is_estimate = true;
  record.fingerprint = LifeFingerprint(record);
  return record;
}

/// `sites` of 1,000 accelerators each; see life_check.py.
inline LifeRecord LifeOf(int intervals, int jobs, int events, int sites) {
  constexpr double kWeek = 604800.0;
  LifeRecord record;
  record.horizon = Seconds(kWeek);
  record.interval = Seconds(kWeek / (intervals - 0.5));  // the last one is half as long
  for (int s = 0; s < sites; ++s) {
    LifeSite site{.name = "site-" + std::to_string(s), .accelerators = 1000, .pue = 1.2};
    for (int i = 0; i < intervals; ++i) {
      const double busy[] = {400.0 + i % 7, 100.0 + i % 5 / 3.0, 200.0 + s};
      for (int kind = 0; kind < kJobKinds; ++kind) {
        site.busy[kind].push_back(busy[kind]);
      }
      site.down.push_back(i % 11);
      site.idle.push_back(1000.0 - busy[0] - busy[1] - busy[2] - i % 11);
      site.power.push_back(1e6 + 1e3 * (i % 97) / 7.0);
      site.power_cap.push_back(i % 2 == 0 ? 1.5e6 : std::numeric_limits<double>::quiet_NaN());
      site.battery_stored.push_back(0.0);
      site.power_limit.push_back(700.0);
    }
    record.sites.push_back(site);
  }
  for (int i = 0; i < intervals; ++i) {
    record.series.queue_jobs.push_back(i % 13);
    record.series.queue_accelerators.push_back(8.0 * (i % 13));
    record.series.training_flops.push_back(1e18 / (1 + i % 17));
    record.series.decoded_tokens.push_back(1e6 / (1 + i % 19));
    record.series.storage_bytes.push_back(1e11 * (i % 3));
    record.series.wan_bytes.push_back(0.0);
  }
  for (int j = 0; j < jobs; ++j) {
    const double length = 3600.0 + j / 7.0;
    const auto kind = static_cast<JobKind>(j % kJobKinds);
    const bool serves = kind == JobKind::kServing;
    record.jobs.push_back({.name = "sweep/experiment-" + std::to_string(j),
                           .tenant = "tenant-" + std::to_string(j % 5),
                           .kind = kind,
                           .outcome = static_cast<Outcome>(j % kOutcomes),
                           .site = j % sites,
                           .accelerators = 8 * (1 + j % 16),
                           .submit = Seconds(j / 3.0),
                           .start = Seconds(j / 3.0 + 60.0),
                           .end = Seconds(j / 3.0 + 60.0 + length),
                           .steps = 100 + j,
                           .steps_done = 50 + j,
                           .tokens = 1e9 / (1 + j),
                           .model_flop = Flop(1e20 / (1 + j)),
                           .waiting = Seconds(60.0),
                           .training = Seconds(serves ? 0.0 : length),
                           .serving = Seconds(serves ? length : 0.0),
                           .accelerator_seconds = 8.0 * (1 + j % 16) * length,
                           .energy = Joules(1e9 / (1 + j % 23))});
  }
  constexpr EventKind kKinds[] = {EventKind::kSubmit, EventKind::kStart, EventKind::kEnd,
                                  EventKind::kThrottle, EventKind::kCheckpoint};
  for (int e = 0; e < events; ++e) {
    record.events.push_back(
        {.at = Seconds(kWeek * e / events),
         .kind = kKinds[e % 5],
         .job = e % jobs,
         .site = e % sites,
         .server = e % 125,
         .servers = 1 + e % 7,
         .detail = e % 4 == 0 ? "" : std::to_string(8 * (1 + e % 1000)) + " accelerators"});
  }
  record.fingerprint = LifeFingerprint(record);
  return record;
}

}  // namespace gridlock
