#include "sim/serving/rollout.h"

#include <algorithm>

#include "sim/base/check.h"
#include "sim/serving/kv_network.h"

namespace gridlock {

WeightSync SyncWeights(Bytes weights, int replicas, double rate, double core, double other) {
  CHECK(replicas > 0);
  KvLinks links = LinksBetween(replicas, rate, replicas, rate);
  links.core = core;
  links.other_demand = other;
  KvNetwork network(links);
  for (int i = 0; i < replicas; ++i) {
    network.Start(Seconds(0), i, static_cast<std::size_t>(i), static_cast<std::size_t>(i), weights);
  }
  WeightSync sync;
  while (network.flows() > 0) {
    sync.time = network.NextEnd();
    (void)network.AdvanceTo(sync.time);
  }
  sync.other_share = network.OtherShare();
  return sync;
}

std::vector<RolloutStep> RolloutTimes(const std::vector<RolloutParts>& steps, int lag) {
  CHECK(lag >= 0);
  const auto behind = static_cast<std::size_t>(lag);
  std::vector<RolloutStep> times(steps.size());
  Seconds fleet_free, trainer_free;
  std::size_t sent = 0;  // steps whose weights the fleet has
  const auto send_up_to = [&](std::size_t end) {
    for (; sent < end; ++sent) {
      fleet_free = std::max(fleet_free, times[sent].training_end) + steps[sent].weights;
      times[sent].weights_end = fleet_free;
    }
  };
  for (std::size_t k = 0; k < steps.size(); ++k) {
    send_up_to(k > behind ? k - behind : 0);
    RolloutStep& step = times[k];
    step.answers_begin = fleet_free;
    step.answers_end = fleet_free = step.answers_begin + steps[k].answers;
    step.training_begin = std::max(step.answers_end, trainer_free);
    step.training_end = trainer_free = step.training_begin + steps[k].training;
  }
  send_up_to(steps.size());
  return times;
}

}  // namespace gridlock
