#include "sim/plan/fold.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "sim/base/check.h"
#include "sim/plan/refinement.h"

namespace gridlock {

namespace {

// The members of each colour.
struct Classes {
  const Colours& of;                ///< class of a vertex
  std::vector<std::int32_t> first;  ///< representative of a class
  std::vector<std::int64_t> size;   ///< members of a class, of all its vertices

  template <typename Vertices>
  Classes(const Colours& colours, const Vertices& vertices)
      : of(colours), size(colours.count(), 0) {
    for (std::size_t v = 0; v < colours.vertices(); ++v) {
      if (of[v] == static_cast<std::int32_t>(first.size())) {
        first.push_back(static_cast<std::int32_t>(v));
      }
      size[of[v]] += vertices[v].members;
    }
  }

  [[nodiscard]] std::size_t count() const { return first.size(); }
};

// Writes the quotient plan: representatives, class routes with integer weights.
class Quotient {
 public:
  Quotient(const Plan& plan, const Colouring& colours)
      : plan_(plan),
        resources_(colours.resources, plan.resources),
        agents_(colours.agents, plan.agents),
        flows_(colours.flows, plan.flows),
        groups_(colours.groups, plan.groups) {}

  /// With the epochs of a plan that changes; else without any.
  ChangingPlan Build(const std::vector<ChangingPlan::Epoch>& epochs, Links links) && {
    out_.tiers = plan_.tiers;
    out_.jobs = plan_.jobs;
    out_.folded = true;
    for (std::size_t c = 0; c < resources_.count(); ++c) {
      Plan::Resource resource = plan_.resources[resources_.first[c]];
      resource.members = resources_.size[c];
      out_.resources.push_back(resource);
    }
    for (std::size_t r = 0; links == Links::kKept && r < plan_.resources.size(); ++r) {
      if (plan_.resources[r].link.value >= 0) {
        out_.link_classes.emplace_back(plan_.resources[r].link, resources_.of[r]);
      }
    }
    AddFlowsAndAgents();
    AddGroups();
    ChangingPlan folded;
    for (const ChangingPlan::Epoch& epoch : epochs) {
      folded.epochs.push_back(FoldEpoch(epoch));
    }
    DivideByCommonFactors(folded.epochs);
    folded.plan = std::move(out_);
    return folded;
  }

 private:
  // How often class resource L stands in the route of a class of transfers that has `times` as many
  // members as the one with this route: their crossings of all of L, spread evenly over L's members
  // (the partition is equitable, so this divides).
  Span FoldRoute(Span route, std::int64_t times) {
    std::vector<std::pair<std::int32_t, std::int64_t>> crossings;
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      const RouteEntry entry = plan_.routes[i];
      crossings.emplace_back(resources_.of[entry.resource],
                             entry.weight * plan_.resources[entry.resource].members);
    }
    std::sort(crossings.begin(), crossings.end());
    const auto begin = static_cast<std::int32_t>(out_.routes.size());
    for (std::size_t i = 0; i < crossings.size();) {
      const std::int32_t resource = crossings[i].first;
      std::int64_t total = 0;
      for (; i < crossings.size() && crossings[i].first == resource; ++i) {
        total += crossings[i].second;
      }
      CHECK(total * times % resources_.size[resource] == 0);
      const std::int64_t weight = total * times / resources_.size[resource];
      CHECK(weight > 0 && weight < std::numeric_limits<std::int32_t>::max());
      out_.routes.push_back({resource, static_cast<std::int32_t>(weight)});
    }
    return {begin, static_cast<std::int32_t>(out_.routes.size())};
  }

  // Distinct classes among the members of a span of vertices, in order.
  template <typename ClassOf, typename Member>
  Span FoldSpan(Span span, const ClassOf& class_of, std::vector<Member>& out) const {
    std::vector<Member> classes;
    for (std::int32_t i = span.begin; i < span.end; ++i) {
      classes.push_back({class_of(i)});
    }
    std::sort(classes.begin(), classes.end());
    classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
    const auto begin = static_cast<std::int32_t>(out.size());
    out.insert(out.end(), classes.begin(), classes.end());
    return {begin, static_cast<std::int32_t>(out.size())};
  }

  void AddFlowsAndAgents() {
    for (std::size_t c = 0; c < agents_.count(); ++c) {
      const Plan::Agent& agent = plan_.agents[agents_.first[c]];
      Plan::Agent folded;
      folded.job = agent.job;
      folded.role = agent.role;
      folded.members = agents_.size[c];
      const std::int64_t times = folded.members / agent.members;
      folded.hbm = FoldRoute(agent.hbm, times);
      folded.tensor = FoldRoute(agent.tensor, times);
      folded.tensor_parts = agent.tensor_parts;
      folded.context = FoldRoute(agent.context, times);
      for (const int direction : {0, 1}) {
        folded.sends[direction] = FoldSpan(
            agent.sends[direction],
            [&](std::int32_t i) {
              return flows_.of[i];
            },
            order_);
      }
      folded.groups = FoldSpan(
          agent.groups,
          [&](std::int32_t i) {
            return groups_.of[plan_.agent_groups[i]];
          },
          out_.agent_groups);
      out_.agents.push_back(folded);
    }
    for (const std::int32_t c : order_) {
      Plan::Flow flow = plan_.flows[flows_.first[c]];
      const std::int64_t times = flows_.size[c] / flow.members;
      flow.members = flows_.size[c];
      flow.source = {agents_.of[flow.source]};
      flow.target = {agents_.of[flow.target]};
      flow.route = FoldRoute(flow.route, times);
      out_.flows.push_back(flow);
    }
  }

