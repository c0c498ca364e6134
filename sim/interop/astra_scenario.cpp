// ASTRA-sim's dimensions as a scenario.

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/interop/astra_network.h"
#include "topologies/listed/route_graph.h"

namespace gridlock {

namespace {

using Kind = AstraDimension::Kind;

constexpr std::int64_t kEdgesMost = 4'000'000;
constexpr const char* kStandIn = "h100_sxm";

std::string BandwidthText(BytesPerSecond value) {
  return fmt::format("{:.10g} B/s", value.si());
}

std::string TimeText(Seconds value) {
  return fmt::format("{:.10g} ns", value.si() * 1e9);
}

const char* KindName(Kind kind) {
  return kind == Kind::kRingLinks ? "Ring" : kind == Kind::kPairLinks ? "FullyConnected" : "Switch";
}

// Links that a step from one NPU of the dimension to the next one crosses.
int HopsOf(const AstraDimension& dimension) {
  return dimension.kind == Kind::kSwitchLinks ? 2 : 1;
}

Seconds StepOf(const AstraDimension& dimension) {
  return dimension.latency * HopsOf(dimension);
}

// All links of one NPU in the dimension.
BytesPerSecond NpuBandwidth(const AstraDimension& dimension) {
  const int links = dimension.kind == Kind::kRingLinks   ? 2
                    : dimension.kind == Kind::kPairLinks ? dimension.npus - 1
                                                         : 1;
  return dimension.link * std::max(links, 1);
}

// Nothing but bandwidth and the latency of a step.
std::string Transport(const char* name, Seconds step) {
  return fmt::format(R"(  transport {{
    name: "{}"
    fit {{
      all_reduce_efficiency: 1
      all_gather_efficiency: 1
      reduce_scatter_efficiency: 1
      send_efficiency: 1
      all_to_all_efficiency: 1
      step_latency: "{}"
      base_latency: "0 ns"
    }}
    source {{ text: "ASTRA-sim's analytical model: bytes over bandwidth, and a latency" }}
  }}
)",
                     name, TimeText(step));
}

struct Machine {
  BytesPerSecond port, nic;
  Seconds step_inside, step_across;
  int accelerators = 1;
};

std::string CatalogText(const AstraNetwork& network, const Machine& machine) {
  const std::string source =
      fmt::format("source {{ text: {} estimate: true }}",
                  Quoted(fmt::format("Imported from {}; compute, memory and power are those of {}",
                                     network.file, kStandIn)));
  return fmt::format(
      R"(catalog {{
  accelerator {{
    name: "npu"
    like: "{}"
    scale_up {{ per_direction: "{}" }}
    {}
  }}
{}{}  server {{
    name: "npus"
    accelerator: "npu"
    accelerators: {}
    scale_up {{ transport: "inside" }}
    nics: {}
    nic_bandwidth: "{}"
    scale_out {{ transport: "across" }}
    overhead_power: "1 W"
    {}
  }}
  switch {{
    name: "plain_switch"
    ports: 65536
    port_bandwidth: "{}"
    latency: "0 ns"
    power: "1 W"
    {}
  }}
}}
)",
      kStandIn, BandwidthText(machine.port), source, Transport("inside", machine.step_inside),
      Transport("across", machine.step_across), machine.accelerators, machine.accelerators,
      BandwidthText(machine.nic), source, BandwidthText(machine.nic), source);
}

std::string SiteText(int servers, const std::string& fabric) {
  return fmt::format(R"(
site {{
  server: "npus"
  servers: {}
  fabric {{
{}  }}
}}

job {{
  collective_test {{
    collective: "all_reduce"
    size: ["1 MB", "64 MB", "1 GB"]
  }}
}}
)",
                     servers, fabric);
}

std::string ClosText(int servers, int leaves) {
  return fmt::format(R"(    clos {{
      tiers: 2
      rail_optimized: {}
      servers_per_leaf: {}
      leaves_per_pod: {}
      leaf_oversubscription: 1
      leaf_switch: "plain_switch"
      spine_switch: "plain_switch"
    }}
)",
                     leaves > 1, servers, leaves);
}

bool AllAre(const AstraNetwork& network, Kind kind) {
  return std::all_of(network.dimensions.begin(), network.dimensions.end(),
                     [kind](const AstraDimension& dimension) {
                       return dimension.kind == kind;
                     });
}

