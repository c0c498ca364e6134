#include "sim/plan/changing_plan.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/plan/expand.h"

namespace gridlock {

namespace {

std::int32_t PartsOf(const Network& network) {
  return network.parts() * network.queue_pairs();
}

/// In how many parts flows count in all epochs.
std::int32_t CommonParts(const std::vector<NetworkEpoch>& epochs) {
  std::int64_t parts = 1;
  std::int32_t queue_pairs = 1;
  for (const NetworkEpoch& epoch : epochs) {
    parts = std::lcm(parts, std::int64_t{epoch.network->parts()});
    queue_pairs = std::lcm(queue_pairs, epoch.network->queue_pairs());
    if (parts > Network::kPartsMost) {
      throw UserError(epoch.network->fabric({0}).site().path + ".fabric",
                      "what is left of the network divides flows into other parts than all of it; "
                      "expected routing ECMP");
    }
  }
  return static_cast<std::int32_t>(parts) * queue_pairs;
}

class Changer {
 public:
  Changer(const std::vector<PlacedProgram>& placed, const std::vector<NetworkEpoch>& epochs)
      : placed_(placed), epochs_(epochs), parts_(CommonParts(epochs)) {}

  ChangingPlan Expand() && {
    for (std::size_t e = 0; e < epochs_.size(); ++e) {
      AddEpoch(e);
    }
    NumberResources();
    return std::move(out_);
  }

 private:
  [[nodiscard]] const Network& first() const { return *epochs_.front().network; }

  [[nodiscard]] Plan Laid(std::size_t e) const {
    const bool holds = e > 0 && e + 1 < epochs_.size();
    try {
      return ExpandJobs(placed_, *epochs_[e].network, {.joins_idle = true, .holds = holds});
    } catch (const UserError& error) {
      if (e == 0) {
        throw;
      }
      const Problem& problem = error.problems().front();
      throw UserError(problem.path, fmt::format("from {} on {}", FormatSeconds(epochs_[e].from),
                                                problem.message));
    }
  }

  void AddEpoch(std::size_t e) {
    Plan laid = Laid(e);
    const std::int32_t scale = parts_ / PartsOf(*epochs_[e].network);
    for (RouteEntry& entry : laid.routes) {
      if (entry.weight > std::numeric_limits<std::int32_t>::max() / scale) {
        throw UserError(placed_.front().program->grid.path,
                        "more parts of flows cross a link than can be counted; expected fewer "
                        "ranks, or routing ECMP");
      }
      entry.weight *= scale;
    }
    if (e == 0) {
      out_.plan = std::move(laid);
      out_.epochs.push_back(
          {Seconds(0), Seconds(0), out_.plan.agents, out_.plan.flows, out_.plan.lays, {}, {}});
      return;
    }
    CHECK(laid.agents.size() == out_.plan.agents.size() &&
          laid.flows.size() == out_.plan.flows.size() && laid.lays.size() == out_.plan.lays.size());
    const auto offset = static_cast<std::int32_t>(out_.plan.routes.size());
    const auto shift = [offset](Span& route) {
      route.begin += offset;
      route.end += offset;
    };
    for (Plan::Agent& agent : laid.agents) {
      shift(agent.hbm);
      shift(agent.tensor);
      shift(agent.context);
    }
    for (Plan::Flow& flow : laid.flows) {
      shift(flow.route);
    }
    for (Plan::Lay& lay : laid.lays) {
      shift(lay.domain);
      shift(lay.nic);
    }
    out_.plan.routes.insert(out_.plan.routes.end(), laid.routes.begin(), laid.routes.end());
    out_.epochs.push_back({epochs_[e].from,
                           epochs_[e].failover,
                           std::move(laid.agents),
                           std::move(laid.flows),
                           std::move(laid.lays),
                           {},
                           {}});
  }

  /// As Expand does it, over all epochs: what some route uses at some time becomes a resource.
  void NumberResources() {
    const int cut = first().links() + first().accelerators();
    std::vector<std::int32_t> number(static_cast<std::size_t>(cut) + 1, -1);
    for (const RouteEntry& entry : out_.plan.routes) {
      number[entry.resource] = 0;
    }
    for (int r = 0; r <= cut; ++r) {
      if (number[r] < 0) {
        continue;
      }
      number[r] = static_cast<std::int32_t>(out_.plan.resources.size());
      out_.plan.resources.push_back(AddResource(r, cut));
    }
    out_.cut = number[cut];
    for (RouteEntry& entry : out_.plan.routes) {
      entry.resource = number[entry.resource];
    }
    if (parts_ > 1) {
      CountInUnits(parts_, out_.plan);
      for (ChangingPlan::Epoch& epoch : out_.epochs) {
        for (std::size_t r = 0; r < epoch.capacities.size(); ++r) {
          epoch.capacities[r] = epoch.capacities[r] / out_.plan.resources[r].unit;
        }
      }
    }
  }

  Plan::Resource AddResource(int number, int cut) {
    Plan::Resource resource;
    if (number == cut) {
      resource = {TierTable::kNic, BytesPerSecond(1), 1, 1, /*can_bind=*/false, {}};
    } else {
      resource = ResourceOf(first(), number, 1);
    }
    const bool link = number < first().links();
    for (std::size_t e = 0; e < epochs_.size(); ++e) {
      const Network& network = *epochs_[e].network;
      const LinkIndex index{number};
      out_.epochs[e].capacities.push_back(link ? network.capacity(index) : resource.capacity);
      out_.epochs[e].failed.push_back(link && network.failed(index));
      resource.can_bind = resource.can_bind || (link && network.can_bind(index));
    }
    return resource;
  }

  const std::vector<PlacedProgram>& placed_;
  const std::vector<NetworkEpoch>& epochs_;
  std::int32_t parts_;
  ChangingPlan out_;
};

}  // namespace

ChangingPlan ExpandChanging(const std::vector<PlacedProgram>& placed,
                            const std::vector<NetworkEpoch>& epochs) {
  CHECK(!epochs.empty() && epochs.front().from <= Seconds(0));
  CheckPlacements(placed, *epochs.front().network);
  return Changer(placed, epochs).Expand();
}

}  // namespace gridlock
