#include "workloads/program/rank_trace.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"

namespace gridlock {

namespace {

/// Edges as lists: those of node n begin at begin[n].
struct Edges {
  std::vector<std::int32_t> begin, to;
};

/// Both orders of the same edges take two passes: count, then fill.
template <typename ForEach>
Edges Collect(std::size_t nodes, const ForEach& for_each) {
  Edges edges;
  edges.begin.assign(nodes + 1, 0);
  for_each([&edges](std::int32_t from, std::int32_t /*to*/) {
    ++edges.begin[from + 1];
  });
  for (std::size_t n = 0; n < nodes; ++n) {
    edges.begin[n + 1] += edges.begin[n];
  }
  edges.to.resize(static_cast<std::size_t>(edges.begin[nodes]));
  std::vector<std::int32_t> next(edges.begin.begin(), edges.begin.end() - 1);
  for_each([&](std::int32_t from, std::int32_t to) {
    edges.to[next[from]++] = to;
  });
  return edges;
}

Edges Dependents(const RankTrace& trace, bool control) {
  return Collect(trace.nodes.size(), [&](const auto& edge) {
    for (std::size_t n = 0; n < trace.nodes.size(); ++n) {
      const TraceNode& node = trace.nodes[n];
      const std::int32_t end = control ? node.deps_end : node.data_end;
      for (std::int32_t d = node.deps_begin; d < end; ++d) {
        edge(trace.deps[d], static_cast<std::int32_t>(n));
      }
    }
  });
}

std::vector<std::int32_t> CountsOf(const Edges& edges, std::size_t nodes) {
  std::vector<std::int32_t> counts(nodes, 0);
  for (const std::int32_t to : edges.to) {
    ++counts[to];
  }
  return counts;
}

/// Nodes so that each stands behind those that it waits for; shorter than the trace when some wait
/// in a ring.
std::vector<std::int32_t> Sort(const RankTrace& trace, const Edges& edges) {
  std::vector<std::int32_t> counts = CountsOf(edges, trace.nodes.size());
  using Key = std::pair<std::pair<double, std::uint64_t>, std::int32_t>;
  std::priority_queue<Key, std::vector<Key>, std::greater<>> ready;
  const auto push = [&](std::int32_t n) {
    const TraceNode& node = trace.nodes[n];
    ready.push({{node.start, node.id}, n});
  };
  for (std::size_t n = 0; n < trace.nodes.size(); ++n) {
    if (counts[n] == 0) {
      push(static_cast<std::int32_t>(n));
    }
  }
  std::vector<std::int32_t> order;
  order.reserve(trace.nodes.size());
  while (!ready.empty()) {
    const std::int32_t n = ready.top().second;
    ready.pop();
    order.push_back(n);
    for (std::int32_t i = edges.begin[n]; i < edges.begin[n + 1]; ++i) {
      if (--counts[edges.to[i]] == 0) {
        push(edges.to[i]);
      }
    }
  }
  return order;
}

/// "3, 5, 3": a ring of nodes that wait for each other, among those that are not in the order.
std::string RingOf(const RankTrace& trace, const std::vector<std::int32_t>& order) {
  std::vector<char> free(trace.nodes.size(), 0);
  for (const std::int32_t n : order) {
    free[n] = 1;
  }
  std::int32_t at = 0;
  while (free[at] != 0) {
    ++at;
  }
  std::vector<std::int32_t> way;
  std::vector<char> seen(trace.nodes.size(), 0);
  while (seen[at] == 0) {
    seen[at] = 1;
    way.push_back(at);
    const TraceNode& node = trace.nodes[at];
    for (std::int32_t d = node.deps_begin; d < node.data_end; ++d) {
      if (free[trace.deps[d]] == 0) {
        at = trace.deps[d];
        break;
      }
    }
  }
  std::string ring;
  constexpr int kMost = 10;
  int shown = 0;
  for (auto n = std::find(way.begin(), way.end(), at); n != way.end(); ++n) {
    ring += shown < kMost ? fmt::format("{}, ", trace.nodes[*n].id) : "";
    ring += ++shown == kMost + 1 ? "..., " : "";
  }
  return ring + std::to_string(trace.nodes[at].id);
}

/// The lane of each node; lanes of the accelerator are one when they shall be.
std::int32_t LaneOf(const RankTrace& trace, const TraceNode& node, bool one_stream) {
  const bool host = node.lane >= 0 && trace.lanes[node.lane].host;
  const auto merged = static_cast<std::int32_t>(trace.lanes.size());
  return one_stream && !host && node.kind != TraceNode::Kind::kMark ? merged : node.lane;
}

}  // namespace

OrderedTrace Order(const RankTrace& trace, bool one_stream) {
  const std::size_t nodes = trace.nodes.size();
  OrderedTrace ordered;
  ordered.trace = &trace;
  ordered.order = Sort(trace, Dependents(trace, /*control=*/true));
  if (ordered.order.size() < nodes) {
    ordered.control = false;
    ordered.order = Sort(trace, Dependents(trace, /*control=*/false));
  }
  if (ordered.order.size() < nodes) {
    throw UserError("", fmt::format("{}: nodes wait for each other in a ring: {}; expected "
                                    "dependencies without rings",
                                    trace.file, RingOf(trace, ordered.order)));
  }
  Edges edges = Collect(nodes, [&](const auto& edge) {
    for (std::size_t n = 0; n < nodes; ++n) {
      const TraceNode& node = trace.nodes[n];
      const std::int32_t end = ordered.control ? node.deps_end : node.data_end;
      for (std::int32_t d = node.deps_begin; d < end; ++d) {
        edge(trace.deps[d], static_cast<std::int32_t>(n));
      }
    }
    std::vector<std::int32_t> last(trace.lanes.size() + 1, -1);
    for (const std::int32_t n : ordered.order) {
      const std::int32_t lane = LaneOf(trace, trace.nodes[n], one_stream);
      if (lane >= 0) {
        if (last[lane] >= 0) {
          edge(last[lane], n);
        }
        last[lane] = n;
      }
    }
  });
  ordered.waits = CountsOf(edges, nodes);
  ordered.next_begin = std::move(edges.begin);
  ordered.next = std::move(edges.to);
  return ordered;
}

}  // namespace gridlock
