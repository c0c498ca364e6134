#include "sim/scenario/cost_checks.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "proto/scenario.pb.h"
#include "sim/schema/rules.h"
#include "workloads/schedule.h"

namespace gridlock {
namespace {

// Budgets: what a scenario may make at most. They are estimates, meant to keep a run within an hour
// of one core and within 16 GB of memory.

/// Requests that simulated replicas see. One core simulates 1.7 to 1.9 million requests a second
/// (tests/bench/results.md), so these take about a minute.
constexpr double kRequests = 1e8;
/// Failures of servers. Each is two events, and may need the step of a situation not seen before.
constexpr double kFailures = 1e6;
/// Checkpoints of all runs: an event of 100 bytes each in the record.
constexpr double kCheckpoints = 1e7;
/// Intervals of the series: a dozen numbers for each site.
constexpr double kIntervals = 1e6;
/// Experiments of all campaigns: the scheduler looks at all that wait at each event.
constexpr double kExperiments = 1e5;
/// Passes that are written out for all stages of a step.
constexpr double kPasses = 1e8;
/// Pairs of accelerators that exchange tokens, each with a route of its own.
constexpr double kExchanges = 3e8;

/// What one field makes.
struct Cost {
  const Written& where;
  std::string path;
  double count = 0;
  double most = 0;
  std::string what;  ///< "requests to the simulated replicas"
  std::string fits;  ///< what would be accepted
};

using Costs = std::vector<Cost>;

struct Input {
  const ScenarioMessage& from;
  const Scenario& scenario;
};

/// Accelerators of all sites together.
double AcceleratorsOf(const Scenario& scenario) {
  double sum = 0;
  for (const SiteSpec& site : scenario.sites) {
    sum += 1.0 * site.servers * site.server.accelerators;
  }
  return sum;
}

/// A time that people can type, not below the one given.
std::string AtLeast(Seconds time) {
  return fmt::format("at least \"{:.0f} s\"", std::ceil(time.si()));
}

/// Calls `f` with each job of the scenario's own text and where it was written. Those of workload
/// files stand there one by one already.
void ForJobs(const Input& in,
             const std::function<void(const JobSpec& job, const Written& written)>& f) {
  const auto own = static_cast<std::size_t>(in.from.message.job_size());
  for (std::size_t j = 0; j < std::min(own, in.scenario.jobs.size()); ++j) {
    f(in.scenario.jobs[j], in.from.written.At("job", static_cast<int>(j)));
  }
}

void AddRequests(const Input& in, Costs& costs) {
  JobIndex next{0};
  ForJobs(in, [&](const JobSpec& job, const Written& written) {
    const JobIndex index = next;
    ++next;
    const auto* serving = std::get_if<ServingSpec>(&job.kind);
    if (serving == nullptr || in.scenario.requests.contains(index)) {
      return;
    }
    const double share = 1.0 * serving->replicas_simulated / serving->replicas;
    const double rate = serving->arrivals.requests_per_second;
    const double longest = in.scenario.horizon.si();
    const double time = serving->days_simulated > 0
                            ? std::min(longest, kSecondsPerDay * serving->days_simulated)
                            : longest;
    const double count = rate * share * time;
    costs.push_back({written.At("serving").At("arrivals").At("requests_per_second"),
                     job.path + ".serving.arrivals.requests_per_second", count, kRequests,
                     "requests to the simulated replicas over the horizon",
                     fmt::format("at most {:.3g} a second, fewer replicas_simulated or "
                                 "days_simulated, or a shorter horizon",
                                 rate * kRequests / count)});
  });
}

void AddFailures(const Input& in, Costs& costs) {
  const ReliabilitySpec& reliability = in.scenario.reliability;
  const auto add = [&](Seconds mtbf, double units, const Written& written,
                       const std::string& path) {
    const double count = units * (in.scenario.horizon / mtbf);
    costs.push_back({written, path, count, kFailures, "failures of servers over the horizon",
                     AtLeast(mtbf * (count / kFailures)) + ", or a shorter horizon"});
  };
  const Written& written = in.from.written.At("reliability");
  if (reliability.server_mtbf > Seconds(0)) {
    double servers = 0;
    for (const SiteSpec& site : in.scenario.sites) {
      servers += site.servers;
    }
    const char* field = written.Has("failure_rate") ? "failure_rate" : "server_mtbf";
    add(reliability.server_mtbf, servers, written.At(field), std::string("reliability.") + field);
  }
  for (std::size_t i = 0; i < reliability.failures.size(); ++i) {
    const FailureSpec& failure = reliability.failures[i];
    double units = 0;
    for (const SiteSpec& site : in.scenario.sites) {
      units += MostUnitsOf(failure, site);
    }
    add(failure.mtbf / MostTimes(failure, reliability.age + in.scenario.horizon), units,
        written.At("failure", static_cast<int>(i)), failure.path);
  }
}

/// Checkpoints of `runs` runs alike that train side by side: at most one in each interval and step.
double CheckpointsOf(const PretrainingSpec& run, double runs, const Scenario& scenario) {
  if (run.checkpoint_interval <= Seconds(0)) {
    return 0;
  }
  const double fit =
      std::max(1.0, AcceleratorsOf(scenario) / static_cast<double>(run.step.layout.accelerators()));
  const double by_time = scenario.horizon / run.checkpoint_interval * std::min(runs, fit);
  return std::min(by_time, static_cast<double>(run.steps) * runs);
}

void AddCheckpoints(const Input& in, Costs& costs) {
  const auto add = [&](const PretrainingSpec& run, double runs, const Written& written,
                       const std::string& path) {
    const double count = CheckpointsOf(run, runs, in.scenario);
    costs.push_back(
        {written.At("checkpoint_interval"), path + ".checkpoint_interval", count, kCheckpoints,
         "checkpoints over the horizon",
         AtLeast(run.checkpoint_interval * (count / kCheckpoints)) + ", or a shorter horizon"});
  };
  ForJobs(in, [&](const JobSpec& job, const Written& written) {
    if (const auto* run = std::get_if<PretrainingSpec>(&job.kind)) {
      add(*run, 1, written.At("pretraining"), job.path + ".pretraining");
    }
    const auto* campaign = std::get_if<CampaignSpec>(&job.kind);
    for (std::size_t i = 0; campaign != nullptr && i < campaign->rungs.size(); ++i) {
      add(campaign->rungs[i], campaign->experiments,
          written.At("campaign").At("rung", static_cast<int>(i)),
          ElementPath(job.path + ".campaign.rung", i));
    }
  });
}

void AddIntervals(const Input& in, Costs& costs) {
  const Seconds interval = in.scenario.recording.interval;
  if (interval <= Seconds(0)) {
    return;  // a 500th of the horizon
  }
  const double count = in.scenario.horizon / interval;
  costs.push_back({in.from.written.At("recording").At("interval"), "recording.interval", count,
                   kIntervals, "intervals of each series over the horizon",
                   AtLeast(interval * (count / kIntervals)) + ", or a shorter horizon"});
}

void AddExperiments(const Input& in, Costs& costs) {
  double before = 0;
  ForJobs(in, [&](const JobSpec& job, const Written& written) {
    const auto* campaign = std::get_if<CampaignSpec>(&job.kind);
    if (campaign == nullptr || campaign->expanded) {
      return;
    }
    before += campaign->experiments;
    costs.push_back({written.At("campaign").At("experiments"), job.path + ".campaign.experiments",
                     before, kExperiments, "experiments with those of the campaigns before it",
                     fmt::format("at most {:.0f} in all", kExperiments)});
  });
}

/// Calls `f` with each step that jobs of the scenario's own text take.
void ForSteps(const Input& in,
              const std::function<void(const TrainingSpec& step, const Written& written)>& f) {
  ForJobs(in, [&](const JobSpec& job, const Written& written) {
    if (const auto* run = std::get_if<PretrainingSpec>(&job.kind);
        run != nullptr && run->recorded <= Seconds(0)) {
      f(run->step, written.At("pretraining"));
    }
    const auto* campaign = std::get_if<CampaignSpec>(&job.kind);
    for (std::size_t i = 0; campaign != nullptr && i < campaign->rungs.size(); ++i) {
      f(campaign->rungs[i].step, written.At("campaign").At("rung", static_cast<int>(i)));
    }
  });
}

void AddPasses(const Input& in, Costs& costs) {
  ForSteps(in, [&](const TrainingSpec& step, const Written& written) {
    const Layout& layout = step.layout;
    constexpr double kPerMicroBatch = 3;  // forward, and backward in one pass or two
    const double count = kPerMicroBatch * layout.pipeline * layout.virtual_pipeline *
                         static_cast<double>(FirstMicroBatches(step));
    costs.push_back({written.At("layout").At("pipeline"), layout.path + ".pipeline", count, kPasses,
                     "passes in one step, over all stages",
                     "fewer stages, or fewer chunks (virtual_pipeline)"});
  });
}

void AddExchanges(const Input& in, Costs& costs) {
  ForSteps(in, [&](const TrainingSpec& step, const Written& written) {
    const Layout& layout = step.layout;
    const bool exchanges = step.model.has_experts() && layout.expert > 1;
    const double count =
        exchanges ? 1.0 * layout.expert * static_cast<double>(layout.accelerators()) : 0.0;
    costs.push_back({written.At("layout").At("expert"), layout.path + ".expert", count, kExchanges,
                     "pairs of accelerators that exchange tokens",
                     fmt::format("at most {:.0f}",
                                 std::floor(kExchanges * layout.expert / std::max(1.0, count)))});
  });
}

/// One row per kind of cost.
struct Kind {
  void (*add)(const Input& in, Costs& costs);
  bool of_life;  ///< only a scenario with a horizon has it
};

constexpr Kind kKinds[] = {
    {&AddRequests, true},    {&AddFailures, true}, {&AddCheckpoints, true}, {&AddIntervals, true},
    {&AddExperiments, true}, {&AddPasses, false},  {&AddExchanges, false},
};

}  // namespace

void CheckCosts(const ScenarioMessage& from, const Scenario& scenario, ProblemList& problems) {
  Costs costs;
  for (const Kind& kind : kKinds) {
    if (!kind.of_life || scenario.horizon > Seconds(0)) {
      kind.add({from, scenario}, costs);
    }
  }
  for (const Cost& cost : costs) {
    if (cost.count > cost.most) {
      problems.Add(cost.where.value, cost.path,
                   Refusal(fmt::format("this makes {:.3g} {}, and at most {:.0f} are simulated",
                                       cost.count, cost.what, cost.most),
                           cost.fits));
    }
  }
}

}  // namespace gridlock
