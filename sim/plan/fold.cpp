#include "sim/plan/fold.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <unordered_set>

#include "sim/base/check.h"

namespace gridlock {

namespace {

using Colour = std::uint64_t;
using Colours = std::vector<Colour>;

// Relations of the incidence structure; each has its own label so that they cannot be confused.
enum Label : std::uint64_t {
  kOwnHbm = 1,
  kTensor,
  kContext,
  kFlowRoute,
  kSource,
  kTarget,
  kMember,
  kLays,  ///< and all above: two for each lay of a group
};

// The parts of a group's lays have labels of their own, so that those of two phases differ.
Label DomainLabel(std::int32_t lay) {
  return static_cast<Label>(kLays + 2 * lay);
}

Label NicLabel(std::int32_t lay) {
  return static_cast<Label>(kLays + 2 * lay + 1);
}

Colour Signal(Colour from, Label label, std::int64_t weight) {
  return MixHash(from + MixHash(static_cast<std::uint64_t>(weight) * 256 + label));
}

Colour Seed(std::initializer_list<std::uint64_t> facts) {
  Colour colour = 0x9e3779b97f4a7c15ULL;
  for (const std::uint64_t fact : facts) {
    colour = MixHash(colour ^ MixHash(fact));
  }
  return colour;
}

// Colours of the four kinds of vertices.
struct Colouring {
  Colours resources, agents, flows, groups;
};

std::int64_t CountDistinct(Colours colours) {
  std::sort(colours.begin(), colours.end());
  return std::unique(colours.begin(), colours.end()) - colours.begin();
}

Colouring Seeds(const Plan& plan) {
  Colouring colouring;
  for (const Plan::Resource& r : plan.resources) {
    colouring.resources.push_back(Seed({1, static_cast<std::uint64_t>(r.tier.value),
                                        std::bit_cast<std::uint64_t>(r.capacity.si())}));
  }
  for (const Plan::Agent& a : plan.agents) {
    colouring.agents.push_back(
        Seed({2, static_cast<std::uint64_t>(a.job), static_cast<std::uint64_t>(a.role)}));
  }
  colouring.flows.resize(plan.flows.size());
  for (const Plan::Agent& a : plan.agents) {
    for (const int direction : {0, 1}) {
      for (std::int32_t f = a.sends[direction].begin; f < a.sends[direction].end; ++f) {
        const Plan::Flow& flow = plan.flows[f];
        colouring.flows[f] = Seed({3, static_cast<std::uint64_t>(direction),
                                   std::bit_cast<std::uint32_t>(flow.latency),
                                   std::bit_cast<std::uint32_t>(flow.efficiency)});
      }
    }
  }
  for (const Plan::Group& g : plan.groups) {
    Colour colour = Seed(
        {4, static_cast<std::uint64_t>(g.job), static_cast<std::uint64_t>(g.family.value),
         static_cast<std::uint64_t>(g.shape.ranks), static_cast<std::uint64_t>(g.shape.domains),
         static_cast<std::uint64_t>(g.shape.per_domain), static_cast<std::uint64_t>(g.shape.sites),
         std::bit_cast<std::uint64_t>(g.shape.wan_latency.si())});
    for (std::int32_t lay = g.lays.begin; lay < g.lays.end; ++lay) {
      colour = Seed({colour, static_cast<std::uint64_t>(plan.lays[lay].domain_unit),
                     static_cast<std::uint64_t>(plan.lays[lay].nic_unit)});
    }
    colouring.groups.push_back(colour);
  }
  return colouring;
}

// One round: every vertex gathers the colours of its neighbours (sums, so order does not matter).
class Round {
 public:
  Round(const Plan& plan, const Colouring& now)
      : plan_(plan),
        now_(now),
        sum_{Colours(now.resources.size()), Colours(now.agents.size()), Colours(now.flows.size()),
             Colours(now.groups.size())} {}

