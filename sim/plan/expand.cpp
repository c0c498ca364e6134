#include "sim/plan/expand.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/plan/rank_map.h"

namespace gridlock {

namespace {

// HBM bytes per byte that a ring puts on the wire: a rank reads its own part and the received one
// and writes the sum (gathers: reads what it forwards, writes what it receives; counted alike).
constexpr std::int32_t kRingHbmWeight = 3;
// A message is read once where it is sent and written once where it arrives.
constexpr std::int32_t kSendHbmWeight = 1;

// Entries of an unfinished route beyond which equal resources are added up.
constexpr std::int32_t kRouteEntriesKept = 1 << 20;

class Expander {
 public:
  Expander(const PlacedProgram& placed, const Network& network, const LeftOut& left_out, Plan& plan)
      : program_(*placed.program),
        grid_(placed.program->grid),
        network_(network),
        ranks_(grid_, placed.placement, network),
        plan_(plan),
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
      ForgetLoad();
      AddAgents();
      ForgetLoad();
      AddFlows();
    }
    for (std::size_t family = 0; family < program_.families.size(); ++family) {
      ForgetLoad();
      AddFamily({static_cast<std::int32_t>(family)});
    }
  }

 private:
  [[nodiscard]] std::int32_t Hbm(AcceleratorIndex a) const { return network_.links() + a.value; }

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

  // Closes the route that was appended since `begin`: equal resources become one entry with a
  // weight.
  Span Close(std::int32_t begin) {
    auto& routes = plan_.routes;
    std::sort(routes.begin() + begin, routes.end(), [](const RouteEntry& a, const RouteEntry& b) {
      return a.resource < b.resource;
    });
    auto last = routes.begin() + begin;
    for (auto entry = last; entry != routes.end(); ++entry) {
      if (last != routes.begin() + begin && (last - 1)->resource == entry->resource) {
        (last - 1)->weight = Sum((last - 1)->weight, entry->weight);
      } else {
        *last++ = *entry;
      }
    }
    routes.erase(last, routes.end());
    return {begin, static_cast<std::int32_t>(routes.size())};
  }

  [[nodiscard]] std::int32_t Mark() const { return static_cast<std::int32_t>(plan_.routes.size()); }

  // A weight of whole flows, which count in parts of the ways that they take and of queue pairs.
  void Put(std::int32_t resource, std::int32_t weight) {
    plan_.routes.push_back({resource, weight * network_.parts() * network_.queue_pairs()});
  }

  // Weights count parts of flows.
  [[nodiscard]] std::int32_t Sum(std::int32_t a, std::int32_t b) const {
    if (a > std::numeric_limits<std::int32_t>::max() - b) {
      throw UserError(
          grid_.path,
          fmt::format("more parts of flows cross a link than can be counted, {} of each "
                      "flow; expected fewer ranks, or routing ECMP",
                      network_.parts()));
    }
    return a + b;
  }

  // Routes that adapt look at what is under way at the same time: the collectives of one family, or
  // the messages between stages.
  void ForgetLoad() {
    if (network_.adapts()) {
      load_.assign(static_cast<std::size_t>(network_.links()), 0.0);
    }
  }

  // The part of a ring that is one rank's, where a switch joins the ranks.
  void PutPorts(AcceleratorIndex a, std::int32_t weight) {
    loads_.clear();
    CHECK(network_.AppendRing(std::span(&a, 1), loads_) == 1);
    for (const LinkLoad& load : loads_) {
      Put(load.link.value, load.weight * weight);
    }
  }

  // Rings inside the scale-up domains of `ranks` (which rise), each link with `each` times its
  // weight. All that was put since `begin` then counts in the same parts: `parts`, a common
  // multiple of what the rings split their bytes into.
  void PutRings(const std::vector<AcceleratorIndex>& ranks, std::int32_t each, std::int32_t begin,
                std::int32_t& parts) {
    const std::vector<int> starts = DomainStarts(ranks);
    for (std::size_t d = 0; d + 1 < starts.size(); ++d) {
      loads_.clear();
      const std::int32_t own = network_.AppendRing(
          std::span(ranks).subspan(starts[d], starts[d + 1] - starts[d]), loads_);
      const std::int32_t common = std::lcm(parts, own);
      for (std::int32_t i = begin; common > parts && i < Mark(); ++i) {
        plan_.routes[i].weight *= common / parts;
      }
      parts = common;
      for (const LinkLoad& load : loads_) {
        Put(load.link.value, load.weight * each * (parts / own));
      }
    }
  }

