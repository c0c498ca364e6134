#include "sim/plan/sample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// Of the weights of a resource the largest is about as many, so that routes stay short.
constexpr double kWeightMost = 16;

// Weights of routes before they are rounded.
struct Entry {
  std::int32_t resource = 0;
  double weight = 1;
};

// Routes of one kind: those of the same part of the program, which run at the same time.
class Kind {
 public:
  explicit Kind(std::size_t resources) : all_(resources, 0.0), kept_(resources, 0.0) {}

  void Add(const Plan& plan, Span route) {
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      const RouteEntry entry = plan.routes[i];
      if (all_[entry.resource] == 0) {
        touched_.push_back(entry.resource);
      }
      all_[entry.resource] += entry.weight;
    }
  }

  /// Of a route that was added.
  void Keep(const Plan& plan, Span route) {
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      kept_[plan.routes[i].resource] += plan.routes[i].weight;
    }
  }

  /// Seconds per byte of a route, on its fullest link, when all of the kind move at once.
  [[nodiscard]] double CostOf(const Plan& plan, Span route) const {
    double most = 0;
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      const std::int32_t r = plan.routes[i].resource;
      most = std::max(most, all_[r] / plan.resources[r].capacity.si());
    }
    return most;
  }

  void Clear() {
    for (const std::int32_t r : touched_) {
      all_[r] = kept_[r] = 0;
    }
    touched_.clear();
  }

  /// What a kept route stands for on a resource.
  [[nodiscard]] double times(std::int32_t resource) const {
    return kept_[resource] > 0 ? all_[resource] / kept_[resource] : 1;
  }

 private:
  std::vector<double> all_, kept_;  ///< by resource
  std::vector<std::int32_t> touched_;
};

class Sampler {
 public:
  Sampler(const Plan& plan, int data, int stages, int replicas)
      : plan_(plan),
        data_(data),
        stages_(stages),
        kind_(plan.resources.size()),
        seen_(plan.resources.size(), false) {
    CHECK(plan.jobs.size() == 1 && replicas >= 2 && replicas <= data);
    CHECK(plan.agents.size() == static_cast<std::size_t>(data) * stages);
    Choose(replicas);
    for (const Plan::Group& group : plan.groups) {
      group_kept_.push_back(std::any_of(plan.group_agents.begin() + group.agents.begin,
                                        plan.group_agents.begin() + group.agents.end,
                                        [this](AgentIndex agent) {
                                          return weight_[agent.value % data_] > 0;
                                        }));
    }
  }

