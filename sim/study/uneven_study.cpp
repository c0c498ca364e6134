#include "sim/study/uneven_study.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/plan/hops.h"
#include "sim/plan/rank_map.h"
#include "sim/record/fingerprint.h"
#include "sim/study/flow_study.h"

namespace gridlock {

namespace {

// Time is linear in the size, for all messages start at once: one size is simulated.
constexpr Bytes kSimulated{1e9};

std::vector<AcceleratorIndex> AcceleratorsOf(const std::vector<RankIndex>& ranks,
                                             const RankMap& map) {
  std::vector<AcceleratorIndex> accelerators;
  for (const RankIndex rank : ranks) {
    accelerators.push_back(map.At(rank));
  }
  return accelerators;
}

GroupShape ShapeOf(const std::vector<AcceleratorIndex>& members, const Network& network) {
  GroupShape shape{static_cast<int>(members.size()), 0, static_cast<int>(members.size())};
  std::vector<int> starts{0};
  int held = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    ++held;
    if (i + 1 == members.size() || !network.same_domain(members[i], members[i + 1])) {
      ++shape.domains;
      shape.per_domain = std::min(shape.per_domain, held);
      held = 0;
      starts.push_back(static_cast<int>(i) + 1);
    }
  }
  SwitchHops(network).Add(members, starts, shape);
  return shape;
}

// Calls `visit` with what each rank sends to each other, as the wire sees it: over what long
// messages reach of a link.
template <typename F>
void ForEachMessage(const std::vector<AcceleratorIndex>& members, const std::vector<double>& parts,
                    const Network& network, const ServerSpec& server, const F& visit) {
  for (std::size_t i = 0; i < members.size(); ++i) {
    double within = 0;  // to others of the domain
    for (std::size_t j = 0; j < members.size(); ++j) {
      const bool near = i != j && network.same_domain(members[i], members[j]);
      within += near ? parts[i * members.size() + j] : 0;
    }
    const double kept = parts[i * members.size() + i];
    const double own = kept > 0 ? WithOwnPart(server.scale_up, within / kept) : 1;
    for (std::size_t j = 0; j < members.size(); ++j) {
      const double part = parts[i * members.size() + j];
      if (i != j && part > 0) {
        const bool inside = network.same_domain(members[i], members[j]);
        const CollectiveFit& fit = inside ? server.scale_up : server.across();
        visit(NetworkMessage{
            .from = members[i],
            .to = members[j],
            .bytes = kSimulated * (part * (inside ? own : 1) / fit.all_to_all_efficiency),
            .start = Seconds(0)});
      }
    }
  }
}

// The same of parts that are alike and too many to lay: all pairs inside a domain, and of those
// between domains one in `step`, which carries what the others would. From one target to the next
// it is `step` ranks and now and then one more, so that no place in a server is left out.
template <typename F>
void ForEachSampled(const std::vector<AcceleratorIndex>& members, int step, const Network& network,
                    const ServerSpec& server, const F& visit) {
  const auto n = static_cast<std::int64_t>(members.size());
  const Bytes part = kSimulated / static_cast<double>(n);
  std::vector<std::int64_t> targets;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto near = [&](std::int64_t j) {
      return network.same_domain(members[i], members[j]);
    };
    std::int64_t first = i, end = i + 1;
    while (first > 0 && near(first - 1)) {
      --first;
    }
    while (end < n && near(end)) {
      ++end;
    }
    const auto send = [&](std::int64_t j, double times, const CollectiveFit& fit) {
      visit(NetworkMessage{.from = members[i],
                           .to = members[j],
                           .bytes = part * times / fit.all_to_all_efficiency,
                           .start = Seconds(0)});
    };
    const double own = WithOwnPart(server.scale_up, static_cast<double>(end - first - 1));
    for (std::int64_t j = first; j < end; ++j) {
      if (j != i) {
        send(j, own, server.scale_up);
      }
    }
    targets.clear();
    for (std::int64_t m = 0; m * step < n; ++m) {
      const std::int64_t j = (i + m * step + m % step) % n;
      if (m * step + m % step < n && j != i && !near(j)) {
        targets.push_back(j);
      }
    }
    const double times =
        static_cast<double>(n - (end - first)) / static_cast<double>(targets.size());
    for (const std::int64_t j : targets) {
      send(j, times, server.across());
    }
  }
}

// Adds up what messages put on links, where there are too many to move each by itself.
class Loads {
 public:
  explicit Loads(const Network& network)
      : network_(network), carried_(static_cast<std::size_t>(network.links()), 0.0) {}