  void AddGroups() {
    for (std::size_t c = 0; c < groups_.count(); ++c) {
      const Plan::Group& group = plan_.groups[groups_.first[c]];
      Plan::Group folded = group;
      folded.members = groups_.size[c];
      folded.agents = FoldSpan(
          group.agents,
          [&](std::int32_t i) {
            return agents_.of[plan_.group_agents[i]];
          },
          out_.group_agents);
      folded.lays.begin = static_cast<std::int32_t>(out_.lays.size());
      for (std::int32_t i = group.lays.begin; i < group.lays.end; ++i) {
        Plan::Lay lay = plan_.lays[i];
        lay.domain = FoldRoute(lay.domain, folded.members / group.members);
        lay.nic = FoldRoute(lay.nic, folded.members / group.members);
        out_.lays.push_back(lay);
      }
      folded.lays.end = static_cast<std::int32_t>(out_.lays.size());
      out_.groups.push_back(folded);
    }
  }

  ChangingPlan::Epoch FoldEpoch(const ChangingPlan::Epoch& epoch) {
    ChangingPlan::Epoch folded{epoch.from, epoch.failover, out_.agents, out_.flows, out_.lays, {},
                               {}};
    for (std::size_t c = 0; c < agents_.count(); ++c) {
      const Plan::Agent& first = epoch.agents[agents_.first[c]];
      Plan::Agent& agent = folded.agents[c];
      agent.hbm = FoldRoute(first.hbm, agent.members / first.members);
      agent.tensor = FoldRoute(first.tensor, agent.members / first.members);
      agent.tensor_parts = first.tensor_parts;
      agent.context = FoldRoute(first.context, agent.members / first.members);
    }
    for (std::size_t f = 0; f < order_.size(); ++f) {
      const Plan::Flow& first = epoch.flows[flows_.first[order_[f]]];
      Plan::Flow& flow = folded.flows[f];
      flow.route = FoldRoute(first.route, flow.members / first.members);
      flow.efficiency = first.efficiency;
      flow.latency = first.latency;
    }
    for (std::size_t c = 0; c < groups_.count(); ++c) {
      const Plan::Group& first = plan_.groups[groups_.first[c]];
      const std::int64_t times = groups_.size[c] / first.members;
      for (std::int32_t i = first.lays.begin; i < first.lays.end; ++i) {
        Plan::Lay& lay = folded.lays[out_.groups[c].lays.begin + i - first.lays.begin];
        lay = epoch.lays[i];
        lay.domain = FoldRoute(lay.domain, times);
        lay.nic = FoldRoute(lay.nic, times);
      }
    }
    for (const std::int32_t resource : resources_.first) {
      folded.capacities.push_back(epoch.capacities[resource]);
      folded.failed.push_back(epoch.failed[resource]);
    }
    return folded;
  }

  // A route lists a resource as often as its weight, so weights are kept small: what all weights on
  // a resource share is divided out of them and of its capacity.
  void DivideByCommonFactors(std::vector<ChangingPlan::Epoch>& epochs) {
    std::vector<std::int32_t> common(out_.resources.size(), 0);
    for (const RouteEntry& entry : out_.routes) {
      common[entry.resource] = std::gcd(common[entry.resource], entry.weight);
    }
    for (std::size_t r = 0; r < common.size(); ++r) {
      common[r] = std::max(common[r], 1);
      out_.resources[r].unit *= common[r];
      out_.resources[r].capacity = out_.resources[r].capacity / common[r];
      for (ChangingPlan::Epoch& epoch : epochs) {
        epoch.capacities[r] = epoch.capacities[r] / common[r];
      }
    }
    for (RouteEntry& entry : out_.routes) {
      entry.weight /= common[entry.resource];
    }
  }

  const Plan& plan_;
  Classes resources_, agents_, flows_, groups_;
  std::vector<std::int32_t> order_;  ///< flow classes as the agents own them: spans are contiguous
  Plan out_;
};

}  // namespace

Plan Fold(const Plan& plan, FoldStatistics* statistics, Links links) {
  CHECK(!plan.folded);
  int rounds = 0;
  const Colouring colouring = EquitableColouring(plan, {}, &rounds);
  Plan folded = Quotient(plan, colouring).Build({}, links).plan;
  if (statistics != nullptr) {
    *statistics = {rounds, static_cast<std::int64_t>(folded.resources.size()),
                   static_cast<std::int64_t>(folded.agents.size()),
                   static_cast<std::int64_t>(folded.flows.size()),
                   static_cast<std::int64_t>(folded.groups.size())};
  }
  return folded;
}

std::optional<Plan> FoldOfFew(const Plan& plan, std::size_t agents_most, Links links) {
  CHECK(!plan.folded);
  const Colouring colouring = EquitableColouring(plan, {}, nullptr, agents_most);
  return colouring.agents.count() > agents_most
             ? std::nullopt
             : std::optional(Quotient(plan, colouring).Build({}, links).plan);
}

ChangingPlan Fold(const ChangingPlan& changing, Links links) {
  const Colouring colouring = EquitableColouring(changing.plan, changing.epochs);
  ChangingPlan folded = Quotient(changing.plan, colouring).Build(changing.epochs, links);
  folded.cut = changing.cut < 0 ? -1 : colouring.resources[static_cast<std::size_t>(changing.cut)];
  return folded;
}

Plan FoldedPlan(const std::vector<PlacedProgram>& placed, const Network& network, Links links) {
  return links == Links::kKept ? Fold(ExpandEach(placed, network), nullptr, links)
                               : Fold(ExpandUnlike(placed, network));
}

}  // namespace gridlock
