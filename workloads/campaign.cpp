#include "workloads/campaign.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/random.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// What is drawn for one experiment, before lengths are scaled.
struct Experiment {
  int number = 0;  ///< from 1
  std::string name;
  std::size_t rung = 0;
  Seconds start;
  double length = 0;         ///< steps of the whole run, not rounded
  double fails_at = kNever;  ///< share of the length
  int rounds = 1;            ///< that it starts
};

// The part of an experiment's whole length that it has run by the end of a round; 0 before the
// first.
double ShareBy(const HalvingSpec& halving, int round) {
  return round == 0 ? 0 : std::pow(halving.growth, round - halving.rounds);
}

// The round in which it fails, from 1; rounds + 1 when it does not.
int FailingRound(const HalvingSpec& halving, const Experiment& experiment) {
  int round = 1;
  while (round <= halving.rounds && experiment.fails_at >= ShareBy(halving, round)) {
    ++round;
  }
  return round;
}

std::size_t DrawRung(const CampaignSpec& spec, Random& random) {
  std::vector<double> weights;
  double sum = 0;
  for (const PretrainingSpec& rung : spec.rungs) {
    weights.push_back(std::pow(rung.step.layout.accelerators(), -spec.tail));
    sum += weights.back();
  }
  double place = sum * random.Uniform();
  std::size_t rung = 0;
  while (rung + 1 < weights.size() && place >= weights[rung]) {
    place -= weights[rung++];
  }
  return rung;
}

Experiment DrawExperiment(const JobSpec& campaign, int number, std::uint64_t seed) {
  const auto& spec = std::get<CampaignSpec>(campaign.kind);
  Experiment experiment;
  experiment.number = number;
  experiment.name = fmt::format("{}/experiment-{:04}", campaign.name, number);
  const auto stream = [&](const char* purpose) {
    return Random(seed, experiment.name + "/" + purpose);
  };
  Random rungs = stream("rung"), submits = stream("submit"), lengths = stream("length"),
         failures = stream("failure");
  experiment.rung = DrawRung(spec, rungs);
  experiment.start = campaign.start + submits.Uniform() * spec.over;
  experiment.length = static_cast<double>(spec.rungs[experiment.rung].steps) *
                      lengths.LogNormal(0, spec.length_sigma);
  if (failures.Uniform() < spec.failing_share) {
    experiment.fails_at = failures.Uniform();
  }
  return experiment;
}

// Lets experiments go on from round to round.
void DrawRounds(const HalvingSpec& halving, std::uint64_t seed,
                std::vector<Experiment>& experiments) {
  std::vector<Experiment*> in_round;
  for (Experiment& experiment : experiments) {
    in_round.push_back(&experiment);
  }
  for (int round = 1; round < halving.rounds; ++round) {
    constexpr double kRounding = 1e-9;  // 0.1 of 30 are 3
    const auto most = static_cast<std::size_t>(
        std::ceil(halving.keep * static_cast<double>(in_round.size()) - kRounding));
    std::vector<std::pair<double, Experiment*>> survivors;
    for (Experiment* experiment : in_round) {
      if (FailingRound(halving, *experiment) != round) {
        Random random(seed, fmt::format("{}/after-round-{}", experiment->name, round));
        survivors.emplace_back(random.Uniform(), experiment);
      }
    }
    std::sort(survivors.begin(), survivors.end(), [](const auto& a, const auto& b) {
      return std::pair(a.first, a.second->number) < std::pair(b.first, b.second->number);
    });
    survivors.resize(std::min(most, survivors.size()));
    in_round.clear();
    for (const auto& [draw, experiment] : survivors) {
      experiment->rounds = round + 1;
      in_round.push_back(experiment);
    }
  }
}

// How far one run goes.
struct RunLength {
  std::int64_t steps = 0, fails_at_step = 0;  ///< as in PretrainingSpec

  [[nodiscard]] std::int64_t whole_steps() const {
    return fails_at_step > 0 ? fails_at_step - 1 : steps;
  }
};

// The runs of an experiment, round by round, with all lengths scaled. What it has run by any point
// never shrinks when the factor grows.
std::vector<RunLength> RunsOf(const HalvingSpec& halving, const Experiment& experiment,
                              double factor) {
  const int failing_round = FailingRound(halving, experiment);
  std::vector<RunLength> runs;
  std::int64_t done = 0;
  for (int round = 1; round <= experiment.rounds; ++round) {
    const double until = factor * experiment.length * ShareBy(halving, round);
    RunLength run{std::max<std::int64_t>(1, std::llround(until) - done), 0};
    if (round == failing_round) {
      const double before = ShareBy(halving, round - 1), after = ShareBy(halving, round);
      const double place = (experiment.fails_at - before) / (after - before);  // [0, 1)
      const double step = std::floor(place * static_cast<double>(run.steps));
      run.fails_at_step = std::min(run.steps, 1 + static_cast<std::int64_t>(step));
    }
    done += run.steps;
    runs.push_back(run);
  }
  return runs;
}

// Model FLOP of one step on each rung.
std::vector<double> StepFlop(const CampaignSpec& spec) {
  std::vector<double> flop;
  for (const PretrainingSpec& rung : spec.rungs) {
    flop.push_back(ModelFlop(rung.step).si());
  }
  return flop;
}

