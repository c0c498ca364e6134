#pragma once

// What the simulated life of a cluster leaves behind: jobs, fleets, sites and what happened when.
// The cluster loop fills it, the recorder writes it, reports read it. Plain data.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/units.h"

namespace gridlock {

enum class JobKind : std::uint8_t { kPretraining, kExperiment, kServing };

inline constexpr int kJobKinds = 3;

/// "pretraining", "experiment", "serving".
const char* JobKindName(JobKind kind);

/// How a job stood at the horizon.
enum class Outcome : std::uint8_t { kFinished, kFailed, kRunning, kWaiting, kNotSubmitted };

inline constexpr int kOutcomes = 5;

/// "finished", "failed", "running", "waiting", "not_submitted".
const char* OutcomeName(Outcome outcome);

/// One job over the horizon. Times on the clock are negative when they never came. What stands
/// before the first "/" in the name of an experiment is its campaign.
struct LifeJob {
  std::string name = {};
  std::string tenant = {};
  JobKind kind = JobKind::kPretraining;
  Outcome outcome = Outcome::kNotSubmitted;
  std::int32_t site = -1;         ///< where it ran last (the first of several); -1: nowhere
  std::int64_t accelerators = 0;  ///< that it asks for; of a fleet, at most
  Seconds submit{-1}, start{-1}, end{-1};
  std::int64_t steps = 0;       ///< of the whole run; 0 for fleets
  std::int64_t steps_done = 0;  ///< that count: not those that were lost
  double tokens = 0;            ///< trained, or decoded by a fleet
  Flop model_flop = {};         ///< of the steps that count, or of the tokens
  FlopPerSecond peak = {};      ///< dense, of one accelerator in the job's format; 0: not known
  std::string final_run = {};   ///< pretraining job that the campaign of an experiment prepares
  /// Where its time went, from submission to end or horizon; the first six sum to it.
  Seconds waiting{}, training{}, lost{}, checkpointing{}, restarting{}, stalled{};
  std::int32_t interruptions = 0;  ///< by failures and outages
  std::int32_t preemptions = 0;
  double accelerator_seconds = 0;      ///< held, whole servers
  Joules energy = {};                  ///< of its servers, without PUE
  double cost_usd = 0, carbon_kg = 0;  ///< of that energy with PUE, at its sites' prices
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
};

/// One site: totals, and series with one entry per interval (means over it).
struct LifeSite {
  std::string name = {};
  std::int64_t accelerators = 0;
  double pue = 1;
  Joules it_energy{}, energy{};  ///< without and with PUE
  Joules rest_energy = {};       ///< of it_energy, what no job held: idle servers and switches
  Watts peak_power = {};         ///< with PUE
  double cost_usd = 0, carbon_kg = 0;
  std::vector<double> power = {};            ///< W, with PUE
  std::vector<double> power_cap = {};        ///< W; NaN: none
  std::vector<double> busy[kJobKinds] = {};  ///< accelerators held, by kind of job
  std::vector<double> idle = {}, down = {};  ///< accelerators
  std::vector<double> power_limit = {};      ///< W, board limit in force of one accelerator
};

/// Series of the whole cluster, one entry per interval.
struct LifeSeries {
  std::vector<double> queue_jobs, queue_accelerators;
  std::vector<double> training_flops;  ///< model FLOP/s of steps that count or are lost later
  std::vector<double> decoded_tokens;  ///< tokens/s of all fleets
  std::vector<double> storage_bytes;   ///< bytes/s written and read
  std::vector<double> wan_bytes;       ///< bytes/s, both directions, all links
};

struct LifeEvent {
  Seconds at;
  std::string kind;  ///< "submit", "start", "end", "fail", "preempt", "interrupt", "failure",
                     ///< "repair", "change", "outage", "restore", "checkpoint", "throttle"
  std::int32_t job = -1, site = -1;
  std::string detail = {};
};

struct LifeRecord {
  Seconds horizon, interval;
  std::vector<LifeJob> jobs;
  std::vector<LifeRequests> requests;
  std::vector<LifeSite> sites;
  LifeSeries series;
  std::vector<LifeEvent> events;
  std::uint64_t situations = 0;  ///< distinct ones whose step was simulated
  std::uint64_t requests_simulated = 0;
  bool energy_is_estimate = true;
  std::uint64_t fingerprint = 0;  ///< of all events and results, at 9 significant digits
};

/// The fingerprint of everything else in the record, at 9 significant digits.
std::uint64_t LifeFingerprint(const LifeRecord& record);

}  // namespace gridlock
