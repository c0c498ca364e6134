#include "sim/plan/flow_plan.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "sim/base/check.h"
#include "sim/plan/route_writer.h"

namespace gridlock {

namespace {

using ColourList = std::vector<std::uint64_t>;

std::uint64_t Weighed(std::uint64_t colour, std::int32_t weight) {
  return MixHash(colour + MixHash(static_cast<std::uint64_t>(weight)));
}

std::size_t CountColours(ColourList colours) {
  std::sort(colours.begin(), colours.end());
  return std::unique(colours.begin(), colours.end()) - colours.begin();
}

ColourList SeedsOfFlows(const FlowPlan& plan) {
  ColourList colours;
  colours.reserve(plan.flows.size());
  for (const FlowPlan::Flow& flow : plan.flows) {
    colours.push_back(MixHash(std::bit_cast<std::uint64_t>(flow.wire.si()) ^
                              MixHash(std::bit_cast<std::uint64_t>(flow.start.si()) +
                                      2 * static_cast<std::uint64_t>(flow.reachable))));
  }
  return colours;
}

ColourList SeedsOfResources(const FlowPlan& plan) {
  ColourList colours;
  colours.reserve(plan.resources.size());
  for (const FlowPlan::Resource& resource : plan.resources) {
    colours.push_back(MixHash(std::bit_cast<std::uint64_t>(resource.capacity.si()) ^
                              MixHash(static_cast<std::uint64_t>(resource.tier.value) + 1)));
  }
  return colours;
}

/// The routes that flows take from a time on: of all of them at first, then of those that change.
struct Turn {
  std::uint64_t tag = 0;               ///< of the time
  std::vector<std::int32_t> flows;     ///< by rising number
  std::vector<std::int32_t> reroutes;  ///< of each, in FlowChanges::reroutes; empty at first
};

Span RouteOf(const LaidFlows& laid, const Turn& turn, std::size_t i) {
  return turn.reroutes.empty() ? laid.plan.flows[turn.flows[i]].route
                               : laid.changes.reroutes[turn.reroutes[i]].route;
}

std::vector<Turn> TurnsOf(const LaidFlows& laid) {
  std::vector<Turn> turns(1);
  turns[0].flows.resize(laid.plan.flows.size());
  std::iota(turns[0].flows.begin(), turns[0].flows.end(), 0);
  for (std::size_t c = 0; c < laid.changes.reroutes.size(); ++c) {
    const Reroute& change = laid.changes.reroutes[c];
    const std::uint64_t tag = MixHash(std::bit_cast<std::uint64_t>(change.at.si()) + 1);
    if (tag != turns.back().tag) {
      turns.push_back({tag, {}, {}});
    }
    turns.back().flows.push_back(change.flow);
    turns.back().reroutes.push_back(static_cast<std::int32_t>(c));
  }
  return turns;
}

/// Tells apart what changes at other times, or in another way.
void SeedChanges(const FlowChanges& changes, ColourList& flows, ColourList& resources) {
  for (const Reroute& change : changes.reroutes) {
    flows[change.flow] = MixHash(
        flows[change.flow] ^ MixHash(std::bit_cast<std::uint64_t>(change.at.si()) +
                                     MixHash(std::bit_cast<std::uint64_t>(change.failover.si()) +
                                             2 * static_cast<std::uint64_t>(change.reachable))));
  }
  for (const Recapacity& change : changes.recapacities) {
    resources[change.resource] =
        MixHash(resources[change.resource] ^
                MixHash(std::bit_cast<std::uint64_t>(change.at.si()) +
                        MixHash(std::bit_cast<std::uint64_t>(change.capacity.si()))));
  }
}

/// Links that cannot bind are part of the partition only where what they carry is asked of the run.
bool Counts(const LaidFlows& laid, const RouteEntry& entry) {
  return laid.plan.resources[entry.resource].can_bind || !laid.changes.empty();
}

/// Splits colours until every flow of a colour sees the same colours of links, and every link the
/// same colours of flows, from each change to the next. Sums do not know an order.
void Refine(const LaidFlows& laid, const std::vector<Turn>& turns, ColourList& flows,
            ColourList& resources) {
  std::size_t classes = 0;
  while (true) {
    const std::size_t now = CountColours(flows) + CountColours(resources);
    if (now == classes) {
      return;
    }
    classes = now;
    ColourList to_flow(flows.size()), to_resource(resources.size());
    for (const Turn& turn : turns) {
      for (std::size_t f = 0; f < turn.flows.size(); ++f) {
        const Span route = RouteOf(laid, turn, f);
        for (std::int32_t i = route.begin; i < route.end; ++i) {
          const RouteEntry entry = laid.plan.routes[i];
          if (Counts(laid, entry)) {
            const std::int32_t flow = turn.flows[f];
            to_flow[flow] += Weighed(resources[entry.resource] ^ turn.tag, entry.weight);
            to_resource[entry.resource] += Weighed(flows[flow] ^ turn.tag, entry.weight);
          }
        }
      }
    }
    for (std::size_t f = 0; f < flows.size(); ++f) {
      flows[f] = MixHash(flows[f] ^ MixHash(to_flow[f]));
    }
    for (std::size_t r = 0; r < resources.size(); ++r) {
      resources[r] = MixHash(resources[r] ^ MixHash(to_resource[r]));
    }
  }
}

/// Numbers colours in the order of their first appearance; returns the first position of each.
std::vector<std::int32_t> Number(const ColourList& colours, std::vector<std::int32_t>& class_of) {
  std::unordered_map<std::uint64_t, std::int32_t> known;  // only looked up
  std::vector<std::int32_t> first;
  class_of.resize(colours.size());
  for (std::size_t i = 0; i < colours.size(); ++i) {
    const auto [found, added] = known.emplace(colours[i], static_cast<std::int32_t>(first.size()));
    if (added) {
      first.push_back(static_cast<std::int32_t>(i));
    }
    class_of[i] = found->second;
  }
  return first;
}

/// Lays messages one by one, and again when the network changes.
class FlowLayer {
 public:
  /// @param parts a multiple of those of the network in each of its epochs
  FlowLayer(const NetworkEpoch& first, std::int32_t parts) : epoch_(first) {
    laid_.plan.parts = parts;
    ForgetLoad();
  }

