#include "topologies/failures.h"

#include <algorithm>
#include <deque>
#include <limits>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/topology.h"

namespace gridlock {

namespace {

constexpr std::int32_t kFarAway = std::numeric_limits<std::int32_t>::max();

std::string WithoutBrackets(std::string name) {
  std::erase_if(name, [](char c) {
    return c == '[' || c == ']';
  });
  return name;
}

}  // namespace

Failures::Failures(const Topology& topology)
    : graph_(topology.route_graph()),
      accelerators_(topology.accelerators()),
      direct_(topology.site().server.direct),
      down_(topology.links(), false),
      out_(graph_.nodes.size()),
      in_(graph_.nodes.size()) {
  for (std::size_t e = 0; e < graph_.edges.size(); ++e) {
    out_[graph_.edges[e].from].push_back(static_cast<std::int32_t>(e));
    in_[graph_.edges[e].to].push_back(static_cast<std::int32_t>(e));
  }
  for (const std::string& name : topology.site().failed) {
    if (!topology.IsInBundle(name)) {
      Fail(name, topology.site().path + ".failed");
    }
  }
}

void Failures::Fail(const std::string& name, const std::string& path) {
  const std::string plain = WithoutBrackets(name);
  bool known = false;
  for (std::size_t e = 0; e < down_.size(); ++e) {
    if (graph_.edges[e].id == name) {
      FailLink(static_cast<std::int32_t>(e));
      known = true;
    }
  }
  // A plane: all that has its name in front.
  const std::string within = name + ".";
  for (std::size_t e = 0; e < down_.size(); ++e) {
    if (graph_.edges[e].id.starts_with(within)) {
      down_[e] = true;
      known = true;
    }
  }
  for (std::size_t n = 0; n < graph_.nodes.size() && !known; ++n) {
    if (graph_.nodes[n].id != name && graph_.nodes[n].id != plain) {
      continue;
    }
    known = true;
    for (const auto* edges : {&out_[n], &in_[n]}) {
      for (const std::int32_t e : *edges) {
        if (e < static_cast<std::int32_t>(down_.size())) {
          down_[e] = true;
        }
      }
    }
  }
  if (known) {
    return;
  }
  std::vector<std::string> names;
  constexpr std::size_t kCompared = 100'000;
  for (std::size_t e = 0; e < std::min(down_.size(), kCompared); ++e) {
    names.push_back(graph_.edges[e].id);
  }
  throw UserError({{path,
                    fmt::format("there is no link or switch {}; expected names such as \"{}\" "
                                "or \"{}\"{}",
                                Quoted(name), graph_.edges[0].id, graph_.nodes.back().id,
                                DidYouMean(name, names)),
                    name}});
}

// The other direction of the k-th link from one machine to another is the k-th one back.
void Failures::FailLink(std::int32_t edge) {
  const RouteGraph::Edge& there = graph_.edges[edge];
  int before = 0;
  for (const std::int32_t e : out_[there.from]) {
    before += e < edge && graph_.edges[e].to == there.to ? 1 : 0;
  }
  down_[edge] = true;
  for (const std::int32_t e : out_[there.to]) {
    const bool link = e < static_cast<std::int32_t>(down_.size());
    if (link && graph_.edges[e].to == there.from && before-- == 0) {
      down_[e] = true;
    }
  }
}

// Other traffic does not go through the scale-up switches of servers.
bool Failures::Carries(std::int32_t edge) const {
  const RouteGraph::Edge& one = graph_.edges[edge];
  if (edge < static_cast<std::int32_t>(down_.size()) && down_[edge]) {
    return false;
  }
  return direct_ || (graph_.nodes[one.from].kind != RouteGraph::kScaleUpSwitch &&
                     graph_.nodes[one.to].kind != RouteGraph::kScaleUpSwitch);
}

std::vector<std::int32_t> Failures::DistancesTo(std::int32_t goal) const {
  std::vector<std::int32_t> distances(graph_.nodes.size(), kFarAway);
  std::deque<std::int32_t> next{goal};
  distances[goal] = 0;
  while (!next.empty()) {
    const std::int32_t node = next.front();
    next.pop_front();
    // Accelerators of servers pass nothing on.
    if (!direct_ && node != goal && node < accelerators_) {
      continue;
    }
    for (const std::int32_t e : in_[node]) {
      const std::int32_t from = graph_.edges[e].from;
      if (Carries(e) && distances[from] == kFarAway) {
        distances[from] = distances[node] + 1;
        next.push_back(from);
      }
    }
  }
  return distances;
}

bool Failures::AppendDetour(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t hash,
                            std::vector<LinkIndex>& route) const {
  if (goal_ != to.value) {
    distances_ = DistancesTo(to.value);
    goal_ = to.value;
  }
  if (distances_[from.value] == kFarAway) {
    return false;
  }
  for (std::int32_t node = from.value; node != to.value;) {
    std::vector<std::int32_t> equal;
    for (const std::int32_t e : out_[node]) {
      if (Carries(e) && distances_[graph_.edges[e].to] == distances_[node] - 1) {
        equal.push_back(e);
      }
    }
    const std::int32_t e = equal[HashPick(hash, static_cast<std::uint64_t>(distances_[node]),
                                          static_cast<std::uint64_t>(equal.size()))];
    if (e < static_cast<std::int32_t>(down_.size())) {
      route.push_back({e});
    }
    node = graph_.edges[e].to;
  }
  return true;
}

bool Failures::AppendDetourOf(LinkIndex link, std::vector<LinkIndex>& route) const {
  const RouteGraph::Edge& edge = graph_.edges[link.value];
  return AppendDetour({edge.from}, {edge.to}, MixHash(static_cast<std::uint64_t>(link.value)),
                      route);
}

// Accelerators of a server pass on what others cannot send.
AcceleratorIndex Failures::CutOff() const {
  const auto same_server = [this](std::int32_t a, std::int32_t b) {
    return !direct_ && graph_.nodes[a].server == graph_.nodes[b].server;
  };
  std::vector<bool> reached(static_cast<std::size_t>(accelerators_), false);
  for (std::int32_t goal = 0; goal < accelerators_ && (goal == 0 || same_server(goal, 0)); ++goal) {
    const std::vector<std::int32_t> distances = DistancesTo(goal);
    for (std::int32_t a = 0; a < accelerators_; ++a) {
      if (distances[a] != kFarAway) {
        reached[a] = true;
      }
    }
  }
  for (std::int32_t first = 0; first < accelerators_;) {
    std::int32_t end = first + 1;
    bool any = reached[first];
    for (; end < accelerators_ && same_server(first, end); ++end) {
      any = any || reached[end];
    }
    if (!any && !same_server(first, 0)) {
      return {first};
    }
    first = end;
  }
  return {};
}

}  // namespace gridlock