  void Add(const NetworkMessage& message) {
    shares_.clear();
    if (!network_.AppendShares(message.from, message.to, load_, shares_)) {
      throw UserError(network_.fabric({0}).site().path + ".failed",
                      fmt::format("no way is left from accelerator {} to {}; expected failures "
                                  "that leave one",
                                  message.from.value, message.to.value));
    }
    if (network_.adapts() && load_.empty()) {
      load_.assign(carried_.size(), 0.0);
    }
    for (const LinkShare& share : shares_) {
      const double part = static_cast<double>(share.parts) / network_.parts();
      carried_[share.link.value] += message.bytes.si() * part;
      if (!load_.empty()) {
        load_[share.link.value] += part;
      }
    }
  }

  /// As if the busiest link were in use throughout: it sets the pace of all.
  [[nodiscard]] FlowRecord Record() const {
    FlowRecord record;
    for (const Tier& tier : network_.tiers()) {
      TierLoad& load = record.tiers.emplace_back();
      load.tier = tier.name;
      load.words = tier.words;
    }
    for (LinkIndex link{0}; link < network_.links(); ++link) {
      if (carried_[link.value] > 0 && network_.can_bind(link)) {
        record.links.push_back({.name = network_.name(link),
                                .tier = network_.tiers()[network_.tier(link)].name,
                                .capacity = network_.capacity(link),
                                .carried = Bytes(carried_[link.value])});
      }
    }
    const auto seconds = [](const LinkUse& link) {
      return link.carried / link.capacity;
    };
    std::stable_sort(record.links.begin(), record.links.end(),
                     [&](const LinkUse& a, const LinkUse& b) {
                       return seconds(a) > seconds(b);
                     });
    for (LinkUse& link : record.links) {
      record.last_sent = seconds(record.links.front());
      link.use = seconds(link) / record.last_sent;
    }
    return record;
  }

 private:
  const Network& network_;
  std::vector<double> carried_;  ///< bytes, by link
  std::vector<double> load_;     ///< flows, by link; empty where no route adapts
  std::vector<LinkShare> shares_;
};

// The most that a link of a tier carries for one byte of buffer.
double MostOn(const FlowRecord& flows, const std::string& tier) {
  Bytes most;
  for (const LinkUse& link : flows.links) {
    most = link.tier == tier ? std::max(most, link.carried) : most;
  }
  return most / kSimulated;
}

CollectiveResult RowOf(const Collective& collective, const FlowRecord& flows,
                       const GroupShape& shape, const ServerSpec& server) {
  CollectiveResult row;
  row.collective = collective.name;
  row.algorithm = collective.algorithm->name;
  row.size = collective.payload;
  row.ranks = shape.ranks;
  const CollectiveCall call{collective.kind, collective.payload, shape, server};
  row.latency = collective.algorithm->costs(call).front().latency;
  const Seconds moving = flows.last_sent * (collective.payload / kSimulated);
  row.time = row.latency + moving;
  row.algorithm_bandwidth = row.size / row.time;
  row.bus_bandwidth = row.algorithm_bandwidth * BusFactor(collective.kind, row.ranks);
  row.fastest = row.chosen = true;
  row.port_load = row.size * MostOn(flows, "scale_up");
  row.nic_load = row.size * MostOn(flows, "nic");
  row.wall = "latency";
  row.wall_words = "latency of messages";
  if (!flows.links.empty()) {
    const LinkUse& hottest = flows.links.front();
    row.busiest = hottest.tier;
    row.utilisation = hottest.use * (moving / row.time);
    if (row.latency <= row.time / 2) {
      row.wall = hottest.tier;
      for (const TierLoad& tier : flows.tiers) {
        row.wall_words = tier.tier == hottest.tier ? tier.words : row.wall_words;
      }
    }
  }
  return row;
}

// The epochs of a collective, on the clock of the size that is simulated.
std::vector<NetworkEpoch> Simulated(std::vector<NetworkEpoch> epochs, const CollectiveCall& call,
                                    Seconds latency) {
  const double faster = kSimulated / call.payload;
  for (NetworkEpoch& epoch : epochs) {
    epoch.from = std::max(Seconds(0), epoch.from - latency) * faster;
    epoch.failover = epoch.failover * faster;
  }
  return epochs;
}

}  // namespace

