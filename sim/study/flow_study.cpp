#include "sim/study/flow_study.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "sim/base/check.h"
#include "sim/engine/flow_engine.h"
#include "sim/plan/flow_plan.h"
#include "sim/record/fingerprint.h"

namespace gridlock {

namespace {

/// What each link of a plan carried: all of every message that crosses it.
std::vector<Bytes> CarriedOf(const FlowPlan& plan) {
  std::vector<Bytes> carried(plan.links.size());
  for (const FlowPlan::Flow& flow : plan.flows) {  // those that are unreachable have no route
    for (std::int32_t i = flow.route.begin; i < flow.route.end; ++i) {
      carried[plan.routes[i].resource] += flow.wire * plan.routes[i].weight;
    }
  }
  return carried;
}

/// The same as it was simulated, link by link.
std::vector<Bytes> CarriedOf(const FlowPlan& plan, const FlowRun& run) {
  std::vector<Bytes> carried;
  carried.reserve(plan.resource_of.size());
  for (const std::int32_t resource : plan.resource_of) {
    carried.emplace_back(run.carried[resource]);
  }
  return carried;
}

/// Fills links, hottest first, and tiers; returns where each link of the plan stands among them.
std::vector<std::int32_t> AddLinks(const Network& network, const FlowPlan& plan,
                                   const std::vector<Bytes>& carried, FlowRecord& record) {
  const double seconds = record.last_sent.si();
  std::vector<double> use(plan.links.size());
  for (std::size_t i = 0; i < use.size(); ++i) {
    use[i] = seconds > 0 ? carried[i] / plan.resources[i].capacity / Seconds(seconds) : 0;
  }
  std::vector<std::int32_t> order(plan.links.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return use[a] != use[b] ? use[a] > use[b] : plan.links[a] < plan.links[b];
  });
  std::vector<std::int32_t> position(order.size());
  std::vector<BytesPerSecond> capacities(network.tiers().size());
  for (const Tier& tier : network.tiers()) {
    TierLoad& load = record.tiers.emplace_back();
    load.tier = tier.name;
    load.words = tier.words;
  }
  for (const std::int32_t i : order) {
    const FlowPlan::Resource& resource = plan.resources[i];
    position[i] = static_cast<std::int32_t>(record.links.size());
    const BytesPerSecond capacity = resource.capacity / plan.parts;
    const Bytes bytes = carried[i] / plan.parts;
    LinkEnds ends = network.ends(plan.links[i]);
    record.links.push_back({network.name(plan.links[i]), network.tiers()[resource.tier].name,
                            capacity, bytes, use[i], std::move(ends.from), std::move(ends.to)});
    TierLoad& tier = record.tiers[resource.tier.value];
    ++tier.links;
    tier.carried += bytes;
    tier.most = std::max(tier.most, use[i]);
    capacities[resource.tier.value] += capacity;
  }
  for (std::size_t t = 0; t < record.tiers.size(); ++t) {
    if (record.tiers[t].links > 0 && seconds > 0) {
      record.tiers[t].use = record.tiers[t].carried / capacities[t] / Seconds(seconds);
    }
  }
  std::erase_if(record.tiers, [](const TierLoad& tier) {
    return tier.links == 0;
  });
  return position;
}

/// The routes that each message takes one after another.
std::vector<std::vector<Span>> RoutesOf(const LaidFlows& all) {
  std::vector<std::vector<Span>> routes;
  for (const FlowPlan::Flow& flow : all.plan.flows) {
    routes.push_back({flow.route});
  }
  for (const Reroute& change : all.changes.reroutes) {
    routes[change.flow].push_back(change.route);
  }
  return routes;
}

/// The link on the routes of a message that is of the class that bound its flow; -1: none.
std::int32_t LinkOfClass(const FlowPlan& all, std::span<const Span> routes, const FlowPlan& plan,
                         std::int32_t bound) {
  for (const Span route : routes) {
    for (std::int32_t i = route.begin; bound >= 0 && i < route.end; ++i) {
      if (plan.resource_of[all.routes[i].resource] == bound) {
        return all.routes[i].resource;
      }
    }
  }
  return -1;
}

void AddRates(const FlowPlan& plan, const FlowRun& run, FlowRecord& record) {
  std::vector<std::vector<const FlowShare*>> of_flow(plan.flows.size());
  for (const FlowShare& share : run.shares) {
    of_flow[share.flow].push_back(&share);
  }
  for (std::size_t m = 0; m < record.flows.size(); ++m) {
    for (const FlowShare* share : of_flow[plan.flow_of[m]]) {
      record.rates.push_back({static_cast<std::int32_t>(m), Seconds(share->from),
                              Seconds(share->until), BytesPerSecond(share->rate)});
    }
  }
}

}  // namespace

