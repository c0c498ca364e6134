#pragma once

// Small clusters made by hand, with step times that are stated and not simulated, and children to
// live their lives in: SimGrid keeps one clock per process.

#include <functional>
#include <string>

#include "sim/cluster/life.h"
#include "sim/scenario/scenario.h"

namespace gridlock {

inline constexpr double kHour = 3600;
inline constexpr double kDay = 24 * kHour;

/// A site of `servers` servers of 8 accelerators under one leaf; servers draw 1,800 W idle (8 x 100
/// W and 1,000 W), switches nothing.
SiteSpec Hall(int servers);

/// A run on whole servers.
JobSpec TrainingJob(const std::string& name, int servers, std::int64_t steps, double start = 0);

PretrainingSpec& TrainingOf(JobSpec& job);

/// One site, no failures, first come first served.
Scenario Week(int servers, std::vector<JobSpec> jobs, double horizon = 7 * kDay);

/// Every step takes 10 s and 40 kJ per server that the job holds: 4 kW.
std::vector<StepRate> TenSeconds(const Situation& situation);

/// Lives in a child process and hands `look` the record there; what `look` returns comes back. ""
/// is good; a child that dies is a complaint.
std::string Live(const Scenario& scenario, const RateSource& rates,
                 const std::function<std::string(const LifeRecord&)>& look);

/// "" when the two agree to `tolerance` of the larger, else a sentence.
std::string Differ(const std::string& what, double is, double expected, double tolerance = 1e-9);

/// Laws that every record obeys: accelerators, time, energy and steps are conserved.
std::string BrokenLaws(const Scenario& scenario, const LifeRecord& record);

}  // namespace gridlock