  void Add(const NetworkMessage& message, const PacketFormat& format) {
    const std::uint64_t ends = static_cast<std::uint64_t>(message.from.value) << 32U |
                               static_cast<std::uint32_t>(message.to.value);
    queue_pairs_.push_back(pairs_[ends]++);
    FlowPlan::Flow flow;
    flow.start = message.start;
    flow.wire = epoch_.network->same_domain(message.from, message.to)
                    ? message.bytes
                    : format.WireBytes(message.bytes);
    flow.route = Route(message, queue_pairs_.back(), flow.reachable);
    Plan().flow_of.push_back(static_cast<std::int32_t>(Plan().flows.size()));
    Plan().flows.push_back(flow);
    now_.push_back({flow.route, flow.reachable});
  }

  /// Flows that adapt choose anew, in the order of the list.
  void Change(const std::vector<NetworkMessage>& messages, const NetworkEpoch& epoch) {
    epoch_ = epoch;
    ForgetLoad();
    for (std::size_t r = 0; r < capacities_.size(); ++r) {
      Plan().resources[r].can_bind =
          Plan().resources[r].can_bind || epoch.network->can_bind(Plan().links[r]);
      SetCapacity(r, epoch.network->capacity(Plan().links[r]) * Plan().parts);
    }
    for (std::size_t m = 0; m < messages.size(); ++m) {
      Reroute change{epoch.from, static_cast<std::int32_t>(m), {}};
      const std::size_t begin = Plan().routes.size();
      change.route = Route(messages[m], queue_pairs_[m], change.reachable);
      Way& now = now_[m];
      if (change.reachable == now.reachable && Same(change.route, now.route)) {
        Plan().routes.resize(begin);
        continue;
      }
      change.failover = Failed(now.route) ? epoch.failover : Seconds(0);
      now = {change.route, change.reachable};
      laid_.changes.reroutes.push_back(change);
    }
  }

  LaidFlows Take() && { return std::move(laid_); }

 private:
  struct Way {
    Span route;
    bool reachable;
  };

  FlowPlan& Plan() { return laid_.plan; }

