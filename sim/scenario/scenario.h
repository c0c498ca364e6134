#pragma once

// The one door for user input: text -> typed, unit-carrying, checked structs.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/base/check.h"
#include "sim/base/index.h"
#include "sim/catalogue/estimate.h"
#include "sim/scenario/reliability.h"
#include "sim/scheduler/scheduler.h"
#include "topologies/machine.h"
#include "workloads/job.h"

namespace gridlock {

/// Where each field was written, so that a problem found later still points at a line.
class SourceMap {
 public:
  /// "dir/scenario.textproto:12:5" of the field, or of its nearest enclosing message that was
  /// written; the file's first position when nothing is known.
  [[nodiscard]] std::string Where(const std::string& path) const;

  /// Notes that `path` was written at `where`.
  void Add(const std::string& path, const std::string& where);

  void SetFallback(const std::string& where) { fallback_ = where; }

 private:
  std::map<std::string, std::string> where_;
  std::string fallback_;
};

/// What to record besides the summary.
struct RecordingSpec {
  int intervals = 512;  ///< time resolution of the utilisation series, intervals per step (at most)
  Seconds interval;     ///< of the series over the horizon; 0: a 500th of it
  std::vector<std::string> links = {};  ///< names of tiers or links that get a series of their own
};

/// What holds from `from` until the next epoch begins: the scenario with the changes up to then.
struct Epoch {
  Seconds from;
  std::vector<SiteSpec> sites;
  std::vector<WanSpec> wans;
  /// What became different, for people: "site[0].override.nic_bandwidth: 400 Gbps -> 200 Gbps".
  std::vector<std::string> changes;
  Seconds failover{};  ///< until what was on a way that has failed goes on elsewhere
};

/// Something out of service from `from` until `until` (infinite when it stays so).
struct OutageSpec {
  Seconds from, until;
  SiteIndex site;  ///< -1: a WAN link
  ServerIndex first_server{0};
  std::int32_t servers = 0;
  WanIndex wan;  ///< -1: servers
};

/// How much of the cluster belongs to a tenant, and how fast its use is forgotten.
struct FairShareSpec {
  std::map<std::string, double> share = {};        ///< by tenant; 1 for all others
  Seconds half_life = {};                          ///< 0: nothing is forgotten
  std::map<std::string, std::int64_t> quota = {};  ///< by tenant: servers; none for all others
};

struct Scenario {
  std::string file;  ///< as given by the user
  std::string name;
  std::string description;  ///< the scenario's own line about itself; may be ""
  std::uint64_t seed = 0;
  Seconds horizon;              ///< 0: one step of the only job is simulated
  std::vector<SiteSpec> sites;  ///< at time zero
  std::vector<WanSpec> wans;    ///< at time zero
  std::vector<JobSpec> jobs;    ///< those of workload files come last
  /// Requests that workload files hold, by the job of their fleet and by rising arrival. They may
  /// go on behind the horizon. The requests of all other fleets are generated.
  std::map<JobIndex, std::vector<Request>> requests;
  /// By rising time; the first at zero. Empty where nothing changes within a step, a collective or
  /// a list of messages.
  std::vector<Epoch> epochs;
  std::vector<OutageSpec> outages;
  ReliabilitySpec reliability;
  const Policy* scheduler = &Policies().front();  ///< how queued jobs are chosen
  FairShareSpec fair_share;                       ///< for policies that look at it
  RecordingSpec recording;
  std::string text;  ///< the whole scenario after includes and overrides, canonical textproto
  std::vector<std::string> notes;  ///< what was understood, for the output: "900 GBps bidirectional
                                   ///< = 450 GB/s per direction"
  /// Of all entries that the scenario names; EstimatesReadBy tells which of them a run reads.
  std::vector<Estimate> estimates;
  SourceMap sources;

  /// The site and the training step of a scenario without a horizon: the first job, on its site.
  [[nodiscard]] SiteSpec& site() { return sites[StepSite()]; }

  [[nodiscard]] const SiteSpec& site() const { return sites[StepSite()]; }

  [[nodiscard]] TrainingSpec& training() { return std::get<PretrainingSpec>(jobs[0].kind).step; }

  [[nodiscard]] const TrainingSpec& training() const {
    return std::get<PretrainingSpec>(jobs[0].kind).step;
  }

 private:
  [[nodiscard]] std::size_t StepSite() const {
    return jobs[0].sites.empty() ? 0 : static_cast<std::size_t>(jobs[0].sites[0]);
  }
};

/// Reads a scenario, its includes and the catalogue entries that it names.
/// @param overrides "path=value" texts, applied after the file ("site[0].servers=2").
/// Throws UserError with every problem found; messages already carry their position.
Scenario LoadScenario(const std::string& file, const std::vector<std::string>& overrides);

/// Reads the sites of a scenario and the links between them, and leaves the rest aside: jobs may be
/// missing, and need not fit. The result has no jobs and no horizon. Throws UserError as
/// LoadScenario does.
Scenario LoadSites(const std::string& file, const std::vector<std::string>& overrides);

/// Turns problems with field paths into lines "file:line:column: message".
std::vector<std::string> Locate(const UserError& error, const SourceMap& sources);

}  // namespace gridlock
