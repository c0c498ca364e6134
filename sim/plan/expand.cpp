#include "sim/plan/expand.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "sim/plan/hops.h"
#include "sim/plan/rank_map.h"
#include "sim/plan/route_writer.h"

namespace gridlock {

namespace {

// Entries of an unfinished route beyond which equal resources are added up.
constexpr std::int32_t kRouteEntriesKept = 1 << 20;

class Expander {
 public:
  Expander(const PlacedProgram& placed, const Network& network, const LeftOut& left_out, Plan& plan)
      : program_(*placed.program),
        grid_(placed.program->grid),
        network_(network),
        hops_(network),
        ranks_(grid_, placed.placement, network),
        plan_(plan),
        write_(network, grid_.path, plan.routes, left_out.holds),
        left_out_(left_out),
        laid_(grid_.tensor / left_out.alike),
        job_(IndexOf<PlanJobIndex>(plan.jobs.size())),
        first_agent_(static_cast<std::int32_t>(plan.agents.size())),
        agent_of_(static_cast<std::size_t>(grid_.agents())) {}

  void Run() && {
    AddJob();
    std::iota(agent_of_.begin(), agent_of_.end(), first_agent_);
    if (left_out_.joins_idle && program_.passes.empty() && grid_.pipeline == 1) {
      AddIdleAgents();
    } else {
      write_.ForgetLoad();
      AddAgents();
      write_.ForgetLoad();
      AddFlows();
    }
    for (std::size_t family = 0; family < program_.families.size(); ++family) {
      write_.ForgetLoad();
      AddFamily({static_cast<std::int32_t>(family)});
    }
  }

 private:
  [[nodiscard]] AgentIndex AgentAt(int data, int stage) const {
    return {agent_of_[stage * grid_.data + data]};
  }

  // Calls `visit` with the ranks of an agent that are laid out, counted within the agent.
  template <typename F>
  void ForEachLaid(const F& visit) const {
    for (int local = 0; local < grid_.width(); ++local) {
      if (local % grid_.tensor < laid_) {
        visit(local);
      }
    }
  }

  /// The servers of a job are alike in how many accelerators they have; AddJob looks after the
  /// rest.
  [[nodiscard]] const ServerSpec& server() const {
    return network_.fabric(ranks_.sites().front()).site().server;
  }

  // Over several sites: what holds on all of them.
  void AddJob() {
    Plan::Job job;
    job.width = grid_.width();
    for (const SiteIndex site : ranks_.sites()) {
      const ServerSpec& server = network_.fabric(site).site().server;
      const AcceleratorSpec& chip = server.accelerator;
      const BytesPerSecond hbm = chip.hbm_bandwidth * chip.hbm_efficiency;
      // A card without links of its own sends over PCIe, one with links over both at most.
      const BytesPerSecond port = chip.scale_up_bandwidth + server.network.pcie.link;
      const BytesPerSecond nic =
          server.across_bandwidth() *
          (server.direct ? 1.0 : std::max(1.0, 1.0 * server.nics / server.accelerators));
      BytesPerSecond reserve = nic * (kRingHbmWeight + kSendHbmWeight);
      // Groups and messages inside a scale-up domain move at the ports' pace.
      if (server.accelerators > grid_.tensor || HasExchanges()) {
        reserve += port * (kRingHbmWeight + kSendHbmWeight);
      }
      const bool wide = grid_.tensor > server.domain();
      const BytesPerSecond tensor = wide ? hbm : port * kRingHbmWeight;
      const bool first = site == ranks_.sites().front();
      job.hbm_capacity = first ? hbm : std::min(job.hbm_capacity, hbm);
      job.hbm_reserve = std::max(job.hbm_reserve, reserve);
      job.tensor_hbm_rate = std::max(job.tensor_hbm_rate, tensor);
    }
    plan_.jobs.push_back(job);
  }

  void AddAgents() {
    for (int stage = 0; stage < grid_.pipeline; ++stage) {
      for (int data = 0; data < grid_.data; ++data) {
        Plan::Agent agent;
        agent.job = job_;
        agent.role = stage;
        const std::int32_t begin = write_.Mark();
        ForEachLaid([&](int local) {
          write_.Put(write_.Hbm(ranks_.At(local, data, stage)), 1);
        });
        agent.hbm = {begin, write_.Mark()};
        agent.tensor = TensorRoute(data, stage, agent.tensor_parts);
        agent.context = ContextRoute(data, stage);
        plan_.agents.push_back(agent);
      }
    }
  }

