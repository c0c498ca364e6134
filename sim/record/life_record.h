#pragma once

// What the simulated life of a cluster leaves behind: jobs, fleets, sites and what happened when.
// The cluster loop fills it, the recorder writes it, reports read it. Plain data. What each field
// means to a reader stands in sim/record/life_fields.h.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/fields.h"
#include "sim/base/index.h"
#include "sim/base/units.h"

namespace gridlock {

enum class JobKind : std::uint8_t { kPretraining, kExperiment, kServing };

template <>
inline constexpr std::array kNames<JobKind> = {"pretraining", "experiment", "serving"};

inline constexpr int kJobKinds = kNames<JobKind>.size();

/// How a job stood at the horizon.
enum class Outcome : std::uint8_t { kFinished, kFailed, kRunning, kWaiting, kNotSubmitted };

template <>
inline constexpr std::array kNames<Outcome> = {"finished", "failed", "running", "waiting",
                                               "not_submitted"};

inline constexpr int kOutcomes = kNames<Outcome>.size();

/// One job over the horizon. Times on the clock are negative when they never came.
struct LifeJob {
  std::string name = {};
  std::string tenant = {};
  JobKind kind = JobKind::kPretraining;
  std::string campaign = {};   ///< of an experiment that a campaign generated; "" for all others
  std::int32_t rung = -1;      ///< of that campaign, from 0; -1: of no campaign
  std::int32_t round = 0;      ///< of successive halving, from 1; 0: of no campaign
  std::string final_run = {};  ///< pretraining job that the campaign prepares
  Outcome outcome = Outcome::kNotSubmitted;
  SiteIndex site = {};            ///< where it ran last (the first of several); -1: nowhere
  std::int64_t accelerators = 0;  ///< that it asks for; of a fleet, at most
  Seconds submit{-1}, start{-1}, end{-1};
  std::int64_t steps = 0;       ///< of the whole run; 0 for fleets
  std::int64_t steps_done = 0;  ///< that count; lost ones do not
  double tokens = 0;            ///< trained, or decoded by a fleet
  Flop model_flop = {};         ///< of the steps that count, or of the tokens
  FlopPerSecond peak = {};      ///< dense, of one accelerator in the job's format; 0: not known
  /// Where the time from submission to end or horizon went; the parts sum to it.
  Seconds waiting{}, training{}, serving{}, lost{}, checkpointing{}, restarting{}, stalled{};
  Seconds log_waiting{-1};         ///< of a job of a log: in its queue there; negative: not known
  std::int32_t interruptions = 0;  ///< by failures and outages
  std::int32_t preemptions = 0;
  std::int32_t moves = 0;              ///< to other servers, to make room
  Seconds shrunk = {};                 ///< held servers with fewer replicas than it asks for
  std::int32_t memory_restarts = 0;    ///< from copies in the memory of its hosts
  std::int32_t survivor_restarts = 0;  ///< from replicas that had lost no server
  double accelerator_seconds = 0;      ///< held, whole servers
  Joules energy = {};                  ///< of its servers, without PUE
  Joules facility_energy = {};         ///< the same with PUE
  double cost_usd = 0, carbon_kg = 0;  ///< of that energy with PUE, at its sites' prices
  double capital_usd = 0;    ///< what the accelerators that it held were written off by meanwhile
  double operation_usd = 0;  ///< what it cost to run them, beside energy
};

/// Requests of one group of one fleet. Times are of the simulated replicas; counts are scaled to
/// the whole fleet.
struct LifeRequests {
  std::string fleet = {}, group = {};
  double scale = 1;  ///< replicas over simulated replicas, for the counts
  double arrived = 0, completed = 0;
  double prompt_tokens = 0, output_tokens = 0;      ///< of completed ones
  double ttft_p50 = 0, ttft_p90 = 0, ttft_p99 = 0;  ///< seconds; NaN without completed ones
  double tpot_p50 = 0, tpot_p90 = 0, tpot_p99 = 0;
  double good_share = 0;  ///< of completed ones, both objectives met; NaN without objectives
  /// What requests of the fleet wait for most, in how much of the time that replicas work, and what
  /// would move it; and the same of what iterations take their time for.
  std::string waits_for = {}, waits_remedy = {}, time_for = {}, time_remedy = {};
  double waits_share = 0, time_share = 0;
  Bytes moved{};      ///< of caches between the pools of the whole fleet
  Seconds network{};  ///< in the time to first token: to a site and back, mean
};

/// One kind of failure over the horizon, all sites.
struct LifeFailure {
  std::string name = {};
  std::int64_t failures = 0;       ///< that hit something in service
  std::int64_t servers = 0;        ///< that they took out of service
  std::int64_t interruptions = 0;  ///< of runs
  Seconds lost{};                  ///< training that these runs lost by it
};

/// One site: totals, and series with one entry per interval (means over it).
struct LifeSite {
  std::string name = {};
  std::int64_t accelerators = 0;
  double pue = 1;
  Joules it_energy{}, energy{};  ///< without and with PUE
  Joules rest_energy =
      {};  ///< of it_energy, what no job held: idle servers, switches, optics, storage
  Watts peak_power = {};                           ///< with PUE
  Watts switch_power{}, optics_power{};            ///< of the network, without PUE
  Watts storage_power{};                           ///< of checkpoints, without PUE
  Joules ramp_energy{};                            ///< of it_energy, burned as power fell slowly
  Joules battery_capacity{};                       ///< zero: there is none
  Joules battery_charged{}, battery_discharged{};  ///< from the grid; to the site
  Joules battery_least{};                          ///< the least that it held
  Joules battery_faded{};                          ///< of its capacity, lost until the end
  double battery_capital_usd = 0;                  ///< of capital_usd, that of its battery
  double cost_usd = 0, carbon_kg = 0;
  double capital_usd = 0;              ///< what all its accelerators were written off by
  double operation_usd = 0;            ///< what it cost to run the site, beside energy
  double wan_rent_usd = 0;             ///< of operation_usd, half of each link to another site
  double wan_traffic_usd = 0;          ///< the same of what bytes over these links cost
  double sales_usd = 0;                ///< of capital_usd, of accelerators that left
  std::vector<double> power = {};      ///< W, with PUE
  std::vector<double> power_cap = {};  ///< W; NaN: none
  std::array<std::vector<double>, kJobKinds> busy = {};  ///< accelerators held, by kind of job
  std::vector<double> idle = {}, down = {};              ///< accelerators
  std::vector<double> battery_stored = {};               ///< J
  std::vector<double> power_limit = {};  ///< W, board limit in force of one accelerator
};

/// Series of the whole cluster, one entry per interval.
struct LifeSeries {
  std::vector<double> queue_jobs, queue_accelerators;
  std::vector<double> training_flops;  ///< model FLOP/s of steps that count or are lost later
  std::vector<double> decoded_tokens;  ///< tokens/s of all fleets
  std::vector<double> storage_bytes;   ///< bytes/s written and read
  std::vector<double> wan_bytes;       ///< bytes/s, both directions, all links
};

enum class EventKind : std::uint8_t {
  kSubmit,      ///< a job is submitted
  kStart,       ///< a run starts, or a fleet takes servers
  kEnd,         ///< a run ends, or a fleet gives servers back
  kFail,        ///< a run ends for good before it is done
  kPreempt,     ///< a run stops for another job or for power
  kInterrupt,   ///< a failure or an outage stops a run
  kFailure,     ///< a server fails
  kRepair,      ///< a failed server is back
  kChange,      ///< a field of the scenario takes another value
  kOutage,      ///< servers or a link between sites go out of service
  kRestore,     ///< an outage ends
  kCheckpoint,  ///< a checkpoint is whole
  kThrottle,    ///< a site sets the power limit of its accelerators
};

template <>
inline constexpr std::array kNames<EventKind> = {
    "submit", "start",  "end",    "fail",    "preempt",    "interrupt", "failure",
    "repair", "change", "outage", "restore", "checkpoint", "throttle"};

inline constexpr int kEventKinds = kNames<EventKind>.size();

struct LifeEvent {
  Seconds at = {};
  EventKind kind = EventKind::kSubmit;
  JobIndex job = {};
  SiteIndex site = {};
  ServerIndex server = {};   ///< the first one that the event is about
  std::int32_t servers = 0;  ///< how many servers it is about
  WanIndex wan = {};
  std::string detail = {};  ///< what the numbers do not say
};

struct LifeRecord {
  Seconds horizon, interval;
  std::vector<LifeJob> jobs;
  std::vector<LifeRequests> requests;
  std::vector<LifeFailure> failures;
  std::vector<LifeSite> sites;
  LifeSeries series;
  std::vector<LifeEvent> events;
  std::uint64_t situations = 0;  ///< distinct ones whose step was simulated
  std::uint64_t requests_simulated = 0;
  bool energy_is_estimate = false;  ///< of one site at least
  std::uint64_t fingerprint = 0;    ///< of all events and results, at 9 significant digits
};

/// The fingerprint of every other field of the record, at 9 significant digits.
std::uint64_t LifeFingerprint(const LifeRecord& record);

}  // namespace gridlock
