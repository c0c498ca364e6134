#include "sim/measure/long_step.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/measure/critical_path.h"
#include "workloads/program/training_program.h"
#include "workloads/schedule.h"

namespace gridlock {

namespace {

// Intervals of the series of a simulated step, from which those of the whole step are made: at
// least so many.
constexpr int kFineIntervals = 8192;

// Times of two repetitions that differ by less are equal: the resolution of the simulated clock,
// for each end of a stretch.
constexpr double kRepeats = 2 * kInstant;

// The same on the critical path, as a share of the stretch: ties are broken alike in each
// repetition but for rounding.
constexpr double kPathRepeats = 1e-6;

bool Alike(const StepProgram& program, const Action& a, const Action& b) {
  if (a.kind != b.kind || a.direction != b.direction) {
    return false;
  }
  if (a.kind != Action::Kind::kStart && a.kind != Action::Kind::kWait) {
    return a.index == b.index;
  }
  const Collective& first = program.collectives[a.index];
  const Collective& second = program.collectives[b.index];
  return first.family == second.family && first.kind == second.kind &&
         first.payload == second.payload && first.calls == second.calls;
}

// Looks for what a simulated step repeats.
class Settled {
 public:
  Settled(const StepProgram& program, const Plan& plan, const StepLog& log)
      : program_(program),
        plan_(plan),
        log_(log),
        rounds_(program.micro_batches / program.micro_batch_round) {}

  /// The stretch of so many rounds, if all agents repeat it through the middle half of the step.
  [[nodiscard]] std::optional<Cycle> Of(std::int64_t rounds) const {
    Cycle cycle;
    for (std::size_t role = 0; role < program_.roles.size(); ++role) {
      const std::int32_t begin = Mark(role, rounds_ / 4);
      cycle.actions.push_back({begin, Mark(role, rounds_ / 4 + rounds)});
    }
    // The length is measured over as many repetitions as there are, and must be that of all agents.
    for (std::size_t a = 0; a < plan_.agents.size(); ++a) {
      const Middle middle = MiddleOf(IndexOf<AgentRow>(a), cycle);
      const double length = middle.Length();
      cycle.length = a == 0 ? length : cycle.length;
      if (middle.turns < 2 || std::abs(length - cycle.length) * middle.turns > kRepeats) {
        return {};
      }
    }
    double first = 0, last = log_.End();
    for (std::size_t a = 0; a < plan_.agents.size(); ++a) {
      const Middle middle = MiddleOf(IndexOf<AgentRow>(a), cycle);
      if (!Repeats(middle, cycle.length)) {
        return {};
      }
      first = std::max(first, middle.ends[middle.begin]);
      last = std::min(last, middle.ends[middle.last + middle.period - 1]);
    }
    cycle.from = first;
    if (last - first < 2 * cycle.length || !CollectivesRepeat(cycle) || !PathRepeats(cycle)) {
      return {};
    }
    return cycle;
  }

  /// The longest stretch to look for, in rounds: its repetition must be seen.
  [[nodiscard]] std::int64_t LongestStretch() const {
    return std::clamp<std::int64_t>(rounds_ / 8, 1, 64);
  }

 private:
  // First action of a round of a role.
  [[nodiscard]] std::int32_t Mark(std::size_t role, std::int64_t round) const {
    const auto passes = static_cast<std::int64_t>(program_.pass_starts[role].size());
    return program_.pass_starts[role][static_cast<std::size_t>(passes / rounds_ * round)];
  }

  // What an agent does in the middle half of the step: actions from `begin`, in periods.
  struct Middle {
    const Role& role;
    const std::vector<double>& ends;  ///< of the actions
    std::int32_t begin, period;
    std::int32_t last;   ///< action from which there is no whole period more
    std::int32_t turns;  ///< whole periods, less one

    [[nodiscard]] double Length() const {
      return turns > 0 ? (ends[begin + turns * period] - ends[begin]) / turns : 0;
    }
  };

  [[nodiscard]] Middle MiddleOf(AgentRow agent, const Cycle& cycle) const {
    const auto role = static_cast<std::size_t>(plan_.agents[agent].role);
    const Span actions = cycle.actions[role];
    const std::int32_t period = actions.end - actions.begin;
    const std::int32_t last = Mark(role, rounds_ / 4 * 3) - period;
    return {program_.roles[role],
            log_.action_ends[agent],
            actions.begin,
            period,
            last,
            (last - actions.begin - 1) / period};
  }

  // Whether an agent repeats the actions of the first period, and their times.
  [[nodiscard]] bool Repeats(const Middle& of, double length) const {
    for (std::int32_t i = of.begin; i < of.last; ++i) {
      // Compared with the first period and not with the one before, so that a slow drift is seen.
      const std::int32_t turn = (i - of.begin) / of.period + 1;
      const std::int32_t same = of.begin + (i - of.begin) % of.period;
      const double expected = of.ends[same] + turn * length;
      if (std::abs(of.ends[i + of.period] - expected) > kRepeats ||
          !Alike(program_, of.role[i + of.period], of.role[same])) {
        return false;
      }
    }
    return true;
  }

