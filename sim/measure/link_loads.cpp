#include "sim/measure/link_loads.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace gridlock {

namespace {

class Adder {
 public:
  Adder(const StepProgram& program, const Plan& plan, const ServerSpec& server)
      : program_(program), plan_(plan), server_(server), carried_(plan.resources.size()) {}

  std::vector<Bytes> Sum() && {
    for (const Plan::Agent& agent : plan_.agents) {
      AddAgent(agent);
    }
    for (const Plan::Group& group : plan_.groups) {
      AddGroup(group);
    }
    return std::move(carried_);
  }

 private:
  // In a folded plan a class stands in a route as often as its members cross one resource of a
  // class: what one resource carries needs no other factor.
  void Add(Span route, Bytes bytes) {
    for (std::int32_t i = route.begin; bytes > Bytes(0) && i < route.end; ++i) {
      const RouteEntry entry = plan_.routes[i];
      carried_[entry.resource] += bytes * (entry.weight * plan_.resources[entry.resource].unit);
    }
  }

  void AddAgent(const Plan::Agent& agent) {
    Bytes tensor, context;
    double sends[2] = {0, 0};
    for (const Action& action : program_.roles[agent.role]) {
      if (action.kind == Action::Kind::kPass) {
        const Pass& pass = program_.passes[action.index];
        tensor += pass.tensor_exposed + pass.tensor_overlapped;
        context += pass.context;
      } else if (action.kind == Action::Kind::kSend) {
        ++sends[static_cast<int>(action.direction)];
      }
    }
    Add(agent.tensor, tensor / agent.tensor_parts);
    Add(agent.context, context);
    for (const int direction : {0, 1}) {
      const Span flows = agent.sends[direction];
      for (std::int32_t f = flows.begin; f < flows.end; ++f) {
        const Plan::Flow& flow = plan_.flows[f];
        Add(flow.route, program_.message * (sends[direction] / flow.efficiency));
      }
    }
  }

  // How often a role hands over each collective, and those that follow it by themselves.
  std::vector<double> StartsOf(const Role& role) const {
    std::vector<double> starts(program_.collectives.size(), 0);
    for (const Action& action : role) {
      std::int32_t next = action.kind == Action::Kind::kStart ? action.index : -1;
      while (next >= 0) {
        ++starts[next];
        next = program_.collectives[next].next;
      }
    }
    return starts;
  }

  // All members of a group hand over the same collectives, so one of them is asked.
  void AddGroup(const Plan::Group& group) {
    const std::int32_t role = plan_.agents[plan_.group_agents[group.agents.begin]].role;
    if (starts_.empty()) {
      starts_.resize(program_.roles.size());
    }
    if (starts_[role].empty()) {
      starts_[role] = StartsOf(program_.roles[role]);
    }
    for (std::size_t c = 0; c < program_.collectives.size(); ++c) {
      const Collective& collective = program_.collectives[c];
      const double times = starts_[role][c];
      if (collective.family != group.family || times <= 0) {
        continue;
      }
      const std::int32_t first = plan_.FirstPhase(group, collective.algorithm);
      const std::vector<CollectiveCost> costs = CostsOf(collective, group.shape, server_);
      for (std::size_t phase = 0; phase < costs.size(); ++phase) {
        const Plan::Lay& lay = plan_.lays[first + static_cast<std::int32_t>(phase)];
        Add(lay.domain, Bytes(lay.DomainBytes(costs[phase]) * times));
        Add(lay.nic, Bytes(lay.NicBytes(costs[phase]) * times));
      }
    }
  }

  const StepProgram& program_;
  const Plan& plan_;
  const ServerSpec& server_;
  std::vector<Bytes> carried_;
  std::vector<std::vector<double>> starts_;  ///< by role, by collective
};

}  // namespace

std::vector<Bytes> CarriedByResources(const StepProgram& program, const Plan& plan,
                                      const ServerSpec& server) {
  return Adder(program, plan, server).Sum();
}

std::vector<std::int32_t> HottestResources(const Plan& plan, const std::vector<Bytes>& carried,
                                           std::size_t count) {
  std::vector<double> use(carried.size());
  std::vector<std::int32_t> order;
  for (std::size_t r = 0; r < carried.size(); ++r) {
    const Plan::Resource& resource = plan.resources[r];
    use[r] = carried[r].si() / (resource.capacity * resource.unit).si();
    if (resource.link.value >= 0 && carried[r] > Bytes(0)) {
      order.push_back(static_cast<std::int32_t>(r));
    }
  }
  const std::size_t kept = std::min(count, order.size());
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(kept);
  std::partial_sort(order.begin(), end, order.end(), [&](std::int32_t a, std::int32_t b) {
    return use[a] != use[b] ? use[a] > use[b] : plan.resources[a].link < plan.resources[b].link;
  });
  order.resize(kept);
  return order;
}

LinkUse UseOf(const Plan& plan, std::int32_t resource, const Network& network, Bytes carried,
              Seconds step) {
  const Plan::Resource& of = plan.resources[resource];
  const BytesPerSecond capacity = of.capacity * of.unit;
  LinkEnds ends = network.ends(of.link);
  return {.name = network.name(of.link),
          .tier = plan.tiers[of.tier].name,
          .capacity = capacity,
          .carried = carried,
          .use = carried / capacity / step,
          .from = std::move(ends.from),
          .to = std::move(ends.to),
          .alike = of.members};
}

}  // namespace gridlock