  // Ranks that run no passes and send no messages: one agent for those in the same groups.
  void AddIdleAgents() {
    std::fill(agent_of_.begin(), agent_of_.end(), 0);
    for (std::size_t f = 0; f < program_.families.size(); ++f) {
      if (AlgorithmsOf(IndexOf<FamilyIndex>(f)).empty()) {
        continue;
      }
      std::vector<std::int64_t> group_of(agent_of_.size(), -1);
      for (std::int64_t g = 0; g < program_.families[f].group_count(); ++g) {
        for (const RankIndex rank : program_.families[f].RanksOf(g)) {
          group_of[grid_.agent_of(rank)] = g;
        }
      }
      std::map<std::pair<std::int32_t, std::int64_t>, std::int32_t> parts;
      for (std::size_t a = 0; a < agent_of_.size(); ++a) {
        const auto next = static_cast<std::int32_t>(parts.size());
        agent_of_[a] = parts.try_emplace({agent_of_[a], group_of[a]}, next).first->second;
      }
    }
    for (std::int32_t& agent : agent_of_) {
      agent += first_agent_;
      if (agent == static_cast<std::int32_t>(plan_.agents.size())) {
        plan_.agents.emplace_back().job = job_;
        plan_.agents.back().members = 0;
      }
      ++plan_.agents[agent].members;
    }
  }

  // A group inside its domain is a ring there. A wider one runs a ring per member of a domain, each
  // through another NIC; inside the domains goes what the NICs of the other members carry.
  Span TensorRoute(int data, int stage, std::int32_t& parts) {
    const std::int32_t begin = write_.Mark();
    const int t = grid_.tensor;
    const int inside = std::min(t, server().domain());
    const bool wide = t > inside;
    if (t == 1) {
      return {begin, begin};
    }
    const bool whole = laid_ == t;
    if (whole && inside > 1) {
      std::vector<AcceleratorIndex> group(static_cast<std::size_t>(t));
      for (int first = 0; first < grid_.width(); first += t) {
        for (int i = 0; i < t; ++i) {
          group[i] = ranks_.At(first + i, data, stage);
        }
        write_.PutRings(group, wide ? inside - 1 : 1, begin, parts);
      }
    }
    ForEachLaid([&](int local) {
      const AcceleratorIndex a = ranks_.At(local, data, stage);
      if (wide) {
        const int first = local - local % t;  // of the tensor-parallel group of this context rank
        write_.PutRoute(a, ranks_.At(first + (local % t + inside) % t, data, stage), parts);
      }
      if (!whole && inside > 1) {
        write_.PutPorts(a, wide ? inside - 1 : 1);
      }
      write_.Put(write_.Hbm(a), (wide ? kRingHbmWeight * inside : kRingHbmWeight) * parts);
    });
    return write_.Close(begin);
  }

  // Keys and values go from each context rank to the next, all tensor ranks at once.
  Span ContextRoute(int data, int stage) {
    const std::int32_t begin = write_.Mark();
    if (grid_.context == 1) {
      return {begin, begin};
    }
    ForEachLaid([&](int local) {
      const AcceleratorIndex from = ranks_.At(local, data, stage);
      const AcceleratorIndex to = ranks_.At((local + grid_.tensor) % grid_.width(), data, stage);
      write_.PutRoute(from, to);
      write_.Put(write_.Hbm(from), kSendHbmWeight);
      write_.Put(write_.Hbm(to), kSendHbmWeight);
    });
    return write_.Close(begin);
  }

  void AddFlows() {
    const int p = grid_.pipeline;
    for (int stage = 0; stage < p; ++stage) {
      for (int data = 0; data < grid_.data; ++data) {
        Plan::Agent& agent = plan_.agents[AgentAt(data, stage)];
        for (const Direction direction : {Direction::kForward, Direction::kBackward}) {
          const int next = stage + (direction == Direction::kForward ? 1 : -1);
          const bool sends = p > 1 && (program_.message_ring || (next >= 0 && next < p));
          const auto begin = static_cast<std::int32_t>(plan_.flows.size());
          if (sends) {
            ForEachLaid([&](int local) {
              AddFlow(local, data, stage, (next + p) % p);
            });
          }
          agent.sends[static_cast<int>(direction)] = {
              begin, static_cast<std::int32_t>(plan_.flows.size())};
        }
      }
    }
  }

  void AddFlow(int t, int data, int stage, int target) {
    const AcceleratorIndex from = ranks_.At(t, data, stage);
    const AcceleratorIndex to = ranks_.At(t, data, target);
    const CollectiveFit& fit =
        network_.same_domain(from, to) ? server().scale_up : server().across();
    Plan::Flow flow;
    flow.members = left_out_.alike;
    flow.source = AgentAt(data, stage);
    flow.target = AgentAt(data, target);
    flow.efficiency = static_cast<float>(fit.send_efficiency);
    flow.latency =
        static_cast<float>((fit.base_latency + fit.step_latency + network_.Latency(from, to)).si());
    const std::int32_t begin = write_.Mark();
    write_.PutRoute(from, to);
    write_.Put(write_.Hbm(from), kSendHbmWeight);
    write_.Put(write_.Hbm(to), kSendHbmWeight);
    flow.route = write_.Close(begin);
    plan_.flows.push_back(flow);
  }

