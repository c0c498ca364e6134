#include "sim/plan/sample.h"

#include <algorithm>
#include <array>
#include <cmath>
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

  void Add(const Plan& plan, Span route, bool kept) {
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      const RouteEntry entry = plan.routes[i];
      if (all_[entry.resource] == 0) {
        touched_.push_back(entry.resource);
      }
      all_[entry.resource] += entry.weight;
      kept_[entry.resource] += kept ? entry.weight : 0;
    }
  }

  void Clear() {
    for (const std::int32_t r : touched_) {
      all_[r] = kept_[r] = 0;
    }
    touched_.clear();
  }

  [[nodiscard]] double all(std::int32_t resource) const { return all_[resource]; }

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

  // What the messages of each replica take, with all replicas sending at once.
  std::vector<double> Costs() {
    std::vector<double> costs(static_cast<std::size_t>(data_), 0.0);
    for (int stage = 0; stage < stages_; ++stage) {
      for (const int direction : {0, 1}) {
        ForEachFlow(stage, direction, [&](int, std::int32_t f) {
          kind_.Add(plan_, plan_.flows[f].route, false);
        });
        ForEachFlow(stage, direction, [&](int d, std::int32_t f) {
          const Span route = plan_.flows[f].route;
          double most = 0;
          for (std::int32_t i = route.begin; i < route.end; ++i) {
            const std::int32_t r = plan_.routes[i].resource;
            most = std::max(most, kind_.all(r) / plan_.resources[r].capacity.si());
          }
          costs[d] += most;
        });
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
      kind_.Add(plan_, AgentAt(stage, d).*route_of, weight_[d] > 0);
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

  void AddFlows() {
    for (int stage = 0; stage < stages_; ++stage) {
      for (const int direction : {0, 1}) {
        ForEachFlow(stage, direction, [&](int d, std::int32_t f) {
          kind_.Add(plan_, plan_.flows[f].route, weight_[d] > 0);
        });
        for (std::size_t k = 0; k < kept_.size(); ++k) {
          Span& sends = out_.agents[stage * kept_.size() + k].sends[direction];
          const Span flows = AgentAt(stage, kept_[k]).sends[direction];
          sends.begin = static_cast<std::int32_t>(out_.flows.size());
          for (std::int32_t f = flows.begin; f < flows.end; ++f) {
            Plan::Flow flow = plan_.flows[f];
            flow.source = KeptAgent(flow.source);
            flow.target = KeptAgent(flow.target);
            flow.members *= weight_[kept_[k]];
            flow.route = Write(flow.route);
            out_.flows.push_back(flow);
          }
          sends.end = static_cast<std::int32_t>(out_.flows.size());
        }
        kind_.Clear();
      }
    }
  }

  // Of a tier that only collectives cross all links stay, and where all replicas do.
  void CountTiers() {
    for (std::size_t r = 0; kept_.size() < weight_.size() && r < seen_.size(); ++r) {
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

  void AddFamily(FamilyIndex family) {
    std::vector<std::size_t> kept;
    std::int64_t members = 0;
    for (std::size_t g = 0; g < plan_.groups.size(); ++g) {
      if (plan_.groups[g].family == family) {
        members += plan_.groups[g].members;
        if (group_kept_[g]) {
          kept.push_back(g);
        }
      }
    }
    const std::size_t first = out_.groups.size();
    groups_of_.resize(out_.agents.size());
    for (std::size_t k = 0; k < kept.size(); ++k) {
      Plan::Group group = plan_.groups[kept[k]];
      group.members = Part(members, kept.size(), k);
      AddMembers(plan_.groups[kept[k]].agents, group);
      const Span lays = group.lays;
      group.lays.begin = static_cast<std::int32_t>(out_.lays.size());
      for (std::int32_t lay = lays.begin; lay < lays.end; ++lay) {
        out_.lays.push_back(plan_.lays[lay]);
      }
      group.lays.end = static_cast<std::int32_t>(out_.lays.size());
      out_.groups.push_back(group);
    }
    for (std::int32_t lay = 0; !kept.empty() && lay < LaysOf(kept.front()); ++lay) {
      for (const auto part : {&Plan::Lay::domain, &Plan::Lay::nic}) {
        for (std::size_t g = 0; g < plan_.groups.size(); ++g) {
          if (plan_.groups[g].family == family) {
            kind_.Add(plan_, plan_.lays[plan_.groups[g].lays.begin + lay].*part, group_kept_[g]);
          }
        }
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

  void AddMembers(Span agents, Plan::Group& group) {
    group.agents.begin = static_cast<std::int32_t>(out_.group_agents.size());
    for (std::int32_t i = agents.begin; i < agents.end; ++i) {
      const AgentIndex agent = plan_.group_agents[i];
      if (weight_[agent.value % data_] > 0) {
        out_.group_agents.push_back(KeptAgent(agent));
        groups_of_[KeptAgent(agent)].push_back(static_cast<std::int32_t>(out_.groups.size()));
      }
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
