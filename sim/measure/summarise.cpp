#include "sim/measure/summarise.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>

#include "sim/energy/energy.h"
#include "sim/measure/critical_path.h"
#include "sim/measure/pictures.h"
#include "sim/measure/step_power.h"
#include "sim/record/fingerprint.h"
#include "workloads/memory.h"

namespace gridlock {

namespace {

std::vector<BreakdownPart> Breakdown(const Plan& plan, const StepLog& log) {
  const double end = log.End();
  std::array<double, kActivities> sum{};
  double agents = 0;
  for (std::size_t a = 0; a < log.agents.size(); ++a) {
    const auto members = static_cast<double>(plan.agents[a].members);
    agents += members;
    double from = 0;
    for (const AgentRecord& record : log.agents[a]) {
      sum[static_cast<int>(record.activity)] += members * log.cycle.Stretched(from, record.end);
      from = record.end;
    }
    sum[static_cast<int>(Activity::kIdle)] += members * log.cycle.Stretched(from, end);
  }
  std::vector<BreakdownPart> parts;
  for (int i = 0; i < kActivities; ++i) {
    parts.push_back({ActivityName(static_cast<Activity>(i)), Seconds(sum[i] / agents)});
  }
  return parts;
}

// Wide-area links are spoken of only where there are some.
bool HasWan(const Plan& plan) {
  return std::any_of(plan.resources.begin(), plan.resources.end(), [&](const auto& resource) {
    return resource.tier == plan.tiers.wan();
  });
}

std::vector<Attribution> Attribute(const Plan& plan, const StepLog& log) {
  const std::vector<double> path = CriticalPath(log, plan.tiers);
  std::vector<Attribution> out;
  for (int i = 0; i < Cause::Count(plan.tiers); ++i) {
    const Cause cause = Cause::At(i, plan.tiers);
    if (cause != plan.tiers.wan() || HasWan(plan)) {
      out.push_back(
          {CauseName(cause, plan.tiers), Seconds(path[i]), CauseInWords(cause, plan.tiers)});
    }
  }
  return out;
}

// Resources of each tier that some route uses, and their capacity together.
struct TierTotals {
  std::array<std::int64_t, TierTable::kMost> members{};
  std::array<double, TierTable::kMost> capacity{};
};

TierTotals UsedResources(const Plan& plan) {
  std::vector<bool> used(plan.resources.size());
  for (const RouteEntry& entry : plan.routes) {
    used[entry.resource] = true;
  }
  TierTotals totals;
  for (std::size_t r = 0; r < used.size(); ++r) {
    if (used[r]) {
      const Plan::Resource& resource = plan.resources[r];
      const int t = resource.tier.value;
      totals.members[t] += resource.members;
      totals.capacity[t] +=
          resource.capacity.si() * resource.unit * static_cast<double>(resource.members);
    }
  }
  return totals;
}

std::vector<UtilisationSeries> Utilisation(const StepProgram& program, const Plan& plan,
                                           UtilisationAccumulator& series, Seconds step) {
  const TierTotals totals = UsedResources(plan);
  std::vector<UtilisationSeries> out;
  const auto accelerators = static_cast<double>(plan.accelerators());
  const double flop_rate = program.peak.si() * accelerators;
  UtilisationSeries compute;
  compute.resource = "compute";
  compute.members = plan.accelerators();
  compute.capacity_si = program.peak.si();
  // A test of a collective computes nothing, also on parts that lack its format.
  compute.share = series.Share(FlopSeries(plan), flop_rate > 0.0 ? flop_rate : 1.0, step);
  out.push_back(std::move(compute));
  for (int t = plan.tiers.size() - 1; t >= 0; --t) {
    if (TierIndex{t} == plan.tiers.wan() && !HasWan(plan)) {
      continue;
    }
    UtilisationSeries one;
    one.resource = plan.tiers[{t}].name;
    one.members = totals.members[t];
    const bool any = totals.members[t] > 0;
    one.capacity_si = any ? totals.capacity[t] / static_cast<double>(totals.members[t]) : 0.0;
    // A tier that no route touches is idle, whatever it could carry.
    one.share = series.Share(t, any ? totals.capacity[t] : 1.0, step);
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<std::pair<std::string, double>> MeanCollectiveSeconds(const StepProgram& program,
                                                                  const StepLog& log) {
  std::map<std::string, std::pair<double, double>> sums;
  for (const CollectiveRecord& record : log.collectives) {
    auto& [sum, count] = sums[program.collectives[record.collective].name];
    const auto times = static_cast<double>(log.cycle.TimesAt(record.start));
    sum += times * (record.end - record.start);
    count += record.phase == 0 ? times : 0;
  }
  std::vector<std::pair<std::string, double>> out;
  for (const auto& [name, sum] : sums) {
    out.emplace_back(name, sum.first / sum.second);
  }
  return out;
}

// What kernels take for their FLOP, and how long an accelerator is busy with them.
struct Kernels {
  Joules energy;
  Seconds busy;

  void Add(const Kernels& other, double times) {
    energy += other.energy * times;
    busy += other.busy * times;
  }
};

Kernels KernelsOf(const StepProgram& program, const AcceleratorSpec& chip, const Role& role,
                  Span actions) {
  Kernels sum;
  for (std::int32_t i = actions.begin; i < actions.end; ++i) {
    if (role[i].kind == Action::Kind::kPass) {
      const Pass& pass = program.passes[role[i].index];
      const Seconds memory = std::max(
          pass.memory_time, pass.memory_bytes / (chip.hbm_bandwidth * chip.hbm_efficiency));
      sum.Add({pass.flop_energy, pass.compute_time + memory}, 1);
    }
  }
  return sum;
}

// Of all passes of all members of a job.
Kernels KernelsOf(const JobOfPlan& of) {
  Kernels sum;
  for (const Plan::Agent& agent : of.plan.agents) {
    if (agent.job != of.job) {
      continue;
    }
    const Role& role = of.program.roles[agent.role];
    const AcceleratorSpec& chip = of.server.accelerator;
    Kernels one = KernelsOf(of.program, chip, role, {0, static_cast<std::int32_t>(role.size())});
    if (of.cycle != nullptr && of.cycle->times > 0) {
      one.Add(KernelsOf(of.program, chip, role, of.cycle->actions[agent.role]),
              static_cast<double>(of.cycle->times));
    }
    sum.Add(one, static_cast<double>(agent.members) * of.plan.jobs[of.job].width);
  }
  return sum;
}

// What goes on in each interval; see StepLoads.
StepLoads LoadsOf(const Plan& plan, const UtilisationAccumulator& series, Seconds step) {
  const auto rates = [&](int of) {
    return series.Share(of, 1.0, step);
  };
  StepLoads loads{{}, rates(FlopSeries(plan)), rates(plan.tiers.hbm().value), {}};
  const double width = series.interval().si();
  for (std::size_t i = 0; i < loads.flop.size(); ++i) {
    const bool last = i + 1 == loads.flop.size();
    loads.widths.push_back(last ? step.si() - width * static_cast<double>(i) : width);
  }
  loads.links.assign(loads.flop.size(), 0.0);
  for (int t = 0; t < plan.tiers.size(); ++t) {
    const double price = plan.tiers[{t}].link_energy;
    const std::vector<double> bytes = price > 0 ? rates(t) : std::vector<double>();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      loads.links[i] += bytes[i] * price;
    }
  }
  return loads;
}

std::uint64_t FingerprintOf(const StepLog& log) {
  Fingerprint fingerprint;
  for (const auto& records : log.agents) {
    fingerprint.Add(static_cast<std::uint64_t>(records.size()));
    for (const AgentRecord& record : records) {
      fingerprint.Add(record.end);
    }
  }
  if (log.cycle.times > 0) {
    fingerprint.Add(log.cycle.times);
    fingerprint.Add(log.cycle.length);
  }
  return fingerprint.value();
}

}  // namespace

LinkTally TallyOf(const StepOptions& options, const Plan& plan) {
  LinkTally tally;
  tally.series_of.assign(plan.resources.size(), -1);
  for (std::size_t i = 0; i < options.links.size(); ++i) {
    tally.series_of[options.links[i]] = static_cast<std::int32_t>(i);
  }
  if (!options.links.empty()) {
    tally.series =
        UtilisationAccumulator(static_cast<int>(options.links.size()), options.intervals);
  }
  if (options.counts_links) {
    tally.carried.assign(plan.resources.size(), 0.0);
  }
  return tally;
}

StepEnergy EnergyOfJob(const JobOfPlan& of, Seconds step, const std::vector<double>& bytes) {
  const TierTable& tiers = of.plan.tiers;
  Bytes links;
  for (int t = 0; t < tiers.size(); ++t) {
    links += Bytes(bytes[t]) * tiers[{t}].link_energy;
  }
  const Kernels kernels = KernelsOf(of);
  return EnergyOfStep(of.server, of.plan.accelerators(of.job), step,
                      {kernels.energy, Bytes(bytes[tiers.hbm().value]), links, kernels.busy});
}

StepRecord Summarise(const TrainingSpec& job, const StepProgram& program, const Plan& plan,
                     const ServerSpec& server, StepRun& run) {
  StepRecord record = SummariseProgram(program, plan, server, run);
  const Bytes capacity = server.accelerator.hbm_capacity;
  for (const MemoryNeed& need : MemoryByStage(job)) {
    record.memory.push_back({need.stage, need.weights, need.gradients, need.optimizer,
                             need.activations, need.buffers, capacity});
  }
  record.timeline = TimelineOf(program, plan, run.log);
  record.operations = OperationsOf(job, server);
  return record;
}

StepRecord SummariseProgram(const StepProgram& program, const Plan& plan, const ServerSpec& server,
                            StepRun& run) {
  StepRecord record;
  const Seconds step(run.log.StepTime());
  record.accelerators = plan.accelerators();
  record.tokens = program.tokens;
  record.step_time = step;
  record.model_flop = program.model_flop;
  record.hardware_flop = program.hardware_flop;
  record.peak = program.peak * static_cast<double>(plan.accelerators());
  run.series.ExtendTo(step);
  record.interval = run.series.interval();
  record.utilisation = Utilisation(program, plan, run.series, step);
  for (UtilisationSeries& series : record.utilisation) {
    if (series.resource == plan.tiers[plan.tiers.hbm()].name) {
      series.peak_si = server.accelerator.hbm_bandwidth.si();
    }
  }
  record.attribution = Attribute(plan, run.log);
  record.breakdown = Breakdown(plan, run.log);
  std::vector<double> bytes;
  for (int t = 0; t < plan.tiers.size(); ++t) {
    bytes.push_back(run.series.Total(t));
  }
  const JobOfPlan job{program, plan, 0, server, &run.log.cycle};
  const StepEnergy energy = EnergyOfJob(job, step, bytes);
  record.energy = energy.total();
  record.accelerator_energy = energy.boards();
  record.burned_energy = energy.burned;
  const StepLoads loads = LoadsOf(plan, run.series, step);
  record.power =
      EvenedOut(PowerOverStep(energy, server, plan.accelerators(), KernelsOf(job).busy, loads),
                loads.widths, server.power_storage * static_cast<double>(plan.accelerators()));
  record.idle_power = server.accelerator.power.held();
  record.power_limit = server.accelerator.power.limit;
  record.power_floor = server.accelerator.power.floor;
  record.mean_power = record.energy / step;
  record.energy_is_estimate = server.accelerator.power.estimate;
  record.collective_seconds = MeanCollectiveSeconds(program, run.log);
  record.activities = run.log.activities;
  record.fingerprint = FingerprintOf(run.log);
  return record;
}

double Cycle::Overlap(double begin, double end) const {
  return std::max(0.0, std::min(end, from + length) - std::max(begin, from));
}

double StepLog::End() const {
  double end = 0;
  for (const auto& records : agents) {
    end = records.empty() ? end : std::max(end, records.back().end);
  }
  return end;
}

std::string CauseName(Cause cause, const TierTable& tiers) {
  static constexpr const char* kOthers[] = {"compute", "latency", "launch", "overhead"};
  const int position = cause.Position(tiers);
  return position < tiers.size() ? tiers[{position}].name : kOthers[position - tiers.size()];
}

std::string CauseInWords(Cause cause, const TierTable& tiers) {
  static constexpr const char* kOthers[] = {"compute (matrix units)", "latency of messages",
                                            "the host (launches, its optimizer)",
                                            "fixed overhead of the step"};
  const int position = cause.Position(tiers);
  return position < tiers.size() ? tiers[{position}].words : kOthers[position - tiers.size()];
}

const char* ActivityName(Activity activity) {
  static constexpr const char* kNames[kActivities] = {
      "compute",     "memory_bound", "tensor_comm", "pipeline_wait", "data_comm",
      "expert_comm", "launch",       "overhead",    "idle"};
  return kNames[static_cast<int>(activity)];
}

}  // namespace gridlock