bool IsTorus(const AstraNetwork& network) {
  const std::vector<AstraDimension>& all = network.dimensions;
  return AllAre(network, Kind::kRingLinks) && (all.size() == 2 || all.size() == 3) &&
         std::all_of(all.begin(), all.end(), [&all](const AstraDimension& dimension) {
           return dimension.npus > 2 && dimension.link == all.front().link &&
                  dimension.latency == all.front().latency;
         });
}

/// The network as a graph of NPUs and switches.
class GraphBuilder {
 public:
  explicit GraphBuilder(const AstraNetwork& network) : network_(network) {
    for (int npu = 0; npu < network.npus(); ++npu) {
      graph_.nodes.push_back({fmt::format("npu{}", npu), RouteGraph::kAccelerator, {npu}});
    }
    int stride = 1;
    for (std::size_t d = 0; d < network.dimensions.size(); ++d) {
      AddDimension(static_cast<int>(d), stride);
      stride *= network.dimensions[d].npus;
    }
  }

  RouteGraph Take() && { return std::move(graph_); }

 private:
  // Of each line of NPUs that differ in this coordinate alone.
  void AddDimension(int d, int stride) {
    const AstraDimension& dimension = network_.dimensions[static_cast<std::size_t>(d)];
    const int n = dimension.npus;
    for (int first = 0; n > 1 && first < network_.npus(); ++first) {
      if (first / stride % n != 0) {
        continue;
      }
      const auto npu = [&](int i) {
        return first + i * stride;
      };
      if (dimension.kind == Kind::kSwitchLinks) {
        const auto at = static_cast<std::int32_t>(graph_.nodes.size());
        graph_.nodes.push_back({fmt::format("switch{}_{}", d + 1, first), "switch", {-1}});
        for (int i = 0; i < n; ++i) {
          Join(npu(i), at, d);
        }
      }
      for (int i = 0; dimension.kind == Kind::kRingLinks && i < (n == 2 ? 1 : n); ++i) {
        Join(npu(i), npu((i + 1) % n), d);
      }
      for (int i = 0; dimension.kind == Kind::kPairLinks && i < n; ++i) {
        for (int j = i + 1; j < n; ++j) {
          Join(npu(i), npu(j), d);
        }
      }
    }
  }

  // Routes take the first dimension first.
  void Join(std::int32_t a, std::int32_t b, int d) {
    for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
      RouteGraph::Edge& edge = graph_.edges.emplace_back();
      edge.id = fmt::format("d{}_{}_{}", d + 1, from, to);
      edge.from = from;
      edge.to = to;
      edge.tier = fmt::format("dimension_{}", d + 1);
      edge.capacity = network_.dimensions[static_cast<std::size_t>(d)].link;
      edge.preference = d;
      edge.stream = d;
    }
  }

  const AstraNetwork& network_;
  RouteGraph graph_;
};

std::int64_t EdgesOf(const AstraNetwork& network) {
  std::int64_t edges = 0;
  for (const AstraDimension& dimension : network.dimensions) {
    const std::int64_t n = dimension.npus;
    const std::int64_t lines = network.npus() / n;
    edges += lines * (dimension.kind == Kind::kPairLinks ? n * (n - 1) : 2 * n);
  }
  return edges;
}

// An all-reduce as ASTRA-sim runs it: through the dimensions one after the other, in each of what
// the ones before it have left, at bytes over bandwidth.
Seconds ByDimensions(const AstraNetwork& network, Bytes size) {
  Seconds time;
  for (const AstraDimension& dimension : network.dimensions) {
    const double n = dimension.npus;
    const double links = dimension.kind == Kind::kPairLinks ? std::max(n - 1, 1.0) : 1.0;
    time += size * (2 * (n - 1) / n) / (dimension.link * links);
    size = size / n;
  }
  return time;
}