  // Some ranks exchange with ranks other than those of their agent, all pairs at once.
  [[nodiscard]] bool HasExchanges() const {
    return std::any_of(program_.collectives.begin(), program_.collectives.end(),
                       [this](const Collective& collective) {
                         return collective.algorithm == &kPairs &&
                                program_.families[collective.family.value].group_size() > 1;
                       });
  }

  // The algorithms that collectives of a family take, in the order of the program.
  [[nodiscard]] std::vector<const Algorithm*> AlgorithmsOf(FamilyIndex family) const {
    std::vector<const Algorithm*> algorithms;
    for (const Collective& collective : program_.collectives) {
      if (collective.family == family && std::find(algorithms.begin(), algorithms.end(),
                                                   collective.algorithm) == algorithms.end()) {
        algorithms.push_back(collective.algorithm);
      }
    }
    return algorithms;
  }

  void AddFamily(FamilyIndex index) {
    const std::vector<const Algorithm*> algorithms = AlgorithmsOf(index);
    const GroupFamily& family = program_.families[index.value];
    for (std::int64_t g = 0; !algorithms.empty() && g < family.group_count(); ++g) {
      const std::vector<RankIndex> ranks = family.RanksOf(g);
      if (ranks.front().value % grid_.tensor >= laid_) {
        continue;
      }
      Plan::Group group;
      group.job = job_;
      group.members = left_out_.alike;
      group.family = index;
      group.agents.begin = static_cast<std::int32_t>(plan_.group_agents.size());
      std::vector<AcceleratorIndex> members;
      for (const RankIndex rank : ranks) {
        plan_.group_agents.push_back({agent_of_[grid_.agent_of(rank)]});
        members.push_back(ranks_.At(rank));
      }
      const auto agents = plan_.group_agents.begin() + group.agents.begin;
      std::sort(agents, plan_.group_agents.end());
      plan_.group_agents.erase(std::unique(agents, plan_.group_agents.end()),
                               plan_.group_agents.end());
      group.agents.end = static_cast<std::int32_t>(plan_.group_agents.size());
      AddLays(members, algorithms, group);
      plan_.groups.push_back(group);
    }
  }

  void AddLays(const std::vector<AcceleratorIndex>& members,
               const std::vector<const Algorithm*>& algorithms, Plan::Group& group) {
    const std::vector<int> starts = write_.DomainStarts(members);
    const int domains = static_cast<int>(starts.size()) - 1;
    int fewest = static_cast<int>(members.size());
    for (int i = 0; i < domains; ++i) {
      fewest = std::min(fewest, starts[i + 1] - starts[i]);
    }
    group.shape = {static_cast<int>(members.size()), domains, fewest};
    AddFibres(members, group.shape);
    hops_.Add(members, starts, group.shape);
    if (std::all_of(algorithms.begin(), algorithms.end(), [](const Algorithm* algorithm) {
          return algorithm == &kNeighbours;
        })) {
      group.shape.wan_latency = hops_.FarthestNeighbour(members);
    }
    std::vector<LinkLoad> loads;
    group.shape.ring_steps = network_.AppendDirectRing(members, loads).steps;
    group.lays.begin = static_cast<std::int32_t>(plan_.lays.size());
    for (const Algorithm* algorithm : algorithms) {
      for (const PhaseShape& shape : algorithm->shapes(group.shape)) {
        Plan::Lay lay;
        lay.algorithm = algorithm;
        lay.domain = lay.nic = {write_.Mark(), write_.Mark()};
        if (!shape.over_ranks.empty()) {
          LayOverRanks(members, shape.over_ranks, lay);
        }
        if (!shape.over_domains.empty()) {
          LayOverDomains(members, starts, fewest, shape.over_domains, lay);
        }
        if (shape.ports) {
          LayRings(members, lay);
        }
        plan_.lays.push_back(lay);
      }
    }
    group.lays.end = static_cast<std::int32_t>(plan_.lays.size());
  }