  // Nobody waits for gradients that are reduced in the background until the step ends, so they may
  // fall behind ever further although all agents repeat: their ends are looked at too.
  [[nodiscard]] bool CollectivesRepeat(const Cycle& cycle) const {
    std::vector<double> ends;
    for (const CollectiveRecord& record : log_.collectives) {
      ends.push_back(record.end);
    }
    std::sort(ends.begin(), ends.end());
    const auto begin = std::lower_bound(ends.begin(), ends.end(), cycle.from);
    const auto end = std::lower_bound(begin, ends.end(), cycle.from + cycle.length);
    return std::all_of(begin, end, [&](double one) {
      const auto again = std::lower_bound(begin, ends.end(), one + cycle.length - kRepeats);
      return again != ends.end() && *again <= one + cycle.length + kRepeats;
    });
  }

  [[nodiscard]] bool PathRepeats(const Cycle& cycle) const {
    const double middle = cycle.from + cycle.length;
    const auto one = CriticalPathWithin(log_, plan_.tiers, cycle.from, middle);
    const auto other = CriticalPathWithin(log_, plan_.tiers, middle, middle + cycle.length);
    for (std::size_t cause = 0; cause < one.size(); ++cause) {
      if (std::abs(one[cause] - other[cause]) > kPathRepeats * cycle.length) {
        return false;
      }
    }
    return true;
  }

  const StepProgram& program_;
  const Plan& plan_;
  const StepLog& log_;
  std::int64_t rounds_;
};

std::optional<Cycle> ShortestStretch(const Settled& settled, std::int64_t& rounds) {
  for (rounds = 1; rounds <= settled.LongestStretch(); ++rounds) {
    if (std::optional<Cycle> cycle = settled.Of(rounds)) {
      return cycle;
    }
  }
  return {};
}

// Makes of a simulated step the whole one. `shorter` is the same step with fewer micro-batches:
// what lies between the two says what a micro-batch moves, to the last byte.
void Extend(SimulatedStep& step, const SimulatedStep& shorter, Cycle cycle, int intervals) {
  const auto between =
      static_cast<double>(step.program.micro_batches - shorter.program.micro_batches);
  const auto extend = [&](UtilisationAccumulator& series, const UtilisationAccumulator& other) {
    Repeat repeat{cycle.from, cycle.length, cycle.times, {}};
    for (int r = 0; r < series.resources(); ++r) {
      const double more = series.Total(r) - other.Total(r);
      repeat.amounts.push_back(more / between * static_cast<double>(cycle.micro_batches));
    }
    series = Repeated(series, step.run.log.End(), repeat, intervals);
  };
  extend(step.run.series, shorter.run.series);
  extend(step.run.links.series, shorter.run.links.series);
  step.run.log.cycle = std::move(cycle);
}

// Micro-batches that can be simulated one by one.
std::int64_t MostMicroBatches(const JobOfPlan& first) {
  std::int64_t actions = 0;
  for (const Plan::Agent& agent : first.plan.agents) {
    actions += static_cast<std::int64_t>(first.program.roles[agent.role].size());
  }
  return std::max(kWholeMicroBatches, kMostActions / actions * first.program.micro_batches);
}

[[noreturn]] void RefuseLongStep(const TrainingSpec& job, std::int64_t most) {
  throw UserError(job.path + ".global_batch",
                  fmt::format("the batch makes {} micro-batches on each replica, and their times "
                              "do not settle into a pattern that all replicas repeat, so that they "
                              "would have to be simulated one by one; expected a batch of at most "
                              "{}, which makes {}",
                              MicroBatches(job), most * job.micro_batch * job.layout.data, most));
}

}  // namespace

SimulatedStep SimulateStep(const JobOfPlan& first, const TrainingSpec& job, int intervals,
                           const StepEvaluator& evaluate) {
  const std::int64_t all = MicroBatches(job);
  const std::int64_t round = ScheduleRound(job.layout);
  const StepOptions fine{std::max(intervals, kFineIntervals), /*action_ends=*/true};
  const auto built = [&](std::int64_t micro_batches) {
    SimulatedStep step{BuildStepProgram(job, first.server, micro_batches), {}};
    step.program.peak = first.program.peak;
    return step;
  };
  const auto simulate = [&](std::int64_t micro_batches) {
    SimulatedStep step = built(micro_batches);
    step.run = evaluate(step.program, fine);
    return step;
  };
  SimulatedStep shorter{first.program, {}};
  while (shorter.program.micro_batches < all) {
    if (shorter.run.log.agents.empty()) {
      shorter.run = evaluate(shorter.program, fine);
    }
    const std::int64_t simulated = shorter.program.micro_batches;
    std::int64_t rounds = 0;
    if (ShortestStretch(Settled(shorter.program, first.plan, shorter.run.log), rounds)) {
      const std::int64_t stretch = rounds * round;
      const std::int64_t rest = (all - simulated) % stretch;
      SimulatedStep longer = simulate(simulated + (rest > 0 ? rest : stretch));
      if (std::optional<Cycle> cycle =
              Settled(longer.program, first.plan, longer.run.log).Of(rounds)) {
        cycle->micro_batches = stretch;
        cycle->times = (all - longer.program.micro_batches) / stretch;
        Extend(longer, shorter, *std::move(cycle), intervals);
        return longer;
      }
    }
    const std::int64_t next = 2 * simulated < all ? 2 * simulated : all;
    if (next > MostMicroBatches(first)) {
      RefuseLongStep(job, MostMicroBatches(first));
    }
    shorter = next < all ? simulate(next) : built(0);
  }
  shorter.run = evaluate(shorter.program, {intervals, /*action_ends=*/true});
  return shorter;
}

}  // namespace gridlock
