#include "sim/plan/expand.h"

#include <algorithm>
#include <numeric>

#include "sim/base/check.h"
#include "sim/plan/expert_groups.h"
#include "sim/plan/rank_map.h"

namespace gridlock {

namespace {

// HBM bytes per byte that a ring puts on the wire: a rank reads its own part and the received one
// and writes the sum (gathers: reads what it forwards, writes what it receives; counted alike).
constexpr std::int32_t kRingHbmWeight = 3;
// A message is read once where it is sent and written once where it arrives.
constexpr std::int32_t kSendHbmWeight = 1;

class Expander {
 public:
  Expander(const PlacedProgram& placed, const Network& network, Plan& plan)
      : layout_(placed.program->layout),
        network_(network),
        ranks_(layout_, placed.placement, network),
        plan_(plan),
        job_(static_cast<std::int32_t>(plan.jobs.size())),
        first_agent_(static_cast<std::int32_t>(plan.agents.size())) {
    for (const Collective& collective : placed.program->collectives) {
      uses_embedding_groups_ =
          uses_embedding_groups_ || collective.over == Collective::Over::kEmbedding;
      uses_exchanges_ = uses_exchanges_ || collective.over == Collective::Over::kExpert;
      uses_expert_copies_ = uses_expert_copies_ || collective.over == Collective::Over::kExpertData;
    }
  }

  void Run() && {
    AddJob();
    AddAgents();
    AddFlows();
    AddDataGroups();
    AddEmbeddingGroups();
    AddExpertGroups();
  }

 private:
  [[nodiscard]] std::int32_t Hbm(AcceleratorIndex a) const { return network_.links() + a.value; }

  [[nodiscard]] std::int32_t AgentAt(int data, int stage) const {
    return first_agent_ + stage * layout_.data + data;
  }

  /// The servers of a job are alike in how many accelerators they have; AddJob looks after the
  /// rest.
  [[nodiscard]] const ServerSpec& server() const {
    return network_.fabric(ranks_.sites().front()).site().server;
  }