  void CheckReached(bool reached, AcceleratorIndex from, AcceleratorIndex to) const {
    if (!reached) {
      throw UserError(network_.fabric(network_.site_of(from)).site().path + ".failed",
                      fmt::format("no way is left from accelerator {} to {}; expected failures "
                                  "that leave one",
                                  from.value, to.value));
    }
  }

  void PutRoute(AcceleratorIndex from, AcceleratorIndex to, std::int32_t weight = 1) {
    if (network_.parts() > 1 || network_.adapts()) {
      return PutShares(from, to, weight);
    }
    links_.clear();
    bool reached = true;
    for (int pair = 0; pair < network_.queue_pairs() && reached; ++pair) {
      reached = network_.AppendRoute(from, to, links_, static_cast<std::uint64_t>(pair));
    }
    CheckReached(reached, from, to);
    for (const LinkIndex link : links_) {
      plan_.routes.push_back({link.value, weight});
    }
  }

  void PutShares(AcceleratorIndex from, AcceleratorIndex to, std::int32_t weight) {
    shares_.clear();
    CheckReached(network_.AppendShares(from, to, load_, shares_), from, to);
    for (const LinkShare& share : shares_) {
      plan_.routes.push_back({share.link.value, share.parts * weight * network_.queue_pairs()});
      if (network_.adapts()) {
        load_[share.link.value] += weight * static_cast<double>(share.parts) / network_.parts();
      }
    }
  }

  void AddAgents() {
    for (int stage = 0; stage < grid_.pipeline; ++stage) {
      for (int data = 0; data < grid_.data; ++data) {
        Plan::Agent agent;
        agent.job = job_;
        agent.role = stage;
        const std::int32_t begin = Mark();
        ForEachLaid([&](int local) {
          Put(Hbm(ranks_.At(local, data, stage)), 1);
        });
        agent.hbm = {begin, Mark()};
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
    const std::int32_t begin = Mark();
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
        PutRings(group, wide ? inside - 1 : 1, begin, parts);
      }
    }
    ForEachLaid([&](int local) {
      const AcceleratorIndex a = ranks_.At(local, data, stage);
      if (wide) {
        const int first = local - local % t;  // of the tensor-parallel group of this context rank
        PutRoute(a, ranks_.At(first + (local % t + inside) % t, data, stage), parts);
      }
      if (!whole && inside > 1) {
        PutPorts(a, wide ? inside - 1 : 1);
      }
      Put(Hbm(a), (wide ? kRingHbmWeight * inside : kRingHbmWeight) * parts);
    });
    return Close(begin);
  }

  // Keys and values go from each context rank to the next, all tensor ranks at once.
  Span ContextRoute(int data, int stage) {
    const std::int32_t begin = Mark();
    if (grid_.context == 1) {
      return {begin, begin};
    }
    ForEachLaid([&](int local) {
      const AcceleratorIndex from = ranks_.At(local, data, stage);
      const AcceleratorIndex to = ranks_.At((local + grid_.tensor) % grid_.width(), data, stage);
      PutRoute(from, to);
      Put(Hbm(from), kSendHbmWeight);
      Put(Hbm(to), kSendHbmWeight);
    });
    return Close(begin);
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
    const std::int32_t begin = Mark();
    PutRoute(from, to);
    Put(Hbm(from), kSendHbmWeight);
    Put(Hbm(to), kSendHbmWeight);
    flow.route = Close(begin);
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
    const std::vector<int> starts = DomainStarts(members);
    const int domains = static_cast<int>(starts.size()) - 1;
    int fewest = static_cast<int>(members.size());
    for (int i = 0; i < domains; ++i) {
      fewest = std::min(fewest, starts[i + 1] - starts[i]);
    }
    group.shape = {static_cast<int>(members.size()), domains, fewest};
    AddFibres(members, group.shape);
    loads_.clear();
    group.shape.ring_steps = network_.AppendDirectRing(members, loads_).steps;
    group.lays.begin = static_cast<std::int32_t>(plan_.lays.size());
    for (const Algorithm* algorithm : algorithms) {
      for (const PhaseShape& shape : algorithm->shapes(group.shape)) {
        Plan::Lay lay;
        lay.algorithm = algorithm;
        lay.domain = lay.nic = {Mark(), Mark()};
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
      const std::int32_t begin = Mark();
      std::int32_t full = begin + kRouteEntriesKept;
      pattern.edges(static_cast<int>(members.size()), pattern.step, [&](int from, int to) {
        if (network_.same_domain(members[from], members[to]) == inside) {
          PutRoute(members[from], members[to]);
          Put(Hbm(members[from]), kSendHbmWeight);
          Put(Hbm(members[to]), kSendHbmWeight);
        }
        if (Mark() > full) {  // millions of pairs cross thousands of links
          const std::int32_t end = Close(begin).end;
          full = end + std::max(end - begin, kRouteEntriesKept);
        }
      });
      const Span route = Close(begin);
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
        const Seconds one_way = network_.wan(network_.wan_between(from, to)).latency;
        shape.wan_latency = std::max(shape.wan_latency, one_way);
      }
    }
    shape.sites = std::max(1, crossings);
  }

