// GCC 12 takes Boost's optional edge iterator for uninitialised when it is inlined here.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "topologies/cut.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/boykov_kolmogorov_max_flow.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// Max flow needs whole numbers to be exact: capacities in byte/s, or coarser when their sum would
// not fit 62 bits.
using FlowTraits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;

struct FlowVertex {
  FlowTraits::edge_descriptor predecessor;
  boost::default_color_type colour = boost::white_color;
  std::int64_t distance = 0;
};

struct FlowEdge {
  std::int64_t capacity = 0;
  std::int64_t residual = 0;
  FlowTraits::edge_descriptor reverse;
};

using FlowGraph =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, FlowVertex, FlowEdge>;

class FlowNetwork {
 public:
  FlowNetwork(int vertices, double unit)
      : graph_(static_cast<std::size_t>(vertices)), unit_(unit) {}

  // A cable: the same capacity (byte/s) both ways. A one-way edge has nothing back.
  void Connect(int a, int b, double capacity, double back) {
    const auto forth = boost::add_edge(static_cast<std::size_t>(a), static_cast<std::size_t>(b),
                                       {InUnits(capacity), 0, {}}, graph_)
                           .first;
    const auto reverse = boost::add_edge(static_cast<std::size_t>(b), static_cast<std::size_t>(a),
                                         {InUnits(back), 0, {}}, graph_)
                             .first;
    graph_[forth].reverse = reverse;
    graph_[reverse].reverse = forth;
  }

  // Byte/s from source to sink.
  double MaxFlow(int source, int sink) {
    const std::int64_t flow = boost::boykov_kolmogorov_max_flow(
        graph_, boost::get(&FlowEdge::capacity, graph_), boost::get(&FlowEdge::residual, graph_),
        boost::get(&FlowEdge::reverse, graph_), boost::get(&FlowVertex::predecessor, graph_),
        boost::get(&FlowVertex::colour, graph_), boost::get(&FlowVertex::distance, graph_),
        boost::get(boost::vertex_index, graph_), static_cast<std::size_t>(source),
        static_cast<std::size_t>(sink));
    return static_cast<double>(flow) * unit_;
  }

 private:
  [[nodiscard]] std::int64_t InUnits(double capacity) const {
    return std::llround(capacity / unit_);
  }

  FlowGraph graph_;
  double unit_;  ///< byte/s
};

// Flow that crosses inside the scale-up domains: each is a star, so the narrower side decides.
double ScaleUpCut(const CutProblem& problem, const std::vector<bool>& first_side) {
  double total = 0.0;
  for (const std::vector<int>& terminals : problem.domains) {
    const auto first = std::count_if(terminals.begin(), terminals.end(), [&](int terminal) {
      return first_side[static_cast<std::size_t>(terminal)];
    });
    const auto size = static_cast<std::ptrdiff_t>(terminals.size());
    total += problem.port * static_cast<double>(std::min(first, size - first));
  }
  return total;
}

// Source -> trunk -> sink. A terminal hangs on one vertex only, so those of one side there add up
// to one edge.
double TrunkCut(const CutProblem& problem, const std::vector<bool>& first_side, double unit) {
  const int source = problem.vertices;
  const int sink = problem.vertices + 1;
  std::vector<std::array<double, 2>> below(static_cast<std::size_t>(problem.vertices));
  for (std::size_t t = 0; t < problem.terminals.size(); ++t) {
    const CutProblem::Terminal& terminal = problem.terminals[t];
    below[static_cast<std::size_t>(terminal.vertex)][first_side[t] ? 0 : 1] += terminal.capacity;
  }
  FlowNetwork network(problem.vertices + 2, unit);
  for (const CutProblem::Edge& edge : problem.edges) {
    network.Connect(edge.a, edge.b, edge.capacity, edge.capacity);
  }
  double local = 0.0;
  double supply = 0.0;
  double demand = 0.0;
  for (int vertex = 0; vertex < problem.vertices; ++vertex) {
    // What turns round at the vertex itself always may: it takes no link that others want.
    const auto& [first, second] = below[static_cast<std::size_t>(vertex)];
    const double turned = std::min(first, second);
    local += turned;
    supply += first - turned;
    demand += second - turned;
    if (first > turned) {
      network.Connect(source, vertex, first - turned, 0.0);
    }
    if (second > turned) {
      network.Connect(vertex, sink, second - turned, 0.0);
    }
  }
  return supply > 0.0 && demand > 0.0 ? local + network.MaxFlow(source, sink) : local;
}

// Byte/s per whole number, so that the flow out of the source fits 62 bits.
double FlowUnit(const CutProblem& problem) {
  double total = 0.0;
  for (const CutProblem::Terminal& terminal : problem.terminals) {
    total += terminal.capacity;
  }
  constexpr double kMost = 4e18;
  return std::max(1.0, total / kMost);
}

}  // namespace

CutProblem::Halving HalveServers(std::string name, int servers, int per_server,
                                 const std::function<int(ServerIndex server)>& key) {
  std::vector<int> order(static_cast<std::size_t>(servers));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return key({a}) < key({b});
  });
  CutProblem::Halving halving{
      std::move(name),
      std::vector<bool>(static_cast<std::size_t>(servers) * static_cast<std::size_t>(per_server))};
  for (std::size_t i = 0; i < order.size() / 2; ++i) {
    for (int t = 0; t < per_server; ++t) {
      halving.first_side[static_cast<std::size_t>(order[i] * per_server + t)] = true;
    }
  }
  return halving;
}

CutBound BestKnownCut(const CutProblem& problem) {
  CutBound bound;
  for (const CutProblem::Halving& halving : problem.halvings) {
    CHECK(halving.first_side.size() == problem.terminals.size());
    const double bandwidth = ScaleUpCut(problem, halving.first_side) +
                             TrunkCut(problem, halving.first_side, FlowUnit(problem));
    bound.tried.push_back({halving.name, BytesPerSecond(bandwidth)});
  }
  if (!bound.tried.empty()) {
    bound.best =
        *std::min_element(bound.tried.begin(), bound.tried.end(), [](const Cut& a, const Cut& b) {
          return a.bandwidth < b.bandwidth;
        });
  }
  return bound;
}

std::string DescribeCut(const CutBound& cut) {
  if (cut.tried.empty()) {
    return "no cut: there are no two halves that do not share a NIC";
  }
  return fmt::format(
      "best known cut {} per direction ({}): an upper bound of the bisection bandwidth, the least "
      "of {} halvings tried",
      FormatBandwidth(cut.best.bandwidth), cut.best.halving, cut.tried.size());
}

}  // namespace gridlock