// As links in a graph, whatever the dimensions are.
std::string AsGraph(const AstraNetwork& network, const std::string& graph_file,
                    ImportedScenario& made) {
  if (EdgesOf(network) > kEdgesMost) {
    throw UserError("", fmt::format("{}: the network has {} links; expected at most {}",
                                    network.file, EdgesOf(network), kEdgesMost));
  }
  Machine machine;
  for (const AstraDimension& dimension : network.dimensions) {
    machine.port += NpuBandwidth(dimension);
    machine.step_inside = std::max(machine.step_inside, StepOf(dimension));
  }
  machine.nic = network.dimensions.front().link;
  machine.step_across = machine.step_inside;
  std::ostringstream out;
  WriteGraphMl(GraphBuilder(network).Take(), out);
  made.graph = out.str();
  made.notes.push_back("every link stands in " + graph_file +
                       "; routes take the shortest way, the first dimension first");
  if (network.dimensions.size() > 1) {
    made.notes.push_back(fmt::format(
        "left out: ASTRA-sim runs a collective dimension by dimension, here it is one ring over "
        "all NPUs; dimension by dimension an all-reduce of 1 GB takes {:.4g} ms, bytes over "
        "bandwidth",
        ByDimensions(network, Bytes(1e9)).si() * 1e3));
  }
  made.notes.push_back(
      fmt::format("approximated: each step of a collective pays the latency of the slowest "
                  "dimension, {}, whichever it crosses",
                  TimeText(machine.step_inside)));
  return CatalogText(network, machine) +
         SiteText(network.npus(), fmt::format("    listed {{ file: \"{}\" }}\n", graph_file));
}

std::string AsTorus(const AstraNetwork& network, ImportedScenario& made) {
  const AstraDimension& first = network.dimensions.front();
  std::string size, block;
  for (const AstraDimension& dimension : network.dimensions) {
    size += fmt::format("{}{}", size.empty() ? "" : ", ", dimension.npus);
    block += block.empty() ? "1" : ", 1";
  }
  Machine machine;
  machine.port = NpuBandwidth(first) * static_cast<double>(network.dimensions.size());
  machine.nic = first.link;
  machine.step_inside = machine.step_across = StepOf(first);
  made.notes.push_back(
      "the rings are a torus; a message over several hops pays the latency of one");
  return CatalogText(network, machine) +
         SiteText(network.npus(),
                  fmt::format("    torus {{ size: [{}] block: [{}] }}\n", size, block));
}

std::string AsServers(const AstraNetwork& network, ImportedScenario& made) {
  const AstraDimension& inner = network.dimensions.front();
  const bool rails = network.dimensions.size() == 2;
  const AstraDimension& outer = rails ? network.dimensions[1] : inner;
  Machine machine;
  machine.accelerators = inner.npus;
  machine.port = inner.link;
  machine.step_inside = StepOf(inner);
  machine.nic = outer.link;
  machine.step_across = StepOf(outer);
  made.notes.push_back("the first Switch is the scale-up domain of a server");
  if (!rails) {
    made.notes.push_back("a single server: its NICs and its leaf switch carry nothing");
    return CatalogText(network, machine) + SiteText(1, ClosText(1, 1));
  }
  made.notes.push_back(
      "the second Switch is a leaf for each rail; approximated: non-blocking spines join the "
      "rails, where ASTRA-sim goes through the first dimension");
  return CatalogText(network, machine) + SiteText(outer.npus, ClosText(outer.npus, inner.npus));
}

}  // namespace

ImportedScenario ScenarioOf(const AstraNetwork& network, const std::string& name,
                            const std::string& graph_file) {
  ImportedScenario made;
  made.notes = network.notes;
  made.notes.push_back(fmt::format(
      "ASTRA-sim's file knows no compute: that of {} stands in; change the accelerator before you "
      "train on it",
      kStandIn));
  std::string machine;
  if (AllAre(network, Kind::kSwitchLinks) && network.dimensions.size() <= 2 &&
      network.dimensions.front().npus <= 65536) {
    machine = AsServers(network, made);
  } else if (IsTorus(network)) {
    machine = AsTorus(network, made);
  } else {
    machine = AsGraph(network, graph_file, made);
  }
  std::string shape;
  for (const AstraDimension& dimension : network.dimensions) {
    shape += fmt::format("{}{} {}", shape.empty() ? "" : " x ", KindName(dimension.kind),
                         dimension.npus);
  }
  made.text = fmt::format("# {}, from {}\n", shape, network.file);
  for (const std::string& note : made.notes) {
    made.text += "# " + note + "\n";
  }
  made.text += fmt::format("schema_version: 1\nname: {}\ndescription: {}\n\n", Quoted(name),
                           Quoted(shape + ", of ASTRA-sim")) +
               machine;
  return made;
}

}  // namespace gridlock
