#include "sim/plan/fold.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "sim/base/check.h"

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

// One kind of vertices and its colouring. Colours are numbered by the first vertex that has them.
class Colours {
 public:
  // Before the first split vertices differ by what is added to their sums.
  explicit Colours(std::size_t vertices) : colour_(vertices, 0), sums_(vertices, 0) {}

  [[nodiscard]] std::int32_t operator[](std::size_t vertex) const { return colour_[vertex]; }

  [[nodiscard]] std::size_t vertices() const { return colour_.size(); }

  [[nodiscard]] std::size_t count() const { return hashes_.size(); }

  // A random number for the vertex's colour.
  [[nodiscard]] std::uint64_t hash(std::size_t vertex) const { return hashes_[colour_[vertex]]; }

  void Add(std::size_t vertex, std::uint64_t signal) { sums_[vertex] += signal; }

  // Vertices of a colour that have different sums get different colours.
  void Split() {
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

 private:
  static constexpr std::uint64_t kOwn = 0x9e3779b97f4a7c15ULL;

  std::vector<std::int32_t> colour_;
  std::vector<std::uint64_t> sums_;    ///< signals of this round: their order does not matter
  std::vector<std::uint64_t> hashes_;  ///< by colour
};

struct Colouring {
  Colours resources, agents, flows, groups;

  explicit Colouring(const Plan& plan)
      : resources(plan.resources.size()),
        agents(plan.agents.size()),
        flows(plan.flows.size()),
        groups(plan.groups.size()) {}

  void Split() {
    resources.Split();
    agents.Split();
    flows.Split();
    groups.Split();
  }

  [[nodiscard]] std::size_t count() const {
    return resources.count() + agents.count() + flows.count() + groups.count();
  }
};

std::uint64_t SeedOf(const Plan& plan, const Plan::Group& group) {
  std::uint64_t seed = Seed(
      {static_cast<std::uint64_t>(group.job), static_cast<std::uint64_t>(group.family.value),
       static_cast<std::uint64_t>(group.members), static_cast<std::uint64_t>(group.shape.ranks),
       static_cast<std::uint64_t>(group.shape.domains),
       static_cast<std::uint64_t>(group.shape.per_domain),
       static_cast<std::uint64_t>(group.shape.sites),
       static_cast<std::uint64_t>(group.shape.ring_steps),
       std::bit_cast<std::uint64_t>(group.shape.wan_latency.si())});
  for (std::int32_t lay = group.lays.begin; lay < group.lays.end; ++lay) {
    seed = Seed({seed, static_cast<std::uint64_t>(plan.lays[lay].domain_unit),
                 static_cast<std::uint64_t>(plan.lays[lay].domain_parts),
                 static_cast<std::uint64_t>(plan.lays[lay].nic_parts),
                 static_cast<std::uint64_t>(plan.lays[lay].nic_unit)});
  }
  return seed;
}

// Equal colours for equal roles, capacities and places in the program.
Colouring Seeds(const Plan& plan) {
  Colouring colouring(plan);
  for (std::size_t r = 0; r < plan.resources.size(); ++r) {
    const Plan::Resource& resource = plan.resources[r];
    colouring.resources.Add(r, Seed({static_cast<std::uint64_t>(resource.tier.value),
                                     std::bit_cast<std::uint64_t>(resource.capacity.si()),
                                     static_cast<std::uint64_t>(resource.members)}));
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

// Splits colours by the colours of neighbours.
class Refinement {
 public:
  Refinement(const Plan& plan, Colouring& colouring)
      : plan_(plan),
        resources_(colouring.resources),
        agents_(colouring.agents),
        flows_(colouring.flows),
        groups_(colouring.groups) {
    std::int32_t lays = 0;
    for (const Plan::Group& group : plan.groups) {
      lays = std::max(lays, group.lays.end - group.lays.begin);
    }
    for (std::uint64_t label = 0; label < kLays + 2 * static_cast<std::uint64_t>(lays); ++label) {
      edges_.emplace_back(static_cast<Label>(label));
    }
  }

  /// Every vertex gathers the colours of its neighbours.
  void Gather() {
    for (std::size_t a = 0; a < plan_.agents.size(); ++a) {
      Along(plan_.agents[a].hbm, kOwnHbm, agents_, a);
      Along(plan_.agents[a].tensor, kTensor, agents_, a);
      Along(plan_.agents[a].context, kContext, agents_, a);
    }
    for (std::size_t f = 0; f < plan_.flows.size(); ++f) {
      Along(plan_.flows[f].route, kFlowRoute, flows_, f);
      Between(plan_.flows[f].source, kSource, flows_, f);
      Between(plan_.flows[f].target, kTarget, flows_, f);
    }
    for (std::size_t g = 0; g < plan_.groups.size(); ++g) {
      const Plan::Group& group = plan_.groups[g];
      for (std::int32_t lay = group.lays.begin; lay < group.lays.end; ++lay) {
        const std::int32_t number = lay - group.lays.begin;
        Along(plan_.lays[lay].domain, DomainLabel(number), groups_, g);
        Along(plan_.lays[lay].nic, NicLabel(number), groups_, g);
      }
      for (std::int32_t i = group.agents.begin; i < group.agents.end; ++i) {
        Between(plan_.group_agents[i], kMember, groups_, g);
      }
    }
  }

 private:
  void Along(Span route, Label label, Colours& owners, std::size_t owner) {
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
  Colours &resources_, &agents_, &flows_, &groups_;
  std::vector<EdgeHashes> edges_;  ///< by label
};

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
    std::vector<std::int32_t>
        order;  // flow classes as the agents own them, so that spans are contiguous
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

  // A route lists a resource as often as its weight, so weights are kept small: what all weights on
  // a resource share is divided out of them and of its capacity.
  void DivideByCommonFactors() {
    std::vector<std::int32_t> common(out_.resources.size(), 0);
    for (const RouteEntry& entry : out_.routes) {
      common[entry.resource] = std::gcd(common[entry.resource], entry.weight);
    }
    for (std::size_t r = 0; r < common.size(); ++r) {
      common[r] = std::max(common[r], 1);
      out_.resources[r].unit *= common[r];
      out_.resources[r].capacity = out_.resources[r].capacity / common[r];
    }
    for (RouteEntry& entry : out_.routes) {
      entry.weight /= common[entry.resource];
    }
  }

  const Plan& plan_;
  Classes resources_, agents_, flows_, groups_;
  Plan out_;
};

}  // namespace

Plan Fold(const Plan& plan, FoldStatistics* statistics) {
  CHECK(!plan.folded);
  Colouring colouring = Seeds(plan);
  Refinement refinement(plan, colouring);
  int rounds = 0;
  for (std::size_t classes = 0; classes < colouring.count(); ++rounds) {
    classes = colouring.count();
    refinement.Gather();
    colouring.Split();
  }
  Plan folded = Quotient(plan, colouring).Build();
  if (statistics != nullptr) {
    *statistics = {rounds, static_cast<std::int64_t>(folded.resources.size()),
                   static_cast<std::int64_t>(folded.agents.size()),
                   static_cast<std::int64_t>(folded.flows.size()),
                   static_cast<std::int64_t>(folded.groups.size())};
  }
  return folded;
}

Plan FoldedPlan(const std::vector<PlacedProgram>& placed, const Network& network) {
  return Fold(ExpandUnlike(placed, network));
}

}  // namespace gridlock