  Colouring Run() && {
    for (std::size_t a = 0; a < plan_.agents.size(); ++a) {
      Along(plan_.agents[a].hbm, kOwnHbm, now_.agents[a], sum_.agents[a]);
      Along(plan_.agents[a].tensor, kTensor, now_.agents[a], sum_.agents[a]);
      Along(plan_.agents[a].context, kContext, now_.agents[a], sum_.agents[a]);
    }
    for (std::size_t f = 0; f < plan_.flows.size(); ++f) {
      const Plan::Flow& flow = plan_.flows[f];
      Along(flow.route, kFlowRoute, now_.flows[f], sum_.flows[f]);
      Between(flow.source, kSource, now_.flows[f], sum_.flows[f]);
      Between(flow.target, kTarget, now_.flows[f], sum_.flows[f]);
    }
    for (std::size_t g = 0; g < plan_.groups.size(); ++g) {
      const Plan::Group& group = plan_.groups[g];
      for (std::int32_t lay = group.lays.begin; lay < group.lays.end; ++lay) {
        const std::int32_t number = lay - group.lays.begin;
        Along(plan_.lays[lay].domain, DomainLabel(number), now_.groups[g], sum_.groups[g]);
        Along(plan_.lays[lay].nic, NicLabel(number), now_.groups[g], sum_.groups[g]);
      }
      for (std::int32_t i = group.agents.begin; i < group.agents.end; ++i) {
        Between(plan_.group_agents[i], kMember, now_.groups[g], sum_.groups[g]);
      }
    }
    Finish(now_.resources, sum_.resources);
    Finish(now_.agents, sum_.agents);
    Finish(now_.flows, sum_.flows);
    Finish(now_.groups, sum_.groups);
    return std::move(sum_);
  }

 private:
  void Along(Span route, Label label, Colour mine, Colour& my_sum) {
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      const RouteEntry entry = plan_.routes[i];
      my_sum += Signal(now_.resources[entry.resource], label, entry.weight);
      sum_.resources[entry.resource] += Signal(mine, label, entry.weight);
    }
  }

  void Between(AgentIndex agent, Label label, Colour mine, Colour& my_sum) {
    my_sum += Signal(now_.agents[agent], label, 0);
    sum_.agents[agent] += Signal(mine, label, 0);
  }

  static void Finish(const Colours& old, Colours& sum) {
    for (std::size_t i = 0; i < old.size(); ++i) {
      sum[i] = MixHash(old[i] ^ MixHash(sum[i]));
    }
  }

  const Plan& plan_;
  const Colouring& now_;
  Colouring sum_;
};

// Class of each vertex, numbered by first appearance.
struct Classes {
  std::vector<std::int32_t> of;     ///< class of a vertex
  std::vector<std::int32_t> first;  ///< representative of a class
  std::vector<std::int64_t> size;   ///< members of a class

  explicit Classes(const Colours& colours) : of(colours.size()) {
    std::vector<std::int32_t> order(colours.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
      return colours[a] != colours[b] ? colours[a] < colours[b] : a < b;
    });
    std::vector<std::int32_t> head(colours.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      const bool same = i > 0 && colours[order[i]] == colours[order[i - 1]];
      head[order[i]] = same ? head[order[i - 1]] : order[i];
    }
    for (std::size_t v = 0; v < colours.size(); ++v) {
      if (head[v] == static_cast<std::int32_t>(v)) {
        of[v] = static_cast<std::int32_t>(first.size());
        first.push_back(static_cast<std::int32_t>(v));
        size.push_back(0);
      } else {
        of[v] = of[head[v]];
      }
      ++size[of[v]];
    }
  }

  [[nodiscard]] std::size_t count() const { return first.size(); }
};

// Writes the quotient plan: representatives, class routes with integer weights.
class Quotient {
 public:
  Quotient(const Plan& plan, const Colouring& colours)
      : plan_(plan),
        resources_(colours.resources),
        agents_(colours.agents),
        flows_(colours.flows),
        groups_(colours.groups) {}

  Plan Build() && {
    out_.tiers = plan_.tiers;
    out_.jobs = plan_.jobs;
    out_.folded = true;
    for (std::size_t c = 0; c < resources_.count(); ++c) {
      Plan::Resource resource = plan_.resources[resources_.first[c]];
      resource.members = resources_.size[c];
      out_.resources.push_back(resource);
    }
    AddFlowsAndAgents();
    AddGroups();
    DivideByCommonFactors();
    return std::move(out_);
  }

