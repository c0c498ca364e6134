#pragma once

// What a life trace holds of a job, a site, a group of requests and the cluster, where that is one
// number each or one per interval: names, units and meanings. Of life_trace.cpp.

#include <limits>
#include <vector>

#include "sim/record/life_record.h"

namespace gridlock {

/// Name, units and meaning of a variable.
struct Label {
  const char* name;
  const char* units;
  const char* long_name;
};

/// One number per element of T.
template <typename T>
struct Field {
  Label label;
  double (*value)(const T&);
};

/// Seconds, or NaN for what never came.
inline double OnClock(Seconds time) {
  return time >= Seconds(0.0) ? time.si() : std::numeric_limits<double>::quiet_NaN();
}

using JobField = Field<LifeJob>;

inline constexpr JobField kJobFields[] = {
    {{"job_submit", "s", "time of submission"},
     [](auto& j) {
       return OnClock(j.submit);
     }},
    {{"job_start", "s", "time of the first start"},
     [](auto& j) {
       return OnClock(j.start);
     }},
    {{"job_end", "s", "time of the end"},
     [](auto& j) {
       return OnClock(j.end);
     }},
    {{"job_waiting", "s", "time in the queue"},
     [](auto& j) {
       return j.waiting.si();
     }},
    {{"job_training", "s", "time in steps that count, or serving"},
     [](auto& j) {
       return j.training.si();
     }},
    {{"job_lost", "s", "time in steps that were lost"},
     [](auto& j) {
       return j.lost.si();
     }},
    {{"job_checkpointing", "s", "time writing checkpoints"},
     [](auto& j) {
       return j.checkpointing.si();
     }},
    {{"job_restarting", "s", "time restarting and reading checkpoints"},
     [](auto& j) {
       return j.restarting.si();
     }},
    {{"job_stalled", "s", "time holding servers without a step"},
     [](auto& j) {
       return j.stalled.si();
     }},
    {{"job_tokens", "token", "trained in steps that count, or decoded by a fleet"},
     [](auto& j) {
       return j.tokens;
     }},
    {{"job_model_flop", "FLOP", "model FLOP of the steps that count, or of the tokens"},
     [](auto& j) {
       return j.model_flop.si();
     }},
    {{"job_peak_flop_rate", "FLOP/s",
      "dense peak of one accelerator in the job's format; 0: not known"},
     [](auto& j) {
       return j.peak.si();
     }},
    {{"job_accelerator_seconds", "s", "accelerators held, in whole servers, times the time"},
     [](auto& j) {
       return j.accelerator_seconds;
     }},
    {{"job_energy", "J", "energy of the servers held, without PUE"},
     [](auto& j) {
       return j.energy.si();
     }},
    {{"job_cost", "USD", "price of job_energy with PUE"},
     [](auto& j) {
       return j.cost_usd;
     }},
    {{"job_carbon", "kg", "carbon dioxide equivalent of job_energy with PUE"},
     [](auto& j) {
       return j.carbon_kg;
     }},
};

inline constexpr Field<LifeSite> kSiteFields[] = {
    {{"site_accelerators", "1", "accelerators of the site"},
     [](auto& s) {
       return static_cast<double>(s.accelerators);
     }},
    {{"site_pue", "1", "power usage effectiveness: all power over that of the servers"},
     [](auto& s) {
       return s.pue;
     }},
    {{"site_it_energy", "J", "energy over the horizon, without PUE"},
     [](auto& s) {
       return s.it_energy.si();
     }},
    {{"site_energy", "J", "energy over the horizon, with PUE"},
     [](auto& s) {
       return s.energy.si();
     }},
    {{"site_peak_power", "W", "highest power, with PUE"},
     [](auto& s) {
       return s.peak_power.si();
     }},
    {{"site_rest_energy", "J", "of site_it_energy, what no job held: idle servers and switches"},
     [](auto& s) {
       return s.rest_energy.si();
     }},
    {{"site_cost", "USD", "price of site_energy"},
     [](auto& s) {
       return s.cost_usd;
     }},
    {{"site_carbon", "kg", "carbon dioxide equivalent of site_energy"},
     [](auto& s) {
       return s.carbon_kg;
     }},
};

/// A member of LifeRequests that is one number.
struct RequestField {
  Label label;
  double LifeRequests::*member;
};

inline constexpr RequestField kRequestFields[] = {
    {{"request_scale", "1", "replicas of the fleet over those simulated"}, &LifeRequests::scale},
    {{"request_arrived", "1", "requests that arrived, whole fleet"}, &LifeRequests::arrived},
    {{"request_completed", "1", "requests that were completed, whole fleet"},
     &LifeRequests::completed},
    {{"request_prompt_tokens", "token", "prompt tokens of completed requests, whole fleet"},
     &LifeRequests::prompt_tokens},
    {{"request_output_tokens", "token", "output tokens of completed requests, whole fleet"},
     &LifeRequests::output_tokens},
    {{"request_ttft_p50", "s", "time to first token, median"}, &LifeRequests::ttft_p50},
    {{"request_ttft_p90", "s", "time to first token, 90th percentile"}, &LifeRequests::ttft_p90},
    {{"request_ttft_p99", "s", "time to first token, 99th percentile"}, &LifeRequests::ttft_p99},
    {{"request_tpot_p50", "s", "time per output token, median"}, &LifeRequests::tpot_p50},
    {{"request_tpot_p90", "s", "time per output token, 90th percentile"}, &LifeRequests::tpot_p90},
    {{"request_tpot_p99", "s", "time per output token, 99th percentile"}, &LifeRequests::tpot_p99},
    {{"request_good_share", "1", "share of completed requests that met both objectives"},
     &LifeRequests::good_share},
};

struct SiteSeries {
  Label label;
  std::vector<double> LifeSite::*member;
};

inline constexpr SiteSeries kSiteSeries[] = {
    {{"power", "W", "power of the site, with PUE"}, &LifeSite::power},
    {{"power_cap", "W", "power that the site may draw; missing: no cap"}, &LifeSite::power_cap},
    {{"idle", "1", "accelerators in service that no job holds"}, &LifeSite::idle},
    {{"down", "1", "accelerators out of service"}, &LifeSite::down},
    {{"power_limit", "W", "board limit in force of one accelerator"}, &LifeSite::power_limit},
};

struct ClusterSeries {
  Label label;
  std::vector<double> LifeSeries::*member;
};

inline constexpr ClusterSeries kClusterSeries[] = {
    {{"queue_jobs", "1", "jobs that wait"}, &LifeSeries::queue_jobs},
    {{"queue_accelerators", "1", "accelerators that waiting jobs ask for"},
     &LifeSeries::queue_accelerators},
    {{"training_flop_rate", "FLOP/s", "model FLOP/s of all training, also of steps lost later"},
     &LifeSeries::training_flops},
    {{"decoded_token_rate", "token/s", "tokens decoded per second by all fleets"},
     &LifeSeries::decoded_tokens},
    {{"storage_rate", "byte/s", "written to and read from checkpoint storage"},
     &LifeSeries::storage_bytes},
    {{"wan_rate", "byte/s", "over links between sites, all links and both directions"},
     &LifeSeries::wan_bytes},
};

/// Meanings of `event_kind`, in the order of their flags; a kind that only a record brings follows.
inline constexpr const char* kEventKinds[] = {
    "submit", "start",  "end",    "fail",    "preempt",    "interrupt", "failure",
    "repair", "change", "outage", "restore", "checkpoint", "throttle"};

}  // namespace gridlock