double CampaignFlop(const CampaignSpec& spec, const std::vector<Experiment>& experiments,
                    double factor) {
  const std::vector<double> step_flop = StepFlop(spec);
  double sum = 0;
  for (const Experiment& experiment : experiments) {
    for (const RunLength& run : RunsOf(spec.halving, experiment, factor)) {
      sum += static_cast<double>(run.whole_steps()) * step_flop[experiment.rung];
    }
  }
  return sum;
}

// The factor at which the FLOP come nearest to the target. They rise with it, by whole steps.
double FactorFor(const JobSpec& campaign, const std::vector<Experiment>& experiments,
                 double target) {
  const auto& spec = std::get<CampaignSpec>(campaign.kind);
  const double least = CampaignFlop(spec, experiments, 0);
  if (least > target) {
    throw UserError(campaign.path + ".campaign.compute",
                    fmt::format("{:.4g} is less than {} experiments of one step in each round "
                                "take, which is {:.4g}; expected more, fewer experiments or "
                                "smaller rungs",
                                spec.compute, spec.experiments, spec.compute * least / target));
  }
  double low = 0, high = 1;
  while (CampaignFlop(spec, experiments, high) < target) {
    low = high;
    high *= 2;
    CHECK(std::isfinite(high));
  }
  constexpr int kHalvings = 50;  // well below a step of any length
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (CampaignFlop(spec, experiments, middle) < target ? low : high) = middle;
  }
  const double below = target - CampaignFlop(spec, experiments, low);
  const double above = CampaignFlop(spec, experiments, high) - target;
  return below < above ? low : high;
}

void CheckRungs(const CampaignSpec& spec) {
  CHECK(spec.experiments > 0 && !spec.rungs.empty());
  std::vector<Problem> problems;
  for (const PretrainingSpec& rung : spec.rungs) {
    if (rung.steps <= 0) {
      problems.push_back({rung.step.path + ".steps",
                          "an experiment needs its steps; expected a whole number of at least 1"});
    }
  }
  if (!problems.empty()) {
    throw UserError(problems);
  }
}

// The job of an experiment's round.
JobSpec JobOf(const JobSpec& campaign, const Experiment& experiment, int round,
              const RunLength& length) {
  const auto& spec = std::get<CampaignSpec>(campaign.kind);
  PretrainingSpec run = spec.rungs[experiment.rung];
  run.steps = length.steps;
  run.fails_at_step = length.fails_at_step;
  JobSpec job;
  job.path = campaign.path;
  job.name = experiment.name;
  job.origin = {campaign.name, static_cast<std::int32_t>(experiment.rung), round};
  job.tenant = campaign.tenant;
  job.within = campaign.within;
  job.priority = campaign.priority;
  job.start = experiment.start;
  job.sites = campaign.sites;
  job.spans = campaign.spans;
  job.cohort = campaign.cohort;
  job.after_cohort = campaign.after_cohort;
  if (spec.halving.rounds > 1) {
    job.name += fmt::format("/round-{}", round);
    if (round < spec.halving.rounds || campaign.cohort.empty()) {
      job.cohort = fmt::format("{}/round-{}", campaign.name, round);
    }
  }
  if (round > 1) {
    job.after_cohort = fmt::format("{}/round-{}", campaign.name, round - 1);
  }
  job.kind = std::move(run);
  return job;
}

}  // namespace

Flop FinalRunFlop(const CampaignSpec& campaign, const std::vector<JobSpec>& jobs) {
  for (const JobSpec& job : jobs) {
    const auto* run = std::get_if<PretrainingSpec>(&job.kind);
    if (run != nullptr && job.name == campaign.final_run) {
      return ModelFlop(run->step) * static_cast<double>(run->steps);
    }
  }
  return Flop(0);
}

std::vector<JobSpec> BuildExperiments(const JobSpec& campaign, Flop final_run, std::uint64_t seed) {
  const auto& spec = std::get<CampaignSpec>(campaign.kind);
  CheckRungs(spec);
  std::vector<Experiment> experiments;
  for (int number = 1; number <= spec.experiments; ++number) {
    experiments.push_back(DrawExperiment(campaign, number, seed));
  }
  DrawRounds(spec.halving, seed, experiments);
  double factor = 1;
  if (spec.compute > 0) {
    CHECK(final_run > Flop(0));
    factor = FactorFor(campaign, experiments, (spec.compute * final_run).si());
  }
  std::stable_sort(experiments.begin(), experiments.end(),
                   [](const Experiment& a, const Experiment& b) {
                     return a.start < b.start;
                   });
  std::vector<JobSpec> jobs;
  for (const Experiment& experiment : experiments) {
    int round = 0;
    for (const RunLength& length : RunsOf(spec.halving, experiment, factor)) {
      jobs.push_back(JobOf(campaign, experiment, ++round, length));
    }
  }
  return jobs;
}

Flop RunFlop(const PretrainingSpec& run) {
  return static_cast<double>(RunLength{run.steps, run.fails_at_step}.whole_steps()) *
         ModelFlop(run.step);
}

}  // namespace gridlock