FlowRecord RunFlowStudy(const Network& network, const std::vector<NetworkMessage>& messages,
                        const FlowOptions& options) {
  return RunFlowStudy({{Seconds(0), &network}}, messages, options);
}

FlowRecord RunFlowStudy(const std::vector<NetworkEpoch>& epochs,
                        const std::vector<NetworkMessage>& messages, const FlowOptions& options) {
  const Network& network = *epochs.front().network;
  const LaidFlows laid = LayFlows(messages, epochs, options.packets);
  const bool folds = options.fidelity == Fidelity::kFolded;
  const LaidFlows folded = folds ? FoldFlows(laid) : LaidFlows{};
  const FlowPlan& plan = folds ? folded.plan : laid.plan;
  const FlowRun run = RunFlows(plan, folds ? folded.changes : laid.changes, {options.shares});

  FlowRecord record;
  record.accelerators = network.accelerators();
  record.packets = options.packets.name;
  record.efficiency = options.packets.efficiency();
  record.classes = folds ? static_cast<std::int64_t>(plan.flows.size()) : 0;
  record.activities = run.activities;
  for (const double end : run.ends) {
    record.last_sent =
        std::isfinite(end) ? std::max(record.last_sent, Seconds(end)) : record.last_sent;
  }
  // What cannot bind is not simulated where flows fold and nothing changes.
  const std::vector<std::int32_t> position =
      AddLinks(network, laid.plan,
               folds && laid.changes.empty() ? CarriedOf(laid.plan) : CarriedOf(plan, run), record);
  const std::vector<std::vector<Span>> routes =
      folds && !laid.changes.empty() ? RoutesOf(laid) : std::vector<std::vector<Span>>();
  const auto routes_of = [&](std::size_t m) {
    return routes.empty() ? std::span(&laid.plan.flows[m].route, 1) : std::span(routes[m]);
  };
  Fingerprint hash;
  record.flows.reserve(messages.size());
  for (std::size_t m = 0; m < messages.size(); ++m) {
    const NetworkMessage& message = messages[m];
    const std::int32_t flow = plan.flow_of[m];
    const std::int32_t link =
        folds ? LinkOfClass(laid.plan, routes_of(m), plan, run.bound_by[flow]) : run.bound_by[flow];
    FlowResult& result = record.flows.emplace_back();
    result.from = message.from.value;
    result.to = message.to.value;
    result.bytes = message.bytes;
    result.start = message.start;
    result.end = Seconds(run.ends[flow]) + network.Latency(message.from, message.to);
    result.link = link < 0 ? -1 : position[link];
    result.link_use = static_cast<float>(run.bound_use[flow]);
    const bool arrives = std::isfinite(result.end.si());
    record.unreachable += arrives ? 0 : 1;
    record.last_end = arrives ? std::max(record.last_end, result.end) : record.last_end;
    hash.Add(result.end.si());
  }
  record.fingerprint = hash.value();
  if (options.shares) {
    AddRates(plan, run, record);
  }
  return record;
}

}  // namespace gridlock