std::vector<double> UnevenParts(const CollectiveTestSpec& test, int n) {
  const auto size = static_cast<std::size_t>(n);
  std::vector<double> parts(size * size);
  if (test.parts.size() == parts.size()) {
    const double sum = std::accumulate(test.parts.begin(), test.parts.end(), 0.0);
    std::transform(test.parts.begin(), test.parts.end(), parts.begin(), [&](double part) {
      return part / sum * n;
    });
    return parts;
  }
  std::vector<double> row = test.parts;
  if (row.empty()) {
    const double first = test.imbalance / n;
    row.assign(size, n > 1 ? (1 - first) / (n - 1) : 0);
    row.front() = first;
  }
  CHECK(row.size() == size);
  const double sum = std::accumulate(row.begin(), row.end(), 0.0);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i] = row[i % size] / sum;
  }
  return parts;
}

void CheckUneven(const CollectiveTestSpec& test, Fidelity fidelity, bool changes) {
  if (changes && test.sizes.size() > 1) {
    throw UserError(test.path + ".size",
                    fmt::format("{} sizes of {} are asked for, and links fail at a time within it; "
                                "expected one size",
                                test.sizes.size(), test.Name()));
  }
  const std::int64_t ranks = test.ranks;
  if (changes && ranks * (test.group_size > 0 ? test.group_size : ranks) > kUnevenPairsMost) {
    throw UserError(test.path + ".ranks",
                    fmt::format("links fail at a time within {} of {} ranks, of which what each "
                                "link carries is added up and nothing is moved; expected at most "
                                "1024 ranks",
                                test.Name(), ranks));
  }
  if (test.uneven && fidelity == Fidelity::kAnalytic) {
    throw UserError(test.path + ".collective",
                    test.Name() +
                        " has no closed form without contention; expected --fidelity "
                        "folded or full");
  }
  if (!test.uneven && fidelity == Fidelity::kFull) {
    throw UserError(test.path + ".ranks",
                    fmt::format("full fidelity lays every pair of {} in groups of {}; expected "
                                "--fidelity folded, where some pairs stand for all, or at most "
                                "4096 ranks in a group",
                                test.Name(), test.group_size));
  }
}

StepRecord EvaluateUneven(const CollectiveTestSpec& test, const StepProgram& program,
                          const std::vector<NetworkEpoch>& epochs, const ServerSpec& server,
                          Fidelity fidelity) {
  const Network& network = *epochs.front().network;
  const Placement placement = WholeSite(network, 0);
  const RankMap map(program.grid, placement, network);
  const GroupFamily& family = program.families.front();
  const auto n = static_cast<int>(family.group_size());
  const bool sampled = SampledPairs(test) > 1;
  const std::vector<double> parts = sampled ? std::vector<double>() : UnevenParts(test, n);
  const bool many = family.group_count() * n * n > kUnevenPairsMost;
  std::vector<NetworkMessage> messages;
  Loads loads(network);
  GroupShape shape;
  for (std::int64_t g = 0; g < family.group_count(); ++g) {
    const std::vector<AcceleratorIndex> members = AcceleratorsOf(family.RanksOf(g), map);
    const auto add = [&](const NetworkMessage& message) {
      if (many) {
        loads.Add(message);
      } else {
        messages.push_back(message);
      }
    };
    if (sampled) {
      ForEachSampled(members, std::clamp(n / 8, 1, SampledPairs(test)), network, server, add);
    } else {
      ForEachMessage(members, parts, network, server, add);
    }
    const GroupShape lies = ShapeOf(members, network);
    shape = g == 0 || lies.domains > shape.domains ? lies : shape;
  }
  FlowOptions options;
  options.fidelity = fidelity;
  const CollectiveCall first{program.collectives[0].kind, program.collectives[0].payload, shape,
                             server};
  const Seconds latency = program.collectives[0].algorithm->costs(first).front().latency;
  const FlowRecord flows =
      many ? loads.Record() : RunFlowStudy(Simulated(epochs, first, latency), messages, options);
  StepRecord record;
  record.label = "baseline";
  record.fidelity = FidelityName(fidelity);
  record.accelerators = family.group_count() * n;
  record.classes = flows.classes;
  record.activities = flows.activities;
  Fingerprint hash;
  for (std::int32_t i = 0; i < RowsOf(program); ++i) {
    CollectiveResult row = RowOf(program.collectives[i], flows, shape, server);
    row.groups = family.group_count();
    hash.Add(row.time.si());
    record.step_time += row.time * test.iterations;
    record.tested.push_back(std::move(row));
  }
  record.fingerprint = hash.value();
  return record;
}

}  // namespace gridlock