  Plan Build() && {
    out_.tiers = plan_.tiers;
    out_.jobs = plan_.jobs;
    out_.folded = true;
    AddAgents();
    AddFlows();
    AddGroups();
    NumberResources();
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool SomeAreLeftOut() const { return kept_.size() < weight_.size(); }

  static std::int32_t Count(Span span) { return span.end - span.begin; }

  [[nodiscard]] const Plan::Agent& AgentAt(int stage, int replica) const {
    return plan_.agents[static_cast<std::size_t>(stage) * data_ + replica];
  }

  // The place of a kept agent in the sample.
  [[nodiscard]] AgentIndex KeptAgent(AgentIndex agent) const {
    const auto stage = agent.value / data_;
    return {stage * static_cast<std::int32_t>(kept_.size()) + place_[agent.value % data_]};
  }

  // Calls `visit` with the flows of a stage in one direction.
  template <typename F>
  void ForEachFlow(int stage, int direction, const F& visit) const {
    for (int d = 0; d < data_; ++d) {
      const Span flows = AgentAt(stage, d).sends[direction];
      for (std::int32_t f = flows.begin; f < flows.end; ++f) {
        visit(d, f);
      }
    }
  }

  // A message is there when the slowest of its flows is.
  [[nodiscard]] std::int32_t SlowestOf(Span flows) const {
    std::int32_t slowest = flows.begin;
    double most = -1;
    for (std::int32_t f = flows.begin; f < flows.end; ++f) {
      const double cost = kind_.CostOf(plan_, plan_.flows[f].route);
      if (cost > most) {
        most = cost;
        slowest = f;
      }
    }
    return slowest;
  }

  // The longest of the flows of a message.
  [[nodiscard]] float LatencyOf(Span flows) const {
    float longest = 0;
    for (std::int32_t f = flows.begin; f < flows.end; ++f) {
      longest = std::max(longest, plan_.flows[f].latency);
    }
    return longest;
  }

  // What the messages of each replica take, with all replicas sending at once.
  std::vector<double> Costs() {
    std::vector<double> costs(static_cast<std::size_t>(data_), 0.0);
    for (int stage = 0; stage < stages_; ++stage) {
      for (const int direction : {0, 1}) {
        ForEachFlow(stage, direction, [&](int, std::int32_t f) {
          kind_.Add(plan_, plan_.flows[f].route);
        });
        for (int d = 0; d < data_; ++d) {
          const Span flows = AgentAt(stage, d).sends[direction];
          costs[d] += flows.empty() ? 0 : kind_.CostOf(plan_, plan_.flows[SlowestOf(flows)].route);
        }
        kind_.Clear();
      }
    }
    return costs;
  }

  // The middle one of each stratum, and of the last the slowest.
  void Choose(int replicas) {
    const std::vector<double> costs = Costs();
    std::vector<int> order(static_cast<std::size_t>(data_));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      return costs[a] < costs[b];
    });
    weight_.assign(order.size(), 0);
    place_.assign(order.size(), -1);
    for (int s = 0; s < replicas; ++s) {
      const int begin = static_cast<int>(std::int64_t{s} * data_ / replicas);
      const int end = static_cast<int>(std::int64_t{s + 1} * data_ / replicas);
      weight_[order[s + 1 == replicas ? data_ - 1 : (begin + end) / 2]] = end - begin;
    }
    for (int d = 0; d < data_; ++d) {
      if (weight_[d] > 0) {
        place_[d] = static_cast<std::int32_t>(kept_.size());
        kept_.push_back(d);
      }
    }
  }

  // A route of the sample, with what it stands for.
  Span Write(Span route) {
    const auto begin = static_cast<std::int32_t>(entries_.size());
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      const RouteEntry entry = plan_.routes[i];
      entries_.push_back({entry.resource, entry.weight * kind_.times(entry.resource)});
      seen_[entry.resource] = true;
    }
    return {begin, static_cast<std::int32_t>(entries_.size())};
  }

  // The route of a kind that each agent of a stage has.
  template <typename RouteOf>
  void WriteOfStage(int stage, const RouteOf& route_of) {
    for (int d = 0; d < data_; ++d) {
      kind_.Add(plan_, AgentAt(stage, d).*route_of);
    }
    for (const int d : kept_) {
      kind_.Keep(plan_, AgentAt(stage, d).*route_of);
    }
    for (std::size_t k = 0; k < kept_.size(); ++k) {
      out_.agents[stage * kept_.size() + k].*route_of = Write(AgentAt(stage, kept_[k]).*route_of);
    }
    kind_.Clear();
  }

  void AddAgents() {
    for (int stage = 0; stage < stages_; ++stage) {
      for (const int d : kept_) {
        Plan::Agent agent = AgentAt(stage, d);
        agent.members *= weight_[d];
        agent.groups = {};
        out_.agents.push_back(agent);
      }
      WriteOfStage(stage, &Plan::Agent::hbm);
      WriteOfStage(stage, &Plan::Agent::tensor);
      WriteOfStage(stage, &Plan::Agent::context);
    }
  }

  // Of each message the slowest flow, or all of them where all replicas are kept.
  void AddMessages(int stage, int direction) {
    std::vector<Span> sent;  // by kept replica
    for (const int d : kept_) {
      Span flows = AgentAt(stage, d).sends[direction];
      if (!flows.empty() && SomeAreLeftOut()) {
        flows.begin = SlowestOf(flows);
        flows.end = flows.begin + 1;
      }
      for (std::int32_t f = flows.begin; f < flows.end; ++f) {
        kind_.Keep(plan_, plan_.flows[f].route);
      }
      sent.push_back(flows);
    }
    for (std::size_t k = 0; k < kept_.size(); ++k) {
      Span& sends = out_.agents[stage * kept_.size() + k].sends[direction];
      const Span all = AgentAt(stage, kept_[k]).sends[direction];
      const std::int32_t each = sent[k].empty() ? 1 : (all.end - all.begin) / Count(sent[k]);
      sends.begin = static_cast<std::int32_t>(out_.flows.size());
      for (std::int32_t f = sent[k].begin; f < sent[k].end; ++f) {
        Plan::Flow flow = plan_.flows[f];
        flow.latency = SomeAreLeftOut() ? LatencyOf(all) : flow.latency;
        flow.source = KeptAgent(flow.source);
        flow.target = KeptAgent(flow.target);
        flow.members *= weight_[kept_[k]] * each;
        flow.route = Write(flow.route);
        out_.flows.push_back(flow);
      }
      sends.end = static_cast<std::int32_t>(out_.flows.size());
    }
  }

  void AddFlows() {
    for (int stage = 0; stage < stages_; ++stage) {
      for (const int direction : {0, 1}) {
        ForEachFlow(stage, direction, [&](int, std::int32_t f) {
          kind_.Add(plan_, plan_.flows[f].route);
        });
        AddMessages(stage, direction);
        kind_.Clear();
      }
    }
  }

  // Of a tier that only collectives cross all links stay, and where all replicas do.
  void CountTiers() {
    for (std::size_t r = 0; SomeAreLeftOut() && r < seen_.size(); ++r) {
      tier_seen_[plan_.resources[r].tier.value] |= seen_[r];
    }
  }

  // A collective crosses the links of all replicas. Those of kept ones stay, and the one that
  // paces.
  Span WriteLay(Span route) {
    const auto begin = static_cast<std::int32_t>(entries_.size());
    Entry slowest{-1, 0};
    double most = 0;
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      const std::int32_t r = plan_.routes[i].resource;
      const Entry entry{r, plan_.routes[i].weight * kind_.times(r)};
      const double load = entry.weight / plan_.resources[r].capacity.si();
      if (load > most) {
        most = load;
        slowest = entry;
      }
      if (seen_[r] || !tier_seen_[plan_.resources[r].tier.value]) {
        entries_.push_back(entry);
      }
    }
    if (slowest.resource >= 0 && !seen_[slowest.resource] &&
        tier_seen_[plan_.resources[slowest.resource].tier.value]) {
      entries_.push_back(slowest);
    }
    return {begin, static_cast<std::int32_t>(entries_.size())};
  }

  void AddGroups() {
    CountTiers();
    std::set<std::int32_t> families;
    for (const Plan::Group& group : plan_.groups) {
      families.insert(group.family.value);
    }
    for (const std::int32_t family : families) {
      AddFamily({family});
    }
    for (std::size_t a = 0; a < out_.agents.size(); ++a) {
      out_.agents[a].groups.begin = static_cast<std::int32_t>(out_.agent_groups.size());
      out_.agent_groups.insert(out_.agent_groups.end(), groups_of_[a].begin(), groups_of_[a].end());
      out_.agents[a].groups.end = static_cast<std::int32_t>(out_.agent_groups.size());
    }
  }

  // Calls `visit` with a lay's route in each group of a family.
  template <typename F>
  void ForEachRoute(FamilyIndex family, std::int32_t lay, Span Plan::Lay::*part,
                    const F& visit) const {
    for (std::size_t g = 0; g < plan_.groups.size(); ++g) {
      if (plan_.groups[g].family == family) {
        visit(g, plan_.lays[plan_.groups[g].lays.begin + lay].*part);
      }
    }
  }

  // Groups of a family with kept agents. Of those of the same agents, which wait for each other,
  // the slowest, unless all replicas are kept.
  std::vector<std::size_t> GroupsKept(FamilyIndex family) {
    std::vector<std::size_t> touched;
    for (std::size_t g = 0; g < plan_.groups.size(); ++g) {
      if (plan_.groups[g].family == family && group_kept_[g]) {
        touched.push_back(g);
      }
    }
    if (!SomeAreLeftOut() || touched.empty()) {
      return touched;
    }
    std::vector<double> costs(plan_.groups.size(), 0.0);
    for (std::int32_t lay = 0; lay < LaysOf(touched.front()); ++lay) {
      for (const auto part : {&Plan::Lay::domain, &Plan::Lay::nic}) {
        ForEachRoute(family, lay, part, [this](std::size_t, Span route) {
          kind_.Add(plan_, route);
        });
        ForEachRoute(family, lay, part, [this, &costs](std::size_t g, Span route) {
          costs[g] += group_kept_[g] ? kind_.CostOf(plan_, route) : 0;
        });
        kind_.Clear();
      }
    }
    std::map<std::vector<AgentIndex>, std::size_t> slowest;
    for (const std::size_t g : touched) {
      const auto found = slowest.try_emplace(AgentsKept(g), g).first;
      found->second = costs[g] > costs[found->second] ? g : found->second;
    }
    std::vector<std::size_t> kept;
    for (const auto& [agents, group] : slowest) {
      kept.push_back(group);
    }
    std::sort(kept.begin(), kept.end());
    return kept;
  }

  void AddFamily(FamilyIndex family) {
    const std::vector<std::size_t> kept = GroupsKept(family);
    std::vector<bool> is_kept(plan_.groups.size(), false);
    std::int64_t members = 0;
    for (const Plan::Group& group : plan_.groups) {
      members += group.family == family ? group.members : 0;
    }
    const std::size_t first = out_.groups.size();
    groups_of_.resize(out_.agents.size());
    for (std::size_t k = 0; k < kept.size(); ++k) {
      is_kept[kept[k]] = true;
      Plan::Group group = plan_.groups[kept[k]];
      group.members = Part(members, kept.size(), k);
      AddMembers(kept[k], group);
      const Span lays = group.lays;
      group.lays.begin = static_cast<std::int32_t>(out_.lays.size());
      out_.lays.insert(out_.lays.end(), plan_.lays.begin() + lays.begin,
                       plan_.lays.begin() + lays.end);
      group.lays.end = static_cast<std::int32_t>(out_.lays.size());
      out_.groups.push_back(group);
    }
    for (std::int32_t lay = 0; !kept.empty() && lay < LaysOf(kept.front()); ++lay) {
      for (const auto part : {&Plan::Lay::domain, &Plan::Lay::nic}) {
        ForEachRoute(family, lay, part, [&](std::size_t g, Span route) {
          kind_.Add(plan_, route);
          if (is_kept[g]) {
            kind_.Keep(plan_, route);
          }
        });
        for (std::size_t k = 0; k < kept.size(); ++k) {
          out_.lays[out_.groups[first + k].lays.begin + lay].*part =
              WriteLay(plan_.lays[plan_.groups[kept[k]].lays.begin + lay].*part);
        }
        kind_.Clear();
      }
    }
  }

  [[nodiscard]] std::int32_t LaysOf(std::size_t group) const {
    return plan_.groups[group].lays.end - plan_.groups[group].lays.begin;
  }

  // The kept agents of a group, as the sample numbers them.
  [[nodiscard]] std::vector<AgentIndex> AgentsKept(std::size_t group) const {
    std::vector<AgentIndex> kept;
    const Span agents = plan_.groups[group].agents;
    for (std::int32_t i = agents.begin; i < agents.end; ++i) {
      const AgentIndex agent = plan_.group_agents[i];
      if (weight_[agent.value % data_] > 0) {
        kept.push_back(KeptAgent(agent));
      }
    }
    return kept;
  }

  void AddMembers(std::size_t from, Plan::Group& group) {
    group.agents.begin = static_cast<std::int32_t>(out_.group_agents.size());
    for (const AgentIndex agent : AgentsKept(from)) {
      out_.group_agents.push_back(agent);
      groups_of_[agent].push_back(static_cast<std::int32_t>(out_.groups.size()));
    }
    group.agents.end = static_cast<std::int32_t>(out_.group_agents.size());
  }

  // The k-th of `count` parts of a whole, as even as whole numbers can be.
  static std::int64_t Part(std::int64_t whole, std::size_t count, std::size_t k) {
    const auto parts = static_cast<std::int64_t>(count);
    return whole / parts + (static_cast<std::int64_t>(k) < whole % parts ? 1 : 0);
  }

  // What the sample crosses, and weights that are whole and small.
  void NumberResources() {
    std::vector<double> most(plan_.resources.size(), 0.0);
    for (const Entry& entry : entries_) {
      most[entry.resource] = std::max(most[entry.resource], entry.weight);
    }
    std::array<std::int64_t, TierTable::kMost> members{}, count{}, next{};
    for (std::size_t r = 0; r < most.size(); ++r) {
      members[plan_.resources[r].tier.value] += plan_.resources[r].members;
      count[plan_.resources[r].tier.value] += most[r] > 0 ? 1 : 0;
    }
    std::vector<std::int32_t> number(most.size(), -1);
    std::vector<double> unit(most.size(), 1.0);
    for (std::size_t r = 0; r < most.size(); ++r) {
      if (most[r] > 0) {
        const int tier = plan_.resources[r].tier.value;
        Plan::Resource resource = plan_.resources[r];
        unit[r] = std::max(1.0, most[r] / kWeightMost);
        resource.unit *= unit[r];
        resource.capacity = resource.capacity / unit[r];
        resource.members = Part(members[tier], static_cast<std::size_t>(count[tier]),
                                static_cast<std::size_t>(next[tier]++));
        number[r] = static_cast<std::int32_t>(out_.resources.size());
        out_.resources.push_back(resource);
      }
    }
    for (const Entry& entry : entries_) {
      const double weight = std::max(1.0, std::round(entry.weight / unit[entry.resource]));
      out_.routes.push_back({number[entry.resource], static_cast<std::int32_t>(weight)});
    }
  }

  const Plan& plan_;
  int data_, stages_;
  Plan out_;
  Kind kind_;
  std::vector<Entry> entries_;  ///< the routes of the sample
  std::vector<bool> seen_;      ///< by resource: some agent or message of the sample is there
  std::array<bool, TierTable::kMost> tier_seen_{};
  std::vector<int> kept_;             ///< replicas, rising
  std::vector<std::int64_t> weight_;  ///< by replica: how many it stands for; 0: left out
  std::vector<std::int32_t> place_;   ///< by replica: in kept_
  std::vector<bool> group_kept_;      ///< by group
  std::vector<std::vector<std::int32_t>> groups_of_;  ///< by agent of the sample
};

}  // namespace

Plan SamplePlan(const Plan& plan, const RankGrid& grid, int replicas) {
  return Sampler(plan, grid.data, grid.pipeline, replicas).Build();
}

}  // namespace gridlock
