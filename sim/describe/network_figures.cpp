#include "sim/describe/network_figures.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "sim/catalogue/assumed_fabric.h"
#include "sim/catalogue/network_parts.h"
#include "sim/report/layout.h"

namespace gridlock {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void AddOnce(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    names.push_back(name);
  }
}

void AddSwitches(const Topology& topology, const FabricGraph& graph, const NetworkParts& parts,
                 NetworkBuild& build) {
  const std::vector<int> used = PortsInUse(graph);
  for (const Equipment& each : topology.equipment()) {
    if (each.count == 0) {
      continue;
    }
    SwitchCount row{each.name, each.model, each.count, 0, 0, each.power, 0};
    for (std::size_t kind = 0; kind < used.size(); ++kind) {
      if (graph.wiring().node_kinds[kind].name == each.name) {
        row.used = used[kind];
      }
    }
    const auto part = parts.switches.find(each.model);
    if (part != parts.switches.end()) {
      row.ports = part->second.ports;
      row.price_usd = part->second.price_usd;
      if (part->second.estimate) {
        AddOnce(build.estimated, each.model);
      }
    }
    if (row.price_usd <= 0) {
      AddOnce(build.unpriced, each.model.empty() ? each.name : each.model);
    }
    if (each.power <= Watts(0)) {
      AddOnce(build.unpowered, each.model.empty() ? each.name : each.model);
    }
    const auto count = static_cast<double>(each.count);
    build.switch_usd += row.price_usd * count;
    build.switch_power += each.power * count;
    build.switches.push_back(row);
  }
}

void AddOptics(const Topology& topology, const FabricGraph& graph, const NetworkParts& parts,
               NetworkBuild& build) {
  const std::map<double, std::int64_t> cables = CablesOutOfServers(topology, graph);
  for (const auto& [bandwidth, count] : cables) {
    build.cables += count;
  }
  if (parts.optics.empty() && build.cables > 0) {
    AddOnce(build.unpriced, "transceivers");
  }
  for (const OpticsUse& use : OpticsOf(parts, cables)) {
    const auto links = static_cast<double>(use.links);
    build.optics.push_back({use.part.name, 2 * use.links});
    build.optics_power += use.power();
    build.optics_usd += use.part.price_usd * 2.0 * links;
    build.fibre_usd += use.part.fibre_usd * links;
    if (use.part.price_usd <= 0) {
      AddOnce(build.unpriced, use.part.name);
    } else if (use.part.estimate) {
      AddOnce(build.estimated, use.part.name);
    }
  }
}

// Optical switches stand in cables and are no nodes: a cable takes a port at each of its ends.
void CountOpticalPorts(const Topology& topology, NetworkBuild& build) {
  if (topology.site().server.direct && build.switch_count() > 0) {
    for (SwitchCount& row : build.switches) {
      row.used = static_cast<int>((2 * build.cables + row.count - 1) / row.count);
    }
  }
}

/// "4.2 M USD", three digits.
std::string Dollars(double usd) {
  const double rounded = ThreeDigits(usd);
  if (rounded >= 1e9) {
    return fmt::format("{:g} B USD", rounded / 1e9);
  }
  if (rounded >= 1e6) {
    return fmt::format("{:g} M USD", rounded / 1e6);
  }
  return Grouped(rounded) + " USD";
}

NetworkFigure Number(const char* key, const char* label, double value, int decimals = 0) {
  return {key, label, value, std::isnan(value) ? "-" : Grouped(value, decimals)};
}

NetworkFigure Priced(const char* key, const char* label, double value) {
  return {key, label, value, std::isnan(value) ? "-" : Dollars(value)};
}

NetworkFigure Drawn(const char* key, const char* label, Watts value) {
  return {key, label, value.si(), FormatWatts(Watts(ThreeDigits(value.si())))};
}

