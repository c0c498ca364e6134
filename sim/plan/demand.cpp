#include "sim/plan/demand.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "sim/plan/expand.h"

namespace gridlock {

namespace {

// Sums up one job. Routes are numbered as in the network: its links, then HBM.
class Summation {
 public:
  Summation(const Plan& plan, const Network& network) : plan_(plan), network_(network) {}

  // A transfer that moves as one. What it takes of HBM is left out: it need not be looked at.
  void AddCoupled(Span route) {
    double rate = std::numeric_limits<double>::infinity();
    bool shared = false;
    for (const RouteEntry& entry : EntriesOf(route)) {
      if (IsLink(entry)) {
        rate = std::min(rate, Capacity(entry) / entry.weight);
        shared = shared || CanCouple(entry);
      }
    }
    for (const RouteEntry& entry : EntriesOf(route)) {
      if (shared && CanCouple(entry)) {
        most_[entry.resource] += rate * entry.weight;
      }
    }
  }

  // A flow of a message: noted with two links that it passes, by which AddFlows bounds it: the NICs
  // at its two ends, or, on a network without NICs, the first and the last link by number.
  void NoteFlow(Span route) {
    RouteEntry ends[2] = {{-1}, {-1}};
    const auto note = [&](const auto& counts) {
      for (const RouteEntry& entry : EntriesOf(route)) {
        if (IsLink(entry) && counts(entry)) {
          ends[0] = ends[0].resource < 0 ? entry : ends[0];
          ends[1] = entry;
        }
      }
    };
    note([&](const RouteEntry& entry) {
      return TierOf(entry) == TierTable::kNic;
    });
    if (ends[0].resource < 0) {
      note([](const RouteEntry&) {
        return true;
      });
    }
    for (const RouteEntry& entry : EntriesOf(route)) {
      for (const int end : {0, 1}) {
        if (CanCouple(entry)) {
          // What crosses the link for each byte that crosses the end.
          through_[end].push_back({entry.resource, ends[end].resource,
                                   static_cast<double>(entry.weight) / ends[end].weight});
        }
      }
    }
  }

  void AddFlows() {
    std::map<std::int32_t, double> sums[2];
    for (const int end : {0, 1}) {
      std::vector<Crossing>& crossings = through_[end];
      std::sort(crossings.begin(), crossings.end());
      for (std::size_t i = 0; i < crossings.size(); ++i) {
        const auto& [link, nic, weight] = crossings[i];
        const bool last = i + 1 == crossings.size() || std::get<0>(crossings[i + 1]) != link ||
                          std::get<1>(crossings[i + 1]) != nic;
        if (last) {  // with the greatest weight
          sums[end][link] += network_.capacity({nic}).si() * weight;
        }
      }
    }
    for (const auto& [link, sum] : sums[0]) {
      most_[link] += std::min(sum, sums[1].at(link));
    }
  }

  [[nodiscard]] std::vector<LinkDemand> Demands() const {
    std::vector<LinkDemand> demands;
    for (const auto& [link, most] : most_) {
      demands.push_back({{link}, BytesPerSecond(most)});
    }
    return demands;
  }

 private:
  // Link, NIC, weight on the link for weight 1 on the NIC.
  using Crossing = std::tuple<std::int32_t, std::int32_t, double>;

  struct Entries {
    const RouteEntry *first, *last;

    [[nodiscard]] const RouteEntry* begin() const { return first; }

    [[nodiscard]] const RouteEntry* end() const { return last; }
  };

  [[nodiscard]] Entries EntriesOf(Span route) const {
    return {plan_.routes.data() + route.begin, plan_.routes.data() + route.end};
  }

  [[nodiscard]] bool IsLink(const RouteEntry& entry) const {
    return entry.resource < network_.links();
  }

  [[nodiscard]] TierIndex TierOf(const RouteEntry& entry) const {
    return network_.tier({entry.resource});
  }

  [[nodiscard]] double Capacity(const RouteEntry& entry) const {
    return network_.can_bind({entry.resource}) ? network_.capacity({entry.resource}).si()
                                               : std::numeric_limits<double>::infinity();
  }

  [[nodiscard]] bool CanCouple(const RouteEntry& entry) const {
    return IsLink(entry) && network_.tiers()[TierOf(entry)].shared &&
           network_.can_bind({entry.resource});
  }

  const Plan& plan_;
  const Network& network_;
  std::map<std::int32_t, double> most_;  ///< by link, byte/s
  std::vector<Crossing> through_[2];     ///< by end of the flow
};

}  // namespace

std::vector<LinkDemand> DemandOf(const PlacedProgram& placed, const Network& network) {
  CheckPlacement(placed, network);
  Plan plan;
  ExpandJob(placed, network, {}, plan);
  Summation summation(plan, network);
  for (const Plan::Agent& agent : plan.agents) {
    summation.AddCoupled(agent.tensor);
    summation.AddCoupled(agent.context);
  }
  for (const Plan::Lay& lay : plan.lays) {
    summation.AddCoupled(lay.domain);
    summation.AddCoupled(lay.nic);
  }
  for (const Plan::Flow& flow : plan.flows) {
    summation.NoteFlow(flow.route);
  }
  summation.AddFlows();
  return summation.Demands();
}

}  // namespace gridlock
