#include "sim/plan/refinement.h"

#include <algorithm>
#include <array>
#include <bit>
#include <unordered_map>
#include <utility>

#include "sim/base/check.h"
#include "topologies/topology.h"

namespace gridlock {

namespace {

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

// The routes of a plan, or those of an epoch of one that changes.
struct View {
  const std::vector<Plan::Agent>& agents;
  const std::vector<Plan::Flow>& flows;
  const std::vector<Plan::Lay>& lays;
};

// Random numbers for the edges of a label, by weight. Hashes of neighbours are multiplied by them.
class EdgeHashes {
 public:
  explicit EdgeHashes(Label label) : label_(label) {
    for (std::size_t weight = 0; weight < small_.size(); ++weight) {
      small_[weight] = Hash(weight);
    }
  }

  [[nodiscard]] std::uint64_t operator[](std::int32_t weight) const {
    const auto index = static_cast<std::uint64_t>(weight);
    return index < small_.size() ? small_[index] : Hash(index);
  }

 private:
  [[nodiscard]] std::uint64_t Hash(std::uint64_t weight) const {
    return MixHash(weight << 32U | label_);
  }

  std::uint64_t label_;
  std::array<std::uint64_t, 32> small_{};
};

std::uint64_t Seed(std::initializer_list<std::uint64_t> facts) {
  std::uint64_t seed = 0x9e3779b97f4a7c15ULL;
  for (const std::uint64_t fact : facts) {
    seed = MixHash(seed ^ MixHash(fact));
  }
  return seed;
}

std::uint64_t SeedOfLays(std::uint64_t seed, const Plan::Group& group,
                         const std::vector<Plan::Lay>& lays) {
  for (std::int32_t lay = group.lays.begin; lay < group.lays.end; ++lay) {
    seed = Seed({seed, static_cast<std::uint64_t>(lays[lay].domain_unit),
                 static_cast<std::uint64_t>(lays[lay].domain_parts),
                 static_cast<std::uint64_t>(lays[lay].nic_parts),
                 static_cast<std::uint64_t>(lays[lay].nic_unit)});
  }
  return seed;
}

std::uint64_t SeedOf(const Plan& plan, const Plan::Group& group) {
  std::uint64_t seed = Seed(
      {static_cast<std::uint64_t>(group.job), static_cast<std::uint64_t>(group.family.value),
       static_cast<std::uint64_t>(group.members), static_cast<std::uint64_t>(group.shape.ranks),
       static_cast<std::uint64_t>(group.shape.domains),
       static_cast<std::uint64_t>(group.shape.per_domain),
       static_cast<std::uint64_t>(group.shape.sites),
       static_cast<std::uint64_t>(group.shape.ring_steps),
       std::bit_cast<std::uint64_t>(group.shape.wan_latency.si()),
       std::bit_cast<std::uint64_t>(group.shape.ring_hop.si()),
       std::bit_cast<std::uint64_t>(group.shape.tree_hops.si()),
       std::bit_cast<std::uint64_t>(group.shape.far_hop.si())});
  return SeedOfLays(seed, group, plan.lays);
}

// Equal colours for equal roles, capacities and places in the program.
Colouring Seeds(const Plan& plan) {
  Colouring colouring(plan);
  for (std::size_t r = 0; r < plan.resources.size(); ++r) {
    const Plan::Resource& resource = plan.resources[r];
    colouring.resources.Add(r, Seed({static_cast<std::uint64_t>(resource.tier.value),
                                     std::bit_cast<std::uint64_t>(resource.capacity.si()),
                                     static_cast<std::uint64_t>(resource.members),
                                     static_cast<std::uint64_t>(resource.can_bind)}));
  }
  for (std::size_t a = 0; a < plan.agents.size(); ++a) {
    const Plan::Agent& agent = plan.agents[a];
    colouring.agents.Add(
        a, Seed({static_cast<std::uint64_t>(agent.job), static_cast<std::uint64_t>(agent.role),
                 static_cast<std::uint64_t>(agent.tensor_parts)}));
    for (const int direction : {0, 1}) {
      for (std::int32_t f = agent.sends[direction].begin; f < agent.sends[direction].end; ++f) {
        const Plan::Flow& flow = plan.flows[f];
        colouring.flows.Add(f, Seed({static_cast<std::uint64_t>(direction),
                                     static_cast<std::uint64_t>(flow.members),
                                     std::bit_cast<std::uint32_t>(flow.latency),
                                     std::bit_cast<std::uint32_t>(flow.efficiency)}));
      }
    }
  }
  for (std::size_t g = 0; g < plan.groups.size(); ++g) {
    colouring.groups.Add(g, SeedOf(plan, plan.groups[g]));
  }
  colouring.Split();
  return colouring;
}

// Splits by what an epoch says of each of them: a link that fails differs from one that does not.
void SplitByEpoch(const Plan& plan, const ChangingPlan::Epoch& epoch, Colouring& colouring) {
  for (std::size_t r = 0; r < plan.resources.size(); ++r) {
    colouring.resources.Add(r, Seed({std::bit_cast<std::uint64_t>(epoch.capacities[r].si()),
                                     static_cast<std::uint64_t>(epoch.failed[r])}));
  }
  for (std::size_t a = 0; a < plan.agents.size(); ++a) {
    colouring.agents.Add(a, Seed({static_cast<std::uint64_t>(epoch.agents[a].tensor_parts)}));
  }
  for (std::size_t f = 0; f < plan.flows.size(); ++f) {
    colouring.flows.Add(f, Seed({std::bit_cast<std::uint32_t>(epoch.flows[f].latency),
                                 std::bit_cast<std::uint32_t>(epoch.flows[f].efficiency)}));
  }
  for (std::size_t g = 0; g < plan.groups.size(); ++g) {
    colouring.groups.Add(g, SeedOfLays(0, plan.groups[g], epoch.lays));
  }
  colouring.Split();
}

// Splits colours by the colours of neighbours.
class Refinement {
 public:
  Refinement(const Plan& plan, std::vector<View> views, Colouring& colouring)
      : plan_(plan),
        views_(std::move(views)),
        resources_(colouring.resources),
        agents_(colouring.agents),
        flows_(colouring.flows),
        groups_(colouring.groups) {
    std::int32_t lays = 0;
    for (const Plan::Group& group : plan.groups) {
      lays = std::max(lays, group.lays.end - group.lays.begin);
    }
    labels_ = kLays + 2 * static_cast<std::uint64_t>(lays);
    for (std::uint64_t label = 0; label < labels_ * views_.size(); ++label) {
      edges_.emplace_back(static_cast<Label>(label));
    }
  }