 private:
  // How often class resource L stands in the route of a class of `size` transfers: their crossings
  // of all of L, spread evenly over L's members (the partition is equitable, so this divides).
  Span FoldRoute(Span route, std::int64_t size) {
    std::vector<std::pair<std::int32_t, std::int64_t>> crossings;
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      crossings.emplace_back(resources_.of[plan_.routes[i].resource], plan_.routes[i].weight);
    }
    std::sort(crossings.begin(), crossings.end());
    const auto begin = static_cast<std::int32_t>(out_.routes.size());
    for (std::size_t i = 0; i < crossings.size();) {
      const std::int32_t resource = crossings[i].first;
      std::int64_t total = 0;
      for (; i < crossings.size() && crossings[i].first == resource; ++i) {
        total += crossings[i].second;
      }
      CHECK(total * size % resources_.size[resource] == 0);
      const std::int64_t weight = total * size / resources_.size[resource];
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
    std::vector<std::int32_t>
        order;  // flow classes as the agents own them, so that spans are contiguous
    for (std::size_t c = 0; c < agents_.count(); ++c) {
      const Plan::Agent& agent = plan_.agents[agents_.first[c]];
      Plan::Agent folded;
      folded.job = agent.job;
      folded.role = agent.role;
      folded.members = agents_.size[c];
      folded.hbm = FoldRoute(agent.hbm, folded.members);
      folded.tensor = FoldRoute(agent.tensor, folded.members);
      folded.context = FoldRoute(agent.context, folded.members);
      for (const int direction : {0, 1}) {
        folded.sends[direction] = FoldSpan(
            agent.sends[direction],
            [&](std::int32_t i) {
              return flows_.of[i];
            },
            order);
      }
      folded.groups = FoldSpan(
          agent.groups,
          [&](std::int32_t i) {
            return groups_.of[plan_.agent_groups[i]];
          },
          out_.agent_groups);
      out_.agents.push_back(folded);
    }
    for (const std::int32_t c : order) {
      Plan::Flow flow = plan_.flows[flows_.first[c]];
      flow.members = flows_.size[c];
      flow.source = {agents_.of[flow.source]};
      flow.target = {agents_.of[flow.target]};
      flow.route = FoldRoute(plan_.flows[flows_.first[c]].route, flow.members);
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
        lay.domain = FoldRoute(lay.domain, folded.members);
        lay.nic = FoldRoute(lay.nic, folded.members);
        out_.lays.push_back(lay);
      }
      folded.lays.end = static_cast<std::int32_t>(out_.lays.size());
      out_.groups.push_back(folded);
    }
  }

  // A route lists a resource as often as its weight, so weights are kept small: what all weights on
  // a resource share is divided out of them and of its capacity.
  void DivideByCommonFactors() {
    std::vector<std::int32_t> common(out_.resources.size(), 0);
    for (const RouteEntry& entry : out_.routes) {
      common[entry.resource] = std::gcd(common[entry.resource], entry.weight);
    }
    for (std::size_t r = 0; r < common.size(); ++r) {
      const std::int32_t unit = std::max(common[r], 1);
      out_.resources[r].unit *= unit;
      out_.resources[r].capacity = out_.resources[r].capacity / unit;
    }
    for (RouteEntry& entry : out_.routes) {
      entry.weight /= std::max(common[entry.resource], 1);
    }
  }

  const Plan& plan_;
  Classes resources_, agents_, flows_, groups_;
  Plan out_;
};

}  // namespace

Plan Fold(const Plan& plan, FoldStatistics* statistics) {
  CHECK(!plan.folded);
  Colouring colours = Seeds(plan);
  std::int64_t classes = 0;
  int rounds = 0;
  while (true) {
    const std::int64_t now = CountDistinct(colours.resources) + CountDistinct(colours.agents) +
                             CountDistinct(colours.flows) + CountDistinct(colours.groups);
    if (now == classes) {
      break;
    }
    classes = now;
    colours = Round(plan, colours).Run();
    ++rounds;
  }
  Plan folded = Quotient(plan, colours).Build();
  if (statistics != nullptr) {
    *statistics = {rounds, static_cast<std::int64_t>(folded.resources.size()),
                   static_cast<std::int64_t>(folded.agents.size()),
                   static_cast<std::int64_t>(folded.flows.size()),
                   static_cast<std::int64_t>(folded.groups.size())};
  }
  return folded;
}

}  // namespace gridlock