  // Over several sites: what holds on all of them.
  void AddJob() {
    Plan::Job job;
    job.width = layout_.group();
    for (const int site : ranks_.sites()) {
      const ServerSpec& server = network_.fabric(site).site().server;
      const AcceleratorSpec& chip = server.accelerator;
      const BytesPerSecond hbm = chip.hbm_bandwidth * chip.hbm_efficiency;
      const BytesPerSecond port = chip.scale_up_bandwidth;
      const BytesPerSecond nic =
          server.nic_bandwidth * std::max(1.0, 1.0 * server.nics / server.accelerators);
      BytesPerSecond reserve = nic * (kRingHbmWeight + kSendHbmWeight);
      // Groups and messages inside a scale-up domain move at the ports' pace.
      if (server.accelerators > layout_.tensor || layout_.expert > 1) {
        reserve += port * (kRingHbmWeight + kSendHbmWeight);
      }
      const bool wide = layout_.tensor > server.accelerators;
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

  void Put(std::int32_t resource, std::int32_t weight) {
    plan_.routes.push_back({resource, weight});
  }

  void PutPorts(AcceleratorIndex a, std::int32_t weight) {
    Put(network_.scale_up_out(a).value, weight);
    Put(network_.scale_up_in(a).value, weight);
  }

  void PutRoute(AcceleratorIndex from, AcceleratorIndex to) {
    links_.clear();
    network_.AppendRoute(from, to, links_);
    for (const LinkIndex link : links_) {
      Put(link.value, 1);
    }
  }

  void AddAgents() {
    for (int stage = 0; stage < layout_.pipeline; ++stage) {
      for (int data = 0; data < layout_.data; ++data) {
        Plan::Agent agent;
        agent.job = job_;
        agent.role = stage;
        const std::int32_t begin = Mark();
        for (int t = 0; t < layout_.group(); ++t) {
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
    const int t = layout_.tensor;
    const int inside = std::min(t, server().accelerators);
    if (t == 1) {
      return {begin, begin};
    }
    for (int local = 0; local < layout_.group(); ++local) {
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
    for (int local = 0; layout_.context > 1 && local < layout_.group(); ++local) {
      const AcceleratorIndex from = ranks_.At(local, data, stage);
      const AcceleratorIndex to =
          ranks_.At((local + layout_.tensor) % layout_.group(), data, stage);
      PutRoute(from, to);
      Put(Hbm(from), kSendHbmWeight);
      Put(Hbm(to), kSendHbmWeight);
    }
    return Close(begin);
  }

  void AddFlows() {
    const int p = layout_.pipeline;
    for (int stage = 0; stage < p; ++stage) {
      for (int data = 0; data < layout_.data; ++data) {
        Plan::Agent& agent = plan_.agents[AgentAt(data, stage)];
        for (const Direction direction : {Direction::kForward, Direction::kBackward}) {
          const int next = stage + (direction == Direction::kForward ? 1 : -1);
          // Only model chunks beyond the first make messages go round from the last stage to the
          // first.
          const bool sends = p > 1 && (layout_.virtual_pipeline > 1 || (next >= 0 && next < p));
          const auto begin = static_cast<std::int32_t>(plan_.flows.size());
          for (int t = 0; sends && t < layout_.group(); ++t) {
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
        network_.same_domain(from, to) ? server().scale_up : server().scale_out;
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

  void AddDataGroups() {
    if (layout_.data * layout_.context == 1) {
      return;
    }
    const int sharing = layout_.sharing_replicas();
    const int copies = layout_.data / sharing;
    for (int stage = 0; stage < layout_.pipeline; ++stage) {
      for (int t = 0; t < layout_.tensor; ++t) {
        for (int copy = 0; copy < copies; ++copy) {
          AddReplicas(Collective::Over::kData, stage, {copy * sharing, 1, sharing},
                      {t, layout_.tensor, layout_.context});
        }
      }
      for (int local = 0; copies > 1 && local < layout_.group(); ++local) {
        for (int shard = 0; shard < sharing; ++shard) {
          AddReplicas(Collective::Over::kReplica, stage, {shard, sharing, copies}, {local, 1, 1});
        }
      }
    }
  }

  // first, first + stride, ... `count` of them.
  struct Range {
    int first, stride, count;
  };

  void AddReplicas(Collective::Over over, int stage, Range replicas, Range locals) {
    std::vector<AcceleratorIndex> ranks;
    const auto begin = static_cast<std::int32_t>(plan_.group_agents.size());
    for (int i = 0; i < replicas.count; ++i) {
      const int data = replicas.first + i * replicas.stride;
      plan_.group_agents.push_back(AgentAt(data, stage));
      for (int k = 0; k < locals.count; ++k) {
        ranks.push_back(ranks_.At(locals.first + k * locals.stride, data, stage));
      }
    }
    AddGroup(over, stage, begin, ranks);
  }

  // First and last stage of each replica, for tied embeddings.
  void AddEmbeddingGroups() {
    if (!uses_embedding_groups_ || layout_.pipeline == 1) {
      return;
    }
    const int last = layout_.pipeline - 1;
    for (int data = 0; data < layout_.data; ++data) {
      for (int t = 0; t < layout_.group(); ++t) {
        const auto begin = static_cast<std::int32_t>(plan_.group_agents.size());
        plan_.group_agents.push_back(AgentAt(data, 0));
        plan_.group_agents.push_back(AgentAt(data, last));
        AddGroup(Collective::Over::kEmbedding, 0, begin,
                 {ranks_.At(t, data, 0), ranks_.At(t, data, last)});
      }
    }
  }

  void AddExpertGroups() {
    if (!uses_exchanges_ && !uses_expert_copies_) {
      return;
    }
    const ExpertGroups groups = ExpertGroupsOf(layout_);
    for (int stage = 0; stage < layout_.pipeline; ++stage) {
      for (std::size_t i = 0; uses_exchanges_ && i < groups.exchange.size(); ++i) {
        AddRanks(Collective::Over::kExpert, stage, groups.exchange[i]);
      }
      for (std::size_t i = 0; uses_expert_copies_ && i < groups.same.size(); ++i) {
        AddRanks(Collective::Over::kExpertData, stage, groups.same[i]);
      }
    }
  }

  void AddRanks(Collective::Over over, int stage, const std::vector<StageRank>& members) {
    std::vector<AcceleratorIndex> ranks;
    const auto begin = static_cast<std::int32_t>(plan_.group_agents.size());
    for (const StageRank& member : members) {
      const std::int32_t agent = AgentAt(member.data, stage);
      if (ranks.empty() || plan_.group_agents.back() != agent) {
        plan_.group_agents.push_back(agent);
      }
      ranks.push_back(ranks_.At(member.local, member.data, stage));
    }
    AddGroup(over, stage, begin, ranks);
  }

  // Every member sends to every other: inside domains through ports, across them through NICs. The
  // group waits for its slowest pair, so all pairs are one transfer; what all weights share is left
  // to the cost (GroupShape).
  void AddExchangeRoutes(const std::vector<AcceleratorIndex>& ranks, Plan::Group& group) {
    for (const bool inside : {true, false}) {
      const std::int32_t begin = Mark();
      for (const AcceleratorIndex from : ranks) {
        for (const AcceleratorIndex to : ranks) {
          if (from.value != to.value && network_.same_domain(from, to) == inside) {
            PutRoute(from, to);
            Put(Hbm(from), kSendHbmWeight);
            Put(Hbm(to), kSendHbmWeight);
          }
        }
      }
      const Span route = Close(begin);
      int common = 0;
      for (std::int32_t i = route.begin; i < route.end; ++i) {
        common = std::gcd(common, plan_.routes[i].weight);
      }
      for (std::int32_t i = route.begin; i < route.end; ++i) {
        plan_.routes[i].weight /= common;
      }
      (inside ? group.domain : group.ring) = route;
      (inside ? group.shape.domain_pairs : group.shape.nic_pairs) = common;
    }
  }

  void AddGroup(Collective::Over over, int stage, std::int32_t first_agent,
                const std::vector<AcceleratorIndex>& ranks) {
    Plan::Group group;
    group.job = job_;
    group.over = over;
    group.role = stage;
    group.agents = {first_agent, static_cast<std::int32_t>(plan_.group_agents.size())};
    const std::vector<int> starts = DomainStarts(ranks);
    const int domains = static_cast<int>(starts.size()) - 1;
    int fewest = static_cast<int>(ranks.size());
    for (int i = 0; i < domains; ++i) {
      fewest = std::min(fewest, starts[i + 1] - starts[i]);
    }
    group.shape = {static_cast<int>(ranks.size()), domains, fewest};
    if (over == Collective::Over::kExpert) {
      AddExchangeRoutes(ranks, group);
      plan_.groups.push_back(group);
      return;
    }
    AddFibres(ranks, group.shape);
    group.ring = domains > 1 ? RingRoute(ranks, starts, fewest) : Span{Mark(), Mark()};
    const bool inside = static_cast<int>(ranks.size()) > domains;
    group.domain = inside ? DomainRoute(ranks) : Span{Mark(), Mark()};
    plan_.groups.push_back(group);
  }

  // The sites that a ring through these ranks crosses.
  void AddFibres(const std::vector<AcceleratorIndex>& ranks, GroupShape& shape) const {
    int crossings = 0;
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      const int from = network_.site_of(ranks[i]);
      const int to = network_.site_of(ranks[(i + 1) % ranks.size()]);
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

  // `rings` rings through all domains; ring r leaves each domain through the NIC of its member r. A
  // pipelined ring moves at the pace of its slowest edge, so all of it is one transfer.
  Span RingRoute(const std::vector<AcceleratorIndex>& ranks, const std::vector<int>& starts,
                 int rings) {
    const std::int32_t begin = Mark();
    const std::size_t domains = starts.size() - 1;
    for (std::size_t i = 0; i < domains; ++i) {
      const int next = starts[(i + 1) % domains];
      for (int r = 0; r < rings; ++r) {
        const AcceleratorIndex from = ranks[starts[i] + r];
        PutRoute(from, ranks[next + r]);
        Put(Hbm(from), kRingHbmWeight);
      }
    }
    return Close(begin);
  }

  Span DomainRoute(const std::vector<AcceleratorIndex>& ranks) {
    const std::int32_t begin = Mark();
    for (const AcceleratorIndex a : ranks) {
      PutPorts(a, 1);
      Put(Hbm(a), kRingHbmWeight);
    }
    return Close(begin);
  }

  const Layout& layout_;
  const Network& network_;
  RankMap ranks_;
  Plan& plan_;
  std::int32_t job_;
  std::int32_t first_agent_;
  bool uses_embedding_groups_ = false;
  bool uses_exchanges_ = false, uses_expert_copies_ = false;
  std::vector<LinkIndex> links_;
};

}  // namespace

void ExpandJob(const PlacedProgram& placed, const Network& network, Plan& plan) {
  Expander(placed, network, plan).Run();
}

}  // namespace gridlock
