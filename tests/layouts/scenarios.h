#pragma once

// Small jobs that tests of layouts share.

#include <string>
#include <vector>

#include "sim/layouts/space.h"
#include "sim/scenario/point.h"
#include "tests/source_dir.h"

namespace gridlock {

/// Llama 3.1 8B on two servers of eight H100, 16 sequences a step.
inline ScenarioBase TwoServers(std::vector<std::string> overrides = {}) {
  overrides.insert(overrides.begin(), "job[0].pretraining.global_batch=16");
  return ScenarioBase::FromFile(GRIDLOCK_SOURCE_DIR "/examples/01-two-servers/scenario.textproto",
                                overrides);
}

/// A mixture of experts on the same servers.
inline ScenarioBase TwoServersOfExperts() {
  return TwoServers({"job[0].pretraining.global_batch=8", "job[0].pretraining.model=qwen3_30b_a3b",
                     "job[0].pretraining.sequence_length=4096",
                     "job[0].pretraining.layout={ tensor: 1 pipeline: 1 data: 8 expert: 8 "
                     "expert_tensor: 1 }"});
}

inline LayoutSpace SpaceOf(const Scenario& scenario, std::int64_t accelerators,
                           std::int64_t micro_batch_most = 2) {
  LayoutSpace space;
  space.job = scenario.training();
  space.server = scenario.site().server;
  space.accelerators = accelerators;
  space.micro_batch_most = micro_batch_most;
  return space;
}

}  // namespace gridlock