  /// Every vertex gathers the colours of its neighbours.
  void Gather() {
    for (std::size_t view = 0; view < views_.size(); ++view) {
      GatherAlong(views_[view], view * labels_);
    }
    for (std::size_t f = 0; f < plan_.flows.size(); ++f) {
      Between(plan_.flows[f].source, kSource, flows_, f);
      Between(plan_.flows[f].target, kTarget, flows_, f);
    }
    for (std::size_t g = 0; g < plan_.groups.size(); ++g) {
      const Plan::Group& group = plan_.groups[g];
      for (std::int32_t i = group.agents.begin; i < group.agents.end; ++i) {
        Between(plan_.group_agents[i], kMember, groups_, g);
      }
    }
  }

 private:
  // `first`: of the labels of the view.
  void GatherAlong(const View& view, std::uint64_t first) {
    for (std::size_t a = 0; a < view.agents.size(); ++a) {
      Along(view.agents[a].hbm, first + kOwnHbm, agents_, a);
      Along(view.agents[a].tensor, first + kTensor, agents_, a);
      Along(view.agents[a].context, first + kContext, agents_, a);
    }
    for (std::size_t f = 0; f < view.flows.size(); ++f) {
      Along(view.flows[f].route, first + kFlowRoute, flows_, f);
    }
    for (std::size_t g = 0; g < plan_.groups.size(); ++g) {
      const Span lays = plan_.groups[g].lays;
      for (std::int32_t lay = lays.begin; lay < lays.end; ++lay) {
        Along(view.lays[lay].domain, first + DomainLabel(lay - lays.begin), groups_, g);
        Along(view.lays[lay].nic, first + NicLabel(lay - lays.begin), groups_, g);
      }
    }
  }

  void Along(Span route, std::uint64_t label, Colours& owners, std::size_t owner) {
    const EdgeHashes& edges = edges_[label];
    const std::uint64_t mine = owners.hash(owner);
    std::uint64_t sum = 0;
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      const RouteEntry entry = plan_.routes[i];
      const std::uint64_t edge = edges[entry.weight];
      sum += resources_.hash(entry.resource) * edge;
      resources_.Add(entry.resource, mine * edge);
    }
    owners.Add(owner, sum);
  }

  void Between(AgentIndex agent, Label label, Colours& owners, std::size_t owner) {
    const std::uint64_t edge = edges_[label][0];
    agents_.Add(agent, owners.hash(owner) * edge);
    owners.Add(owner, agents_.hash(agent) * edge);
  }

  const Plan& plan_;
  std::vector<View> views_;
  Colours &resources_, &agents_, &flows_, &groups_;
  std::uint64_t labels_ = 0;       ///< of a view
  std::vector<EdgeHashes> edges_;  ///< by label, view by view
};

}  // namespace

void Colours::Split() {
  std::unordered_map<std::uint64_t, std::int32_t> colour_of;
  std::uint64_t last_key = 0;
  std::int32_t last = -1;
  for (std::size_t v = 0; v < colour_.size(); ++v) {
    const std::uint64_t own = hashes_.empty() ? 0 : hash(v) * kOwn;
    const std::uint64_t key = sums_[v] + own;
    if (last < 0 || key != last_key) {  // neighbours in the plan are often alike
      const auto next = static_cast<std::int32_t>(colour_of.size());
      last = colour_of.try_emplace(key, next).first->second;
      last_key = key;
    }
    colour_[v] = last;
    sums_[v] = 0;
  }
  for (std::size_t c = hashes_.size(); c < colour_of.size(); ++c) {
    hashes_.push_back(MixHash(c));
  }
}

Colouring EquitableColouring(const Plan& plan, const std::vector<ChangingPlan::Epoch>& epochs,
                             int* rounds, std::size_t agents_most) {
  Colouring colouring = Seeds(plan);
  std::vector<View> views;
  for (const ChangingPlan::Epoch& epoch : epochs) {
    SplitByEpoch(plan, epoch, colouring);
    views.push_back({epoch.agents, epoch.flows, epoch.lays});
  }
  if (views.empty()) {
    views.push_back({plan.agents, plan.flows, plan.lays});
  }
  Refinement refinement(plan, std::move(views), colouring);
  int taken = 0;
  for (std::size_t classes = 0;
       classes < colouring.count() && colouring.agents.count() <= agents_most; ++taken) {
    classes = colouring.count();
    refinement.Gather();
    colouring.Split();
  }
  if (rounds != nullptr) {
    *rounds = taken;
  }
  return colouring;
}

}  // namespace gridlock