void AddPaths(const Topology& topology, const PathLengths& paths,
              std::vector<NetworkFigure>& figures) {
  const bool none = paths.mean <= 0;
  const bool direct = topology.site().server.direct;
  figures.push_back(Number(
      "diameter_links",
      direct ? "links, longest way of two accelerators" : "links, longest way of two servers",
      none ? kNaN : paths.diameter));
  figures.push_back(Number("diameter_machines",
                           direct ? "  accelerators that pass it on" : "  switches on it",
                           none ? kNaN : paths.diameter - 1));
  figures.push_back(Number("mean_links", "links, mean of all pairs", none ? kNaN : paths.mean, 3));
  figures.push_back(
      Number("ways_least", "equal shortest ways, fewest", none ? kNaN : paths.ways_least));
  figures.push_back(
      Number("ways_mean", "equal shortest ways, mean", none ? kNaN : paths.ways_mean, 2));
}

}  // namespace

std::int64_t NetworkBuild::switch_count() const {
  std::int64_t sum = 0;
  for (const SwitchCount& each : switches) {
    sum += each.count;
  }
  return sum;
}

std::int64_t NetworkBuild::optics_count() const {
  std::int64_t sum = 0;
  for (const OpticsCount& each : optics) {
    sum += each.count;
  }
  return sum;
}

int NetworkBuild::radix() const {
  int most = 0;
  for (const SwitchCount& each : switches) {
    most = std::max(most, each.used);
  }
  return most;
}

NetworkBuild BuildOf(const Topology& topology, const FabricGraph& graph,
                     const NetworkParts& parts) {
  NetworkBuild build;
  if (StandsAlone(topology.site())) {
    return build;
  }
  AddSwitches(topology, graph, parts, build);
  AddOptics(topology, graph, parts, build);
  CountOpticalPorts(topology, build);
  return build;
}

std::vector<NetworkFigure> FiguresOf(const Topology& topology, const NetworkBuild& build,
                                     const PathLengths& paths, BytesPerSecond bisection) {
  const auto accelerators = static_cast<double>(topology.accelerators());
  std::vector<NetworkFigure> figures;
  figures.push_back(Number("switches", "switches", static_cast<double>(build.switch_count())));
  figures.push_back(Number("radix", "ports in use, most of a switch", build.radix()));
  figures.push_back(
      Number("optical_cables", "cables out of servers", static_cast<double>(build.cables)));
  figures.push_back(
      Number("transceivers", "transceivers", static_cast<double>(build.optics_count())));
  AddPaths(topology, paths, figures);
  const bool cut = bisection > BytesPerSecond(0);
  const auto rate = [&](const char* key, const char* label, double value) {
    figures.push_back({key, label, cut ? value : kNaN,
                       cut ? FormatBandwidth(BytesPerSecond(ThreeDigits(value))) : "-"});
  };
  rate("bisection_at_most_bytes_per_s", "bisection at most", bisection.si());
  rate("bisection_per_accelerator_bytes_per_s", "  for each accelerator of a half",
       bisection.si() / (accelerators / 2));
  figures.push_back(Drawn("switch_w", "power of switches", build.switch_power));
  figures.push_back(Drawn("transceiver_w", "power of transceivers", build.optics_power));
  figures.push_back(Drawn("network_w", "power of the network", build.power()));
  figures.push_back(
      Drawn("network_w_per_accelerator", "  for each accelerator", build.power() / accelerators));
  figures.push_back(Priced("switch_usd", "cost of switches", build.switch_usd));
  figures.push_back(Priced("transceiver_usd", "cost of transceivers", build.optics_usd));
  figures.push_back(Priced("fibre_usd", "cost of fibre", build.fibre_usd));
  figures.push_back(Priced("network_usd", "cost of the network", build.usd()));
  figures.push_back(
      Priced("network_usd_per_accelerator", "  for each accelerator", build.usd() / accelerators));
  return figures;
}

}  // namespace gridlock
