#include "sim/layouts/plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/process/worker.h"
#include "sim/study/evaluate.h"
#include "workloads/memory.h"

namespace gridlock {

namespace {

// With a limit that a search does not know, so many times more splits are looked at.
constexpr int kMoreWithLimits = 4;

std::string Millions(double tokens) {
  return fmt::format("{:.3g} M", tokens / 1e6);
}

void CheckAsked(const Scenario& scenario, const PlanAsked& asked) {
  const auto refuse = [](const std::string& path, const std::string& message) {
    throw UserError(path, message);
  };
  if (scenario.horizon > Seconds(0)) {
    refuse("horizon", "a plan is about one training step; expected a scenario without horizon");
  }
  if (scenario.jobs.empty() || !std::holds_alternative<PretrainingSpec>(scenario.jobs[0].kind)) {
    refuse("job[0]", "a plan lays out a training job; expected job { pretraining { ... } } first");
  }
  if (scenario.jobs[0].spans) {
    refuse("job[0].span", "a plan is for one site; expected a job that names one");
  }
  if (!asked.bases.empty() && scenario.training().trains_base()) {
    refuse("job[0].pretraining",
           "--bases are formats of a frozen base; expected adapters { rank: 16 } or another rank");
  }
  if (asked.dollars_most > 0 && asked.budget.tokens <= 0) {
    refuse("", "--max-dollars needs the tokens of the run; expected --tokens, e.g. 15.6T");
  }
  if (asked.dollars_most > 0 && asked.budget.dollars_per_hour <= 0 &&
      scenario.site().electricity_usd_per_kwh <= 0) {
    refuse("",
           "--max-dollars needs a price; expected --price of an accelerator-hour, or prices { "
           "electricity: ... } in the site");
  }
}

std::int64_t AcceleratorsOf(const SiteSpec& site, const TrainingSpec& job) {
  return std::int64_t{site.servers} * job.layout.used_of(site.server.accelerators);
}

void CheckCount(std::int64_t accelerators, const SiteSpec& site, const TrainingSpec& job) {
  const std::int64_t most = AcceleratorsOf(site, job);
  if (accelerators < 1 || accelerators > most) {
    throw UserError("", fmt::format("--accelerators is {}, and the site has {}; expected 1 to {}",
                                    accelerators, most, most));
  }
}

/// The largest number up to `most` without other factors than twos and one three: layouts share
/// layers, heads and batches, and those have few others.
std::int64_t RoundNumber(std::int64_t most) {
  std::int64_t best = 1;
  for (std::int64_t twos = 1; twos <= most; twos *= 2) {
    best = std::max(best, 3 * twos <= most ? 3 * twos : twos);
  }
  return best;
}

// Sizes that --fix gives and that no layout on so many accelerators can have.
std::string Undivided(const std::vector<FixedSize>& fixed, std::int64_t accelerators) {
  for (const FixedSize& size : fixed) {
    const bool ranks = size.name == "tensor" || size.name == "context" || size.name == "pipeline" ||
                       size.name == "data";
    if (ranks && (size.value < 1 || accelerators % size.value != 0)) {
      std::int64_t near = std::clamp<std::int64_t>(size.value, 1, accelerators);
      while (accelerators % near != 0) {
        --near;
      }
      return fmt::format(
          "--fix {}={}: {} does not divide {} accelerators; expected a divisor, e.g. "
          "{}={}",
          size.name, size.value, size.value, accelerators, size.name, near);
    }
  }
  return "";
}

[[noreturn]] void RefuseAll(const SearchCounts& counts, const std::vector<FixedSize>& fixed,
                            std::int64_t accelerators) {
  if (const std::string undivided = Undivided(fixed, accelerators); !undivided.empty()) {
    throw UserError("", undivided);
  }
  std::string reasons;
  for (int r = 0; r < kRefusals; ++r) {
    if (counts.refused[r] > 0) {
      reasons += fmt::format("{}{} of {}", reasons.empty() ? "" : ", ", counts.refused[r],
                             RefusedName(static_cast<Refused>(r)));
    }
  }
  const bool memory = counts.refused[static_cast<int>(Refused::kMemory)] > 0;
  if (memory) {
    throw NothingFits("", fmt::format("no layout on {} accelerators fits (refused: {}); expected "
                                      "more accelerators, or less --hbm-margin",
                                      accelerators, reasons));
  }
  const std::int64_t round = RoundNumber(accelerators);
  const std::string fewer =
      round < accelerators ? fmt::format(", e.g. --accelerators {}", round) : "";
  throw UserError(
      "", fmt::format("no layout on {} accelerators fits (refused: {}); expected {}", accelerators,
                      !reasons.empty() ? reasons
                      : fixed.empty()  ? "none was there to try"
                                       : "none has the sizes of --fix",
                      "a number of accelerators, a global_batch and layers that can be shared out" +
                          fewer));
}

void Add(const SearchCounts& more, SearchCounts& counts) {
  for (int r = 0; r < kRefusals; ++r) {
    counts.refused[r] += more.refused[r];
  }
  counts.checked += more.checked;
  counts.fitting += more.fitting;
  counts.evaluated += more.evaluated;
  counts.checking_s += more.checking_s;
  counts.evaluating_s += more.evaluating_s;
}

// Evaluates the steps of the layouts that a search found, by the simulator or in closed form.
std::vector<Proposal> Simulated(const ScenarioBase& base, const std::vector<ScoredLayout>& best,
                                const PlanAsked& asked, const PlanHooks& hooks) {
  std::vector<Job> jobs;
  for (const ScoredLayout& layout : best) {
    jobs.push_back([&base, &layout, &asked](const Progress& report) {
      const Fidelity fidelity = asked.simulate ? Fidelity::kFolded : Fidelity::kAnalytic;
      return EvaluateStep(base.At(PointOf(layout.choice)), fidelity, report);
    });
  }
  WorkerOptions worker;
  worker.parallel = asked.parallel;
  worker.progress = [&](std::size_t done, double fraction) {
    if (hooks.progress) {
      hooks.progress(fmt::format("{} of {} best layouts simulated", done, jobs.size()), fraction);
    }
  };
  std::vector<Proposal> proposals;
  const std::vector<JobResult> results = RunJobs(jobs, worker);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i].problems.empty()) {
      throw UserError(results[i].problems);
    }
    if (!results[i].ok) {
      throw std::runtime_error(results[i].problem);
    }
    proposals.push_back({best[i], results[i].record, asked.simulate, {}, false, false});
  }
  return proposals;
}

