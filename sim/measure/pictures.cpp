#include "sim/measure/pictures.h"

#include <algorithm>
#include <string>
#include <utility>

#include "workloads/frozen_copies.h"
#include "workloads/pass_builder.h"
#include "workloads/schedule.h"
#include "workloads/transformer.h"

namespace gridlock {
namespace {

PassKind KindOf(const Pass& pass) {
  return pass.name == "forward"    ? PassKind::kForward
         : pass.name == "backward" ? PassKind::kBackward
                                   : PassKind::kOptimizer;
}

/// The pass that an action of a role belongs to. The all-to-alls of a pass stand right behind it.
PassKind PassOf(const StepProgram& program, const Role& role, std::size_t action) {
  const auto of_experts = [&](const Action& each) {
    const bool collective = each.kind == Action::Kind::kStart || each.kind == Action::Kind::kWait;
    return collective && program.collectives[each.index].to_experts;
  };
  for (std::size_t i = action + 1; i-- > 0;) {
    if (role[i].kind == Action::Kind::kPass || role[i].kind == Action::Kind::kFloor) {
      return KindOf(program.passes[role[i].index]);
    }
    if (!of_experts(role[i])) {
      break;
    }
  }
  return PassKind::kNone;
}

/// The spans of one agent; those of one pass are one when `whole_passes`.
void AddSpans(const StepProgram& program, const Role& role, const std::vector<AgentRecord>& records,
              const std::vector<double>& ends, bool whole_passes,
              std::vector<TimelineSpan>& spans) {
  std::size_t action = 0, last_action = role.size();
  double from = 0;
  for (const AgentRecord& record : records) {
    while (action + 1 < ends.size() && ends[action] < record.end) {
      ++action;
    }
    const PassKind pass = PassOf(program, role, action);
    const bool same_pass = action == last_action && pass != PassKind::kNone;
    const auto activity = static_cast<int>(record.activity);
    const bool joins = !spans.empty() && same_pass &&
                       (whole_passes || spans.back().activity == activity) &&
                       spans.back().end == Seconds(from);
    if (joins) {
      spans.back().end = Seconds(record.end);
    } else if (record.end > from) {
      spans.push_back({0, Seconds(from), Seconds(record.end), activity, pass});
    }
    from = record.end;
    last_action = action;
  }
}

std::vector<TimelineSpan> Spans(const StepProgram& program, const Plan& plan, const StepLog& log,
                                bool whole_passes) {
  std::vector<TimelineSpan> all;
  std::vector<bool> seen(program.roles.size());
  std::vector<std::vector<TimelineSpan>> by_stage(program.roles.size());
  for (std::size_t a = 0; a < log.agents.size(); ++a) {
    const std::int32_t stage = plan.agents[a].role;
    if (!seen[stage]) {
      seen[stage] = true;
      AddSpans(program, program.roles[stage], log.agents[a], log.action_ends[a], whole_passes,
               by_stage[stage]);
    }
  }
  const std::size_t each = kMostSpans / std::max<std::size_t>(1, by_stage.size());
  for (std::size_t stage = 0; stage < by_stage.size(); ++stage) {
    std::size_t kept = 0;
    for (TimelineSpan& span : by_stage[stage]) {
      span.stage = static_cast<int>(stage);
      if (!whole_passes || kept++ < each) {
        all.push_back(span);
      }
    }
  }
  return all;
}

/// Adds the operations of a pass, `times` a step, to those of the same name.
void AddOperations(const std::string& pass, const PassWork& work, double times,
                   const PassBuilder& builder, const AcceleratorSpec& chip,
                   std::vector<OperationCost>& costs) {
  for (const Operation& operation : work.operations) {
    const std::string name = pass + " " + operation.name;
    const auto found = std::find_if(costs.begin(), costs.end(), [&](const OperationCost& cost) {
      return cost.name == name && cost.flop == operation.flop && cost.hbm == operation.hbm;
    });
    if (found != costs.end()) {
      found->calls += operation.calls * times;
      continue;
    }
    PassWork alone;
    alone.operations = {operation};
    alone.operations[0].calls = 1;
    const Pass one = builder.Build(pass, alone, Seconds(0));
    const Seconds memory = one.memory_bytes / (chip.hbm_bandwidth * chip.hbm_efficiency);
    costs.push_back({name, operation.flop, operation.hbm, operation.calls * times,
                     one.compute_time + std::max(memory, one.memory_time)});
  }
}

/// Gives operations of one name but of different sizes numbers.
void TellApart(std::vector<OperationCost>& costs) {
  for (std::size_t i = 0; i < costs.size(); ++i) {
    int number = 1;
    const std::string name = costs[i].name;
    for (std::size_t k = i + 1; k < costs.size(); ++k) {
      if (costs[k].name == name) {
        costs[k].name += " " + std::to_string(++number);
      }
    }
  }
}

}  // namespace

std::vector<TimelineSpan> TimelineOf(const StepProgram& program, const Plan& plan,
                                     const StepLog& log) {
  if (log.action_ends.size() != log.agents.size()) {
    return {};
  }
  std::vector<TimelineSpan> spans = Spans(program, plan, log, /*whole_passes=*/false);
  return spans.size() <= kMostSpans ? spans : Spans(program, plan, log, /*whole_passes=*/true);
}

std::vector<OperationCost> OperationsOf(const TrainingSpec& job, const ServerSpec& server) {
  const PassBuilder builder(job, server);
  const Layout& layout = job.layout;
  const double times = static_cast<double>(MicroBatches(job)) / layout.pipeline;
  std::vector<OperationCost> forward, backward;
  for (int stage = 0; stage < layout.pipeline; ++stage) {
    for (int chunk = 0; chunk < layout.virtual_pipeline; ++chunk) {
      const ModelPart part = PartOf(job, stage, chunk);
      AddOperations("forward", ForwardWork(job, part), times, builder, server.accelerator, forward);
      for (const FrozenCopySpec& copy : job.copies) {
        const TrainingSpec of = JobOfCopy(job, copy);
        AddOperations("forward", ForwardWork(of, PartOfCopy(job, copy, part)), times * copy.count,
                      PassBuilder(of, server), server.accelerator, forward);
      }
      AddOperations("backward", BackwardWork(job, part), times, builder, server.accelerator,
                    backward);
    }
  }
  forward.insert(forward.end(), backward.begin(), backward.end());
  TellApart(forward);
  return forward;
}

}  // namespace gridlock
