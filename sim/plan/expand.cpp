#include "sim/plan/expand.h"

#include <algorithm>
#include <numeric>

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
  Expander(const PlacedProgram& placed, const Network& network, Plan& plan)
      : program_(*placed.program),
        grid_(placed.program->grid),
        network_(network),
        ranks_(grid_, placed.placement, network),
        plan_(plan),
        job_(IndexOf<PlanJobIndex>(plan.jobs.size())),
        first_agent_(static_cast<std::int32_t>(plan.agents.size())) {}

  void Run() && {
    AddJob();
    AddAgents();
    AddFlows();
    for (std::size_t family = 0; family < program_.families.size(); ++family) {
      AddFamily({static_cast<std::int32_t>(family)});
    }
  }

 private:
  [[nodiscard]] std::int32_t Hbm(AcceleratorIndex a) const { return network_.links() + a.value; }

  [[nodiscard]] AgentIndex AgentAt(int data, int stage) const {
    return {first_agent_ + stage * grid_.data + data};
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
      const BytesPerSecond port = chip.scale_up_bandwidth;
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
        (last - 1)->weight += entry->weight;
      } else {
        *last++ = *entry;
      }
    }
    routes.erase(last, routes.end());
    return {begin, static_cast<std::int32_t>(routes.size())};
  }

  [[nodiscard]] std::int32_t Mark() const { return static_cast<std::int32_t>(plan_.routes.size()); }

  // Weights count queue pairs: the unit of all resources is one of them.
  void Put(std::int32_t resource, std::int32_t weight) {
    plan_.routes.push_back({resource, weight * network_.queue_pairs()});
  }

  void PutPorts(AcceleratorIndex a, std::int32_t weight) {
    Put(network_.scale_up_out(a).value, weight);
    Put(network_.scale_up_in(a).value, weight);
  }

  void PutRoute(AcceleratorIndex from, AcceleratorIndex to) {
    links_.clear();
    bool reached = true;
    for (int pair = 0; pair < network_.queue_pairs() && reached; ++pair) {
      reached = network_.AppendRoute(from, to, links_, static_cast<std::uint64_t>(pair));
    }
    if (!reached) {
      throw UserError(network_.fabric(network_.site_of(from)).site().path + ".failed",
                      fmt::format("no way is left from accelerator {} to {}; expected failures "
                                  "that leave one",
                                  from.value, to.value));
    }
    for (const LinkIndex link : links_) {
      plan_.routes.push_back({link.value, 1});
    }
  }

  void AddAgents() {
    for (int stage = 0; stage < grid_.pipeline; ++stage) {
      for (int data = 0; data < grid_.data; ++data) {
        Plan::Agent agent;
        agent.job = job_;
        agent.role = stage;
        const std::int32_t begin = Mark();
        for (int t = 0; t < grid_.width(); ++t) {
          Put(Hbm(ranks_.At(t, data, stage)), 1);
        }
        agent.hbm = {begin, Mark()};
        agent.tensor = TensorRoute(data, stage);
        agent.context = ContextRoute(data, stage);
        plan_.agents.push_back(agent);
      }
    }
  }

  // A group inside its domain uses its members' ports. A wider one runs a ring per member of a
  // domain, each through another NIC; the ports carry what the NICs of the other members do.
  Span TensorRoute(int data, int stage) {
    const std::int32_t begin = Mark();
    const int t = grid_.tensor;
    const int inside = std::min(t, server().domain());
    if (t == 1) {
      return {begin, begin};
    }
    for (int local = 0; local < grid_.width(); ++local) {
      const AcceleratorIndex a = ranks_.At(local, data, stage);
      const bool wide = t > inside;
      if (wide) {
        const int first = local - local % t;  // of the tensor-parallel group of this context rank
        PutRoute(a, ranks_.At(first + (local % t + inside) % t, data, stage));
      }
      if (inside > 1) {
        PutPorts(a, wide ? inside - 1 : 1);
      }
      Put(Hbm(a), wide ? kRingHbmWeight * inside : kRingHbmWeight);
    }
    return Close(begin);
  }

  // Keys and values go from each context rank to the next, all tensor ranks at once.
  Span ContextRoute(int data, int stage) {
    const std::int32_t begin = Mark();
    for (int local = 0; grid_.context > 1 && local < grid_.width(); ++local) {
      const AcceleratorIndex from = ranks_.At(local, data, stage);
      const AcceleratorIndex to = ranks_.At((local + grid_.tensor) % grid_.width(), data, stage);
      PutRoute(from, to);
      Put(Hbm(from), kSendHbmWeight);
      Put(Hbm(to), kSendHbmWeight);
    }
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
          for (int t = 0; sends && t < grid_.width(); ++t) {
            AddFlow(t, data, stage, (next + p) % p);
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
      Plan::Group group;
      group.job = job_;
      group.family = index;
      group.agents.begin = static_cast<std::int32_t>(plan_.group_agents.size());
      std::vector<AcceleratorIndex> members;
      for (const RankIndex rank : family.RanksOf(g)) {
        const AgentIndex agent{first_agent_ + grid_.agent_of(rank)};
        if (members.empty() || plan_.group_agents.back() != agent) {
          plan_.group_agents.push_back(agent);
        }
        members.push_back(ranks_.At(rank));
      }
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
          lay.nic = LayOverDomains(members, starts, fewest, shape.over_domains);
        }
        if (shape.ports) {
          lay.domain = LayOnPorts(members);
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
  Span LayOverDomains(const std::vector<AcceleratorIndex>& members, const std::vector<int>& starts,
                      int copies, const Pattern& pattern) {
    const std::int32_t begin = Mark();
    pattern.edges(static_cast<int>(starts.size()) - 1, pattern.step, [&](int from, int to) {
      for (int c = 0; c < copies; ++c) {
        const AcceleratorIndex sender = members[starts[from] + c];
        PutRoute(sender, members[starts[to] + c]);
        Put(Hbm(sender), kRingHbmWeight);
      }
    });
    return Close(begin);
  }

  // Every member sends and receives once inside its domain.
  Span LayOnPorts(const std::vector<AcceleratorIndex>& ranks) {
    const std::int32_t begin = Mark();
    for (const AcceleratorIndex a : ranks) {
      PutPorts(a, 1);
      Put(Hbm(a), kRingHbmWeight);
    }
    return Close(begin);
  }

  const StepProgram& program_;
  const RankGrid& grid_;
  const Network& network_;
  RankMap ranks_;
  Plan& plan_;
  PlanJobIndex job_;
  std::int32_t first_agent_;
  std::vector<LinkIndex> links_;
};

}  // namespace

void ExpandJob(const PlacedProgram& placed, const Network& network, Plan& plan) {
  Expander(placed, network, plan).Run();
}

}  // namespace gridlock