  void ForgetLoad() {
    const Network& network = *epoch_.network;
    if (network.adapts()) {
      load_.assign(static_cast<std::size_t>(network.links()), 0.0);
      for (LinkIndex link{0}; link < network.links(); ++link) {
        load_[link.value] = network.failed(link) ? kFullOfFlows : 0.0;
      }
    }
  }

  Span Route(const NetworkMessage& message, std::uint64_t queue_pair, bool& reachable) {
    Span route;
    route.begin = static_cast<std::int32_t>(Plan().routes.size());
    if (epoch_.network->parts() > 1 || epoch_.network->adapts()) {
      reachable = PutShares(message);
    } else {
      links_.clear();
      reachable = epoch_.network->AppendRoute(message.from, message.to, links_, queue_pair);
      for (const LinkIndex link : links_) {
        Plan().routes.push_back({Resource(link), Plan().parts});
      }
    }
    route.end = static_cast<std::int32_t>(Plan().routes.size());
    return route;
  }

  /// All ways of a flow, each link once with its parts. Flows that adapt see those laid before.
  bool PutShares(const NetworkMessage& message) {
    shares_.clear();
    const Network& network = *epoch_.network;
    const bool reachable = network.AppendShares(message.from, message.to, load_, shares_);
    const std::int32_t scale = Plan().parts / network.parts();
    std::stable_sort(shares_.begin(), shares_.end(), [](const LinkShare& a, const LinkShare& b) {
      return a.link < b.link;
    });
    const std::size_t begin = Plan().routes.size();
    for (const LinkShare& share : shares_) {
      const std::int32_t resource = Resource(share.link);
      if (Plan().routes.size() > begin && Plan().routes.back().resource == resource) {
        Plan().routes.back().weight += share.parts * scale;
      } else {
        Plan().routes.push_back({resource, share.parts * scale});
      }
      if (!load_.empty()) {
        load_[share.link.value] += static_cast<double>(share.parts) / network.parts();
      }
    }
    return reachable;
  }

  std::int32_t Resource(LinkIndex link) {
    const Network& network = *epoch_.network;
    const auto [found, added] =
        position_.emplace(link.value, static_cast<std::int32_t>(Plan().links.size()));
    if (added) {
      Plan().links.push_back(link);
      Plan().resource_of.push_back(found->second);
      Plan().resources.push_back(
          {network.tier(link), network.capacity(link) * Plan().parts, network.can_bind(link)});
      capacities_.push_back(Plan().resources.back().capacity);
    }
    return found->second;
  }

  void SetCapacity(std::size_t resource, BytesPerSecond capacity) {
    if (capacities_[resource] != capacity) {
      capacities_[resource] = capacity;
      laid_.changes.recapacities.push_back(
          {epoch_.from, static_cast<std::int32_t>(resource), capacity});
    }
  }

  [[nodiscard]] bool Same(Span a, Span b) const {
    const auto& routes = laid_.plan.routes;
    return std::equal(routes.begin() + a.begin, routes.begin() + a.end, routes.begin() + b.begin,
                      routes.begin() + b.end, [](const RouteEntry& x, const RouteEntry& y) {
                        return x.resource == y.resource && x.weight == y.weight;
                      });
  }

  [[nodiscard]] bool Failed(Span route) const {
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      if (epoch_.network->failed(laid_.plan.links[laid_.plan.routes[i].resource])) {
        return true;
      }
    }
    return false;
  }

  NetworkEpoch epoch_;
  LaidFlows laid_;
  std::vector<Way> now_;                                     ///< by message
  std::vector<std::uint64_t> queue_pairs_;                   ///< by message
  std::vector<BytesPerSecond> capacities_;                   ///< now, by resource
  std::unordered_map<std::int32_t, std::int32_t> position_;  ///< of links; only looked up
  std::unordered_map<std::uint64_t, std::uint64_t> pairs_;   ///< messages so far, by ends
  std::vector<LinkIndex> links_;
  std::vector<LinkShare> shares_;
  std::vector<double> load_;  ///< by link, in flows; empty where no route adapts
};

class FlowFolder {
 public:
  explicit FlowFolder(const LaidFlows& laid) : laid_(laid) {}

