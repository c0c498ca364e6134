#include "sim/layouts/proposal.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/base/units.h"
#include "sim/record/step_measures.h"
#include "workloads/adapters.h"
#include "workloads/schedule.h"

namespace gridlock {

namespace {

const char* OrderName(const LayoutChoice& choice) {
  return static_cast<RankOrder>(choice.rank_order) == RankOrder::kTensorPipelineData
             ? "TENSOR_PIPELINE_DATA"
             : "TENSOR_DATA_PIPELINE";
}

const char* RecomputeField(const LayoutChoice& choice) {
  switch (static_cast<Recompute>(choice.recompute)) {
    case Recompute::kNone:
      return "NONE";
    case Recompute::kSelective:
      return "SELECTIVE";
    case Recompute::kFull:
      return "FULL_LAYER";
  }
  return "";
}

std::string LayoutBlock(const LayoutChoice& choice) {
  std::string block = fmt::format("{{ tensor: {} ", choice.tensor);
  const auto add = [&](const char* field, std::int64_t value, std::int64_t usual) {
    block += value == usual ? "" : fmt::format("{}: {} ", field, value);
  };
  add("context", choice.context, 1);
  add("pipeline", choice.pipeline, 0);
  add("virtual_pipeline", choice.virtual_pipeline, 1);
  add("data", choice.data, 0);
  add("expert", choice.expert, 1);
  add("expert_tensor", choice.expert_tensor, 0);
  block += choice.tensor > 1 ? "sequence_parallel: true " : "";
  block += choice.embedding_as_layer != 0 ? "embedding_as_layer: true " : "";
  block += choice.uneven_layers != 0 ? "uneven_layers: true " : "";
  block += choice.exchanges_heads != 0 ? "context_exchange: ALL_TO_ALL " : "";
  add("shard_group", choice.shard_group, 0);
  add("domain_ranks", choice.domain_ranks, 0);
  const auto schedule = static_cast<Schedule>(choice.schedule);
  block += schedule != Schedule::kOneForwardOneBackward
               ? fmt::format("schedule: {} ", NamesOf(schedule).field)
               : "";
  return block + fmt::format("rank_order: {} }}", OrderName(choice));
}

}  // namespace

Point PointOf(const LayoutChoice& choice) {
  Point point;
  const auto set = [&](const char* field, std::string value) {
    point.assignments.push_back(
        AssignmentFrom("plan", std::string("job[0].pretraining.") + field, std::move(value)));
  };
  set("layout", LayoutBlock(choice));
  set("micro_batch", std::to_string(choice.micro_batch));
  set("zero", std::to_string(choice.zero));
  set("recompute", RecomputeField(choice));
  set("offload_activations", choice.offload != 0 ? "true" : "false");
  if (choice.base > 0) {
    set("adapters.base", FrozenFormatName(choice.base - 1));
  }
  return point;
}

RunFigures FiguresOf(const StepRecord& step, const SiteSpec& site, const RunBudget& budget) {
  RunFigures run;
  run.power_w = step.mean_power.si() * site.pue;
  if (budget.tokens <= 0) {
    return run;
  }
  const double steps = std::ceil(budget.tokens / static_cast<double>(step.tokens));
  const double seconds = steps * step.step_time.si();
  run.days = seconds / kSecondsPerDay;
  run.energy_j = run.power_w * seconds;
  run.accelerator_hours = seconds / kSecondsPerHour * static_cast<double>(step.accelerators);
  if (budget.dollars_per_hour > 0) {
    run.dollars = run.accelerator_hours * budget.dollars_per_hour;
  } else if (site.electricity_usd_per_kwh > 0) {
    run.dollars = run.energy_j / kJoulesPerKilowattHour * site.electricity_usd_per_kwh;
  }
  return run;
}

Bytes Proposal::peak() const {
  Bytes peak;
  for (const StageMemory& stage : step.memory) {
    peak = std::max(peak, stage.total());
  }
  return peak;
}

Bytes Proposal::room() const {
  return step.memory.empty() ? Bytes(0) : step.memory.front().capacity;
}

std::vector<Attribution> Differences(const StepRecord& winner, const StepRecord& loser) {
  std::vector<Attribution> more = Walls(loser);
  for (const Attribution& part : Walls(winner)) {
    const auto same = std::find_if(more.begin(), more.end(), [&](const Attribution& one) {
      return one.resource == part.resource;
    });
    if (same == more.end()) {
      more.push_back({part.resource, Seconds(-part.time.si()), part.words});
    } else {
      same->time -= part.time;
    }
  }
  std::erase_if(more, [&](const Attribution& part) {
    return std::abs(part.time.si()) < 1e-3 * winner.step_time.si();
  });
  std::stable_sort(more.begin(), more.end(), [](const Attribution& a, const Attribution& b) {
    return std::abs(a.time.si()) > std::abs(b.time.si());
  });
  return more;
}

}  // namespace gridlock
