#include "sim/layouts/choice.h"

#include <fmt/format.h>

#include "workloads/adapters.h"
#include "workloads/schedule.h"

namespace gridlock {

LayoutChoice ChoiceOf(const TrainingSpec& job) {
  const Layout& layout = job.layout;
  LayoutChoice choice;
  choice.tensor = layout.tensor;
  choice.context = layout.context;
  choice.pipeline = layout.pipeline;
  choice.virtual_pipeline = layout.virtual_pipeline;
  choice.data = layout.data;
  choice.expert = layout.expert;
  choice.expert_tensor = job.model.has_experts() ? layout.expert_width() : 0;
  choice.zero = job.zero;
  choice.recompute = static_cast<std::int32_t>(job.recompute);
  choice.offload = job.offload_activations ? 1 : 0;
  choice.embedding_as_layer = layout.embedding_as_layer ? 1 : 0;
  choice.uneven_layers = layout.uneven_layers ? 1 : 0;
  if (layout.pipeline > 1 && layout.data > 1) {  // else all orders are the same
    choice.rank_order = static_cast<std::int32_t>(layout.rank_order);
  }
  if (layout.pipeline > 1) {  // else all schedules are the same
    choice.schedule = static_cast<std::int32_t>(layout.schedule);
  }
  choice.exchanges_heads = layout.exchanges_heads() ? 1 : 0;
  choice.shard_group = layout.shard_group < layout.data ? layout.shard_group : 0;
  choice.domain_ranks = layout.domain_ranks;
  choice.micro_batch = job.micro_batch;
  return choice;
}

void Apply(const LayoutChoice& choice, TrainingSpec& job) {
  Layout& layout = job.layout;
  layout.tensor = choice.tensor;
  layout.context = choice.context;
  layout.pipeline = choice.pipeline;
  layout.virtual_pipeline = choice.virtual_pipeline;
  layout.data = choice.data;
  layout.shard_group = choice.shard_group;
  layout.domain_ranks = choice.domain_ranks;
  layout.schedule = static_cast<Schedule>(choice.schedule);
  layout.context_exchange =
      choice.exchanges_heads != 0 ? ContextExchange::kAllToAll : ContextExchange::kKeysAround;
  layout.expert = choice.expert;
  layout.expert_tensor = choice.expert_tensor;
  layout.sequence_parallel = choice.tensor > 1;
  layout.embedding_as_layer = choice.embedding_as_layer != 0;
  layout.uneven_layers = choice.uneven_layers != 0;
  layout.rank_order = static_cast<RankOrder>(choice.rank_order);
  job.Shard(choice.zero);
  job.recompute = static_cast<Recompute>(choice.recompute);
  job.offload_activations = choice.offload != 0;
  job.micro_batch = choice.micro_batch;
  if (choice.base > 0) {
    job.adapters.base_bytes = FrozenFormatBytes(choice.base - 1);
  }
}

std::string SplitInWords(const LayoutChoice& choice) {
  std::string words = fmt::format("TP {}", choice.tensor);
  words += choice.context > 1 ? fmt::format(" x CP {}", choice.context) : "";
  words += fmt::format(" x PP {} x DP {}", choice.pipeline, choice.data);
  if (choice.expert_tensor > 0) {
    words += fmt::format(", EP {}", choice.expert);
    words += choice.expert_tensor > 1 ? fmt::format(" of TP {}", choice.expert_tensor) : "";
  }
  return words;
}

const char* RecomputeName(const LayoutChoice& choice) {
  switch (static_cast<Recompute>(choice.recompute)) {
    case Recompute::kNone:
      return "none";
    case Recompute::kSelective:
      return "selective";
    case Recompute::kFull:
      return "full";
  }
  return "";
}

std::string ChoiceInWords(const LayoutChoice& choice) {
  std::string words = SplitInWords(choice);
  if (choice.virtual_pipeline > 1) {
    words += fmt::format(", {} chunks a stage", choice.virtual_pipeline);
  }
  words += fmt::format(", micro-batch {}, ZeRO {}", choice.micro_batch, choice.zero);
  words +=
      choice.shard_group > 0 ? fmt::format(" in groups of {} replicas", choice.shard_group) : "";
  if (static_cast<Recompute>(choice.recompute) != Recompute::kNone) {
    words += fmt::format(", recompute {}", RecomputeName(choice));
  }
  const auto schedule = static_cast<Schedule>(choice.schedule);
  if (schedule != Schedule::kOneForwardOneBackward) {
    words += fmt::format(", {}", NamesOf(schedule).words);
  }
  words += choice.domain_ranks > 0 ? fmt::format(", {} of each domain", choice.domain_ranks) : "";
  words += choice.exchanges_heads != 0 ? ", heads exchanged" : "";
  words += choice.offload != 0 ? ", activations offloaded" : "";
  words += choice.base > 0 ? fmt::format(", base {}", FrozenFormatName(choice.base - 1)) : "";
  words += choice.embedding_as_layer != 0 ? ", embedding as layer" : "";
  return words + (choice.uneven_layers != 0 ? ", uneven layers" : "");
}

}  // namespace gridlock