  LaidFlows Fold() && {
    const std::vector<Turn> turns = TurnsOf(laid_);
    ColourList flows = SeedsOfFlows(laid_.plan), resources = SeedsOfResources(laid_.plan);
    SeedChanges(laid_.changes, flows, resources);
    Refine(laid_, turns, flows, resources);
    FlowPlan& plan = folded_.plan;
    plan.parts = laid_.plan.parts;
    plan.links = laid_.plan.links;
    first_flow_ = Number(flows, plan.flow_of);
    first_resource_ = Number(resources, plan.resource_of);
    for (const std::int32_t r : first_resource_) {
      plan.resources.push_back(laid_.plan.resources[r]);
    }
    const std::vector<Span> routes = FoldRoutes(turns.front());
    for (std::size_t c = 0; c < first_flow_.size(); ++c) {
      plan.flows.push_back(laid_.plan.flows[first_flow_[c]]);
      plan.flows.back().route = routes[c];
    }
    for (std::size_t i = 1; i < turns.size(); ++i) {
      AddReroutes(turns[i]);
    }
    for (Recapacity change : laid_.changes.recapacities) {
      const std::int32_t r = plan.resource_of[change.resource];
      if (first_resource_[r] == change.resource) {
        change.resource = r;
        folded_.changes.recapacities.push_back(change);
      }
    }
    return std::move(folded_);
  }

 private:
  void AddReroutes(const Turn& turn) {
    const std::vector<Span> routes = FoldRoutes(turn);
    for (const std::int32_t c : turn.reroutes) {
      Reroute change = laid_.changes.reroutes[c];
      const std::int32_t flow = folded_.plan.flow_of[change.flow];
      if (first_flow_[flow] == change.flow) {
        change.flow = flow;
        change.route = routes[flow];
        folded_.changes.reroutes.push_back(change);
      }
    }
  }

  /// By class of flows: on the first link of each class of links, how many flows of it there are.
  std::vector<Span> FoldRoutes(const Turn& turn) {
    FlowPlan& plan = folded_.plan;
    std::vector<std::vector<RouteEntry>> crossing(first_resource_.size());  // classes of flows
    for (std::size_t f = 0; f < turn.flows.size(); ++f) {
      const Span route = RouteOf(laid_, turn, f);
      for (std::int32_t i = route.begin; i < route.end; ++i) {
        const RouteEntry entry = laid_.plan.routes[i];
        const std::int32_t r = plan.resource_of[entry.resource];
        if (first_resource_[r] != entry.resource || !Counts(laid_, entry)) {
          continue;
        }
        const std::int32_t flow = plan.flow_of[turn.flows[f]];
        if (crossing[r].empty() || crossing[r].back().resource != flow) {
          crossing[r].push_back({flow, 0});
        }
        crossing[r].back().weight += entry.weight;
      }
    }
    std::vector<std::vector<RouteEntry>> routes(first_flow_.size());
    for (std::size_t r = 0; r < crossing.size(); ++r) {
      for (const RouteEntry& entry : crossing[r]) {
        auto& route = routes[entry.resource];
        const auto resource = static_cast<std::int32_t>(r);
        if (route.empty() || route.back().resource != resource) {
          route.push_back({resource, 0});
        }
        route.back().weight += entry.weight;
      }
    }
    std::vector<Span> spans;
    for (const auto& route : routes) {
      const auto begin = static_cast<std::int32_t>(plan.routes.size());
      plan.routes.insert(plan.routes.end(), route.begin(), route.end());
      spans.push_back({begin, static_cast<std::int32_t>(plan.routes.size())});
    }
    return spans;
  }

  const LaidFlows& laid_;
  LaidFlows folded_;
  std::vector<std::int32_t> first_flow_, first_resource_;  ///< of each class
};

}  // namespace

LaidFlows LayFlows(const std::vector<NetworkMessage>& messages,
                   const std::vector<NetworkEpoch>& epochs, const PacketFormat& format) {
  std::int32_t parts = 1;
  for (const NetworkEpoch& epoch : epochs) {
    parts = std::lcm(parts, epoch.network->parts());
  }
  FlowLayer layer(epochs.front(), parts);
  for (const NetworkMessage& message : messages) {
    layer.Add(message, format);
  }
  for (std::size_t e = 1; e < epochs.size(); ++e) {
    layer.Change(messages, epochs[e]);
  }
  return std::move(layer).Take();
}

LaidFlows FoldFlows(const LaidFlows& laid) {
  return FlowFolder(laid).Fold();
}

}  // namespace gridlock