class Planner {
 public:
  Planner(const ScenarioBase& base, const Scenario& scenario, const PlanAsked& asked,
          const PlanHooks& hooks)
      : base_(base), scenario_(scenario), asked_(asked), hooks_(hooks) {}

  LayoutPlan Run() && {
    plan_.tokens = asked_.budget.tokens;
    std::vector<std::int64_t> counts = asked_.accelerators;
    if (counts.empty()) {
      counts.push_back(scenario_.training().layout.accelerators());
    }
    for (const std::int64_t accelerators : counts) {
      CheckCount(accelerators, scenario_.site(), scenario_.training());
    }
    for (const std::int64_t accelerators : counts) {
      PlanFor(accelerators);
    }
    Rank();
    LookAtOwn();
    const StackSpec& stack = scenario_.training().stack;
    const auto is_pipeline = [](const FixedSize& fixed) {
      return fixed.name == "pipeline";
    };
    if (stack.without_pipeline &&
        std::none_of(asked_.fixed.begin(), asked_.fixed.end(), is_pipeline)) {
      plan_.notes.push_back(stack.name +
                            " has no pipeline stages, so that none are proposed; --fix pipeline=4 "
                            "asks for four all the same");
    }
    const double tokens = static_cast<double>(scenario_.training().global_batch) *
                          static_cast<double>(scenario_.training().sequence_length);
    if (const std::string note = BatchNote(tokens); !note.empty()) {
      plan_.notes.push_back(note);
    }
    return std::move(plan_);
  }

 private:
  [[nodiscard]] LayoutSpace SpaceOf(std::int64_t accelerators) const {
    LayoutSpace space;
    space.job = scenario_.training();
    space.server = scenario_.site().server;
    space.accelerators = accelerators;
    space.hbm_margin = asked_.hbm_margin;
    space.micro_batch_most = asked_.micro_batch_most;
    space.fixed = asked_.fixed;
    space.shard_groups = asked_.shard_groups;
    space.zero_bubble = asked_.zero_bubble;
    space.bases = asked_.bases;
    const SiteSpec& site = scenario_.site();
    const std::int32_t part = EvenPartOf(site.server.accelerators, accelerators);
    const bool enough = std::int64_t{part} * site.servers >= accelerators;
    space.part_of_domain = enough && space.job.layout.domain_ranks == 0 ? part : 0;
    space.offload = asked_.offload || scenario_.training().offload_activations;
    return space;
  }

  [[nodiscard]] bool Limited() const {
    return asked_.megawatts_most > 0 || asked_.dollars_most > 0;
  }