  // Edges between single ranks: inside domains through ports, across them through NICs. All of them
  // are one transfer, for the group waits for its slowest edge. What all weights share becomes the
  // unit of the lay: a route lists a link as often as its weight, so small weights are short
  // routes.
  void LayOverRanks(const std::vector<AcceleratorIndex>& members, const Pattern& pattern,
                    Plan::Lay& lay) {
    for (const bool inside : {true, false}) {
      const std::int32_t begin = write_.Mark();
      std::int32_t full = begin + kRouteEntriesKept;
      pattern.edges(static_cast<int>(members.size()), pattern.step, [&](int from, int to) {
        if (network_.same_domain(members[from], members[to]) == inside) {
          write_.PutRoute(members[from], members[to]);
          write_.Put(write_.Hbm(members[from]), kSendHbmWeight);
          write_.Put(write_.Hbm(members[to]), kSendHbmWeight);
        }
        if (write_.Mark() > full) {  // millions of pairs cross thousands of links
          const std::int32_t end = write_.Close(begin).end;
          full = end + std::max(end - begin, kRouteEntriesKept);
        }
      });
      const Span route = write_.Close(begin);
      int common = 0;
      for (std::int32_t i = route.begin; i < route.end; ++i) {
        common = std::gcd(common, plan_.routes[i].weight);
      }
      for (std::int32_t i = route.begin; i < route.end; ++i) {
        plan_.routes[i].weight /= common;
      }
      (inside ? lay.domain : lay.nic) = route;
      (inside ? lay.domain_unit : lay.nic_unit) = std::max(common, 1);
    }
  }

  // The sites that a ring through these ranks crosses.
  void AddFibres(const std::vector<AcceleratorIndex>& ranks, GroupShape& shape) const {
    int crossings = 0;
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      const SiteIndex from = network_.site_of(ranks[i]);
      const SiteIndex to = network_.site_of(ranks[(i + 1) % ranks.size()]);
      if (from != to) {
        ++crossings;
        const Seconds one_way = network_.WanLatency(from, to);
        shape.wan_latency = std::max(shape.wan_latency, one_way);
      }
    }
    shape.sites = std::max(1, crossings);
  }

  bool LayDirectRing(const std::vector<AcceleratorIndex>& members, Plan::Lay& lay) {
    std::vector<LinkLoad> loads;
    const Topology::DirectRing ring = network_.AppendDirectRing(members, loads);
    if (ring.parts == 0) {
      return false;
    }
    const std::int32_t begin = write_.Mark();
    lay.nic_parts = ring.parts;
    for (const LinkLoad& load : loads) {
      write_.Put(load.link.value, load.weight);
    }
    for (const AcceleratorIndex a : members) {
      write_.Put(write_.Hbm(a), kRingHbmWeight * ring.parts);
    }
    lay.nic = write_.Close(begin);
    return true;
  }

  // Edges between domains, once for each of `copies` members of a domain; copy c leaves each domain
  // through the NIC of its member c. All chunks follow each other closely, so that every edge moves
  // at the pace of the slowest: all of it is one transfer.
  // Rings of a direct network go over all its dimensions at once where they can.
  void LayOverDomains(const std::vector<AcceleratorIndex>& members, const std::vector<int>& starts,
                      int copies, const Pattern& pattern, Plan::Lay& lay) {
    if (pattern.edges == RingEdges && LayDirectRing(members, lay)) {
      return;
    }
    const std::int32_t begin = write_.Mark();
    pattern.edges(static_cast<int>(starts.size()) - 1, pattern.step, [&](int from, int to) {
      for (int c = 0; c < copies; ++c) {
        const AcceleratorIndex sender = members[starts[from] + c];
        write_.PutRoute(sender, members[starts[to] + c]);
        write_.Put(write_.Hbm(sender), kRingHbmWeight);
      }
    });
    lay.nic = write_.Close(begin);
  }

  // Rings inside the domains.
  void LayRings(const std::vector<AcceleratorIndex>& ranks, Plan::Lay& lay) {
    const std::int32_t begin = write_.Mark();
    write_.PutRings(ranks, 1, begin, lay.domain_parts);
    for (const AcceleratorIndex a : ranks) {
      write_.Put(write_.Hbm(a), kRingHbmWeight * lay.domain_parts);
    }
    lay.domain = write_.Close(begin);
  }

  const StepProgram& program_;
  const RankGrid& grid_;
  const Network& network_;
  const SwitchHops hops_;
  RankMap ranks_;
  Plan& plan_;
  RouteWriter write_;
  LeftOut left_out_;
  int laid_;  ///< ranks of a tensor-parallel group that are laid out, its first ones
  PlanJobIndex job_;
  std::int32_t first_agent_;
  std::vector<std::int32_t> agent_of_;  ///< in the plan, by RankGrid::agent_of
};

}  // namespace

void ExpandJob(const PlacedProgram& placed, const Network& network, const LeftOut& left_out,
               Plan& plan) {
  Expander(placed, network, left_out, plan).Run();
}

}  // namespace gridlock