  // Where each scale-up domain begins in the list of ranks (which rises), and the end.
  [[nodiscard]] std::vector<int> DomainStarts(const std::vector<AcceleratorIndex>& ranks) const {
    std::vector<int> starts{0};
    for (std::size_t i = 1; i < ranks.size(); ++i) {
      if (!network_.same_domain(ranks[i - 1], ranks[i])) {
        starts.push_back(static_cast<int>(i));
      }
    }
    starts.push_back(static_cast<int>(ranks.size()));
    return starts;
  }

  // Edges between domains, once for each of `copies` members of a domain; copy c leaves each domain
  // through the NIC of its member c. All chunks follow each other closely, so that every edge moves
  // at the pace of the slowest: all of it is one transfer.
  // Rings of a direct network go over all its dimensions at once where they can.
  void LayOverDomains(const std::vector<AcceleratorIndex>& members, const std::vector<int>& starts,
                      int copies, const Pattern& pattern, Plan::Lay& lay) {
    const std::int32_t begin = Mark();
    loads_.clear();
    const Topology::DirectRing ring = pattern.edges == RingEdges
                                          ? network_.AppendDirectRing(members, loads_)
                                          : Topology::DirectRing{};
    if (ring.parts > 0) {
      lay.nic_parts = ring.parts;
      for (const LinkLoad& load : loads_) {
        Put(load.link.value, load.weight);
      }
      for (const AcceleratorIndex a : members) {
        Put(Hbm(a), kRingHbmWeight * ring.parts);
      }
      lay.nic = Close(begin);
      return;
    }
    pattern.edges(static_cast<int>(starts.size()) - 1, pattern.step, [&](int from, int to) {
      for (int c = 0; c < copies; ++c) {
        const AcceleratorIndex sender = members[starts[from] + c];
        PutRoute(sender, members[starts[to] + c]);
        Put(Hbm(sender), kRingHbmWeight);
      }
    });
    lay.nic = Close(begin);
  }

  // Rings inside the domains.
  void LayRings(const std::vector<AcceleratorIndex>& ranks, Plan::Lay& lay) {
    const std::int32_t begin = Mark();
    PutRings(ranks, 1, begin, lay.domain_parts);
    for (const AcceleratorIndex a : ranks) {
      Put(Hbm(a), kRingHbmWeight * lay.domain_parts);
    }
    lay.domain = Close(begin);
  }

  const StepProgram& program_;
  const RankGrid& grid_;
  const Network& network_;
  RankMap ranks_;
  Plan& plan_;
  LeftOut left_out_;
  int laid_;  ///< ranks of a tensor-parallel group that are laid out, its first ones
  PlanJobIndex job_;
  std::int32_t first_agent_;
  std::vector<std::int32_t> agent_of_;  ///< in the plan, by RankGrid::agent_of
  std::vector<LinkIndex> links_;
  std::vector<LinkShare> shares_;
  std::vector<double> load_;  ///< by link, in flows; empty where no route adapts
  std::vector<LinkLoad> loads_;
};

}  // namespace

void ExpandJob(const PlacedProgram& placed, const Network& network, const LeftOut& left_out,
               Plan& plan) {
  Expander(placed, network, left_out, plan).Run();
}

}  // namespace gridlock