  void PlanFor(std::int64_t accelerators) {
    SearchOptions options;
    options.top = asked_.top * (Limited() ? kMoreWithLimits : 1);
    options.parallel = asked_.parallel;
    options.variants = asked_.variants;
    options.most_s = asked_.step_s_most;
    options.progress = hooks_.progress;
    options.improved = hooks_.improved;
    const SearchResult found = SearchLayouts(SpaceOf(accelerators), scenario_.site(), options);
    Add(found.counts, plan_.counts);
    if (found.best.empty()) {
      RefuseAll(found.counts, asked_.fixed, accelerators);
    }
    std::vector<Proposal> proposals = Simulated(base_, found.best, asked_, hooks_);
    std::int64_t over = 0;
    int kept = 0;
    std::stable_sort(proposals.begin(), proposals.end(), Faster);
    for (Proposal& proposal : proposals) {
      proposal.run = FiguresOf(proposal.step, scenario_.site(), asked_.budget);
      least_watts_ = std::min(least_watts_, proposal.run.power_w);
      least_dollars_ = std::min(least_dollars_, proposal.run.dollars.value_or(0));
      if (Over(proposal.run)) {
        ++over;
      } else if (kept++ < asked_.top) {
        plan_.proposals.push_back(std::move(proposal));
      }
    }
    if (over > 0) {
      plan_.notes.push_back(
          fmt::format("{} of the {} fastest splits on {} accelerators exceed "
                      "--max-megawatts or --max-dollars and are left out",
                      over, found.best.size(), accelerators));
    }
  }

  [[nodiscard]] bool Over(const RunFigures& run) const {
    return (asked_.megawatts_most > 0 && run.power_w > asked_.megawatts_most * 1e6) ||
           (asked_.dollars_most > 0 && run.dollars.value_or(0) > asked_.dollars_most);
  }

  [[noreturn]] void RefuseOver() const {
    std::string least;
    if (asked_.megawatts_most > 0) {
      least +=
          fmt::format("--max-megawatts of at least {:.4g}", std::ceil(least_watts_ / 1e2) / 1e4);
    }
    if (asked_.dollars_most > 0) {
      least += fmt::format("{}--max-dollars of at least {:.0f}", least.empty() ? "" : " and ",
                           std::ceil(least_dollars_));
    }
    throw UserError("",
                    "every layout that was looked at exceeds --max-megawatts or --max-dollars; "
                    "expected " +
                        least + ", or another number of accelerators");
  }

  static bool Faster(const Proposal& a, const Proposal& b) {
    return a.step.step_time < b.step.step_time;
  }

  // What is paid: dollars, else the time of all accelerators.
  static double PriceOf(const Proposal& proposal) {
    return proposal.run.dollars.value_or(proposal.step.step_time.si() *
                                         static_cast<double>(proposal.step.accelerators));
  }

  void Rank() {
    std::vector<Proposal>& all = plan_.proposals;
    if (all.empty()) {
      RefuseOver();
    }
    std::stable_sort(all.begin(), all.end(), Faster);
    const Layout& own = scenario_.training().layout;
    // Other layouts than these are not searched.
    const bool searched = own.sequence_parallel == (own.tensor > 1);
    double cheapest = std::numeric_limits<double>::infinity();
    for (Proposal& proposal : all) {
      proposal.on_front = PriceOf(proposal) < cheapest;
      cheapest = std::min(cheapest, PriceOf(proposal));
      proposal.own = searched && proposal.layout.choice == ChoiceOf(scenario_.training());
    }
  }

  // The layout that the scenario came with, for comparison.
  void LookAtOwn() {
    const TrainingSpec& job = scenario_.training();
    if (FullestStage(job).total() > RoomForJob(scenario_.site().server)) {
      return;
    }
    try {
      const auto step = EvaluateStep(scenario_, Fidelity::kAnalytic, {});
      plan_.own_fits = true;
      plan_.own_analytic_s = step.step_time.si();
    } catch (const UserError&) {
      // It does not fit the site for another reason, and is not compared.
    }
  }

  const ScenarioBase& base_;
  const Scenario& scenario_;
  const PlanAsked& asked_;
  const PlanHooks& hooks_;
  LayoutPlan plan_;
  double least_watts_ = std::numeric_limits<double>::infinity();  ///< of all that were looked at
  double least_dollars_ = std::numeric_limits<double>::infinity();
};

}  // namespace

std::string BatchNote(double tokens) {
  constexpr double kUsual = 16.8e6;
  if (tokens <= kUsual) {
    return "";
  }
  const char* const published =
      "GPT-3 3.2 M (arXiv:2005.14165), Llama 3.1 405B 16.8 M (arXiv:2407.21783), DeepSeek-V3 62.9 "
      "M "
      "(arXiv:2412.19437)";
  if (tokens <= kLargestPublishedBatch) {
    return fmt::format("the batch of {} tokens a step is among the largest published: {}",
                       Millions(tokens), published);
  }
  return fmt::format(
      "WARNING: the batch of {} tokens a step is {:.1f} times the largest published one, so that "
      "the run may need more tokens to the same loss; published: {}",
      Millions(tokens), tokens / kLargestPublishedBatch, published);
}

LayoutPlan MakePlan(const ScenarioBase& base, const Scenario& scenario, const PlanAsked& asked,
                    const PlanHooks& hooks) {
  CheckAsked(scenario, asked);
  return Planner(base, scenario, asked, hooks).Run();
}

}  // namespace gridlock
