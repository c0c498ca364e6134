// Which ranks of a training job communicate, and the job on several sites.

#include <algorithm>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "workloads/program/outer_steps.h"
#include "workloads/program/training_program.h"

namespace gridlock {

TrainingSpec AcrossSites(TrainingSpec job, int sites) {
  Layout& layout = job.layout;
  if (sites <= 1) {
    return job;
  }
  if (layout.data % sites != 0) {
    throw UserError(layout.path + ".data",
                    fmt::format("{} replicas cannot be shared out evenly over {} sites; expected "
                                "a multiple of {}",
                                layout.data, sites, sites));
  }
  const int replicas = layout.data / sites;
  if (layout.shard_group > 0 && replicas % layout.shard_group != 0) {
    throw UserError(layout.path + ".shard_group",
                    fmt::format("{} does not divide the {} replicas of each site, so that sharded "
                                "copies would straddle sites; expected a divisor of {}",
                                layout.shard_group, replicas, replicas));
  }
  if (job.model.has_experts() && layout.splits_experts()) {
    throw UserError(layout.path + ".expert",
                    "experts over several ranks are not simulated on several sites; expected "
                    "expert: 1 and expert_tensor like tensor, or a single site");
  }
  layout.shard_group = layout.shard_group > 0 ? layout.shard_group : replicas;
  return job;
}

RankGrid GridOf(const Layout& layout) {
  RankGrid grid;
  grid.path = layout.path;
  grid.tensor = layout.tensor;
  grid.context = layout.context;
  grid.data = layout.data;
  grid.pipeline = layout.pipeline;
  grid.order = layout.rank_order;
  grid.domain_ranks = layout.domain_ranks;
  return grid;
}

std::vector<GroupFamily> TrainingFamilies(const Layout& layout) {
  const int width = layout.group();       // ranks of an agent
  const int stage = width * layout.data;  // ranks of a stage
  const int sharing = layout.sharing_replicas();
  const int copies = layout.copies();
  const int slices = layout.expert_width();    // ranks of one expert
  const int experts = slices * layout.expert;  // ranks that hold all experts once
  const Axis stages{layout.pipeline, stage};
  std::vector<GroupFamily> families(7);
  families[training_group::kData.value] = {"data",
                                           {stages, {layout.tensor, 1}, {copies, sharing * width}},
                                           {{sharing, width}, {layout.context, layout.tensor}}};
  families[training_group::kReplica.value] = {
      "replica", {stages, {width, 1}, {sharing, width}}, {{copies, sharing * width}}};
  families[training_group::kEmbedding.value] = {
      "embedding",
      {{layout.data, width}, {width, 1}},
      {{std::min(layout.pipeline, 2), stage * (layout.pipeline - 1)}}};
  families[training_group::kExpert.value] = {
      "expert",
      {stages, {copies * layout.expert_shards(), experts}, {slices, 1}},
      {{layout.expert, slices}}};
  families[training_group::kExpertData.value] = {"expert_data",
                                                 {stages, {copies, sharing * width}, {experts, 1}},
                                                 {{layout.expert_shards(), experts}}};
  families[training_group::kContext.value] = {"context",
                                              {stages, {layout.data, width}, {layout.tensor, 1}},
                                              {{layout.context, layout.tensor}}};
  families[training_group::kStages.value] = {
      "stages", {{layout.data, width}, {width, 1}}, {stages}};
  return families;
}

}  // namespace gridlock
