#include "topologies/simgrid_xml.h"

#include <algorithm>
#include <cmath>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/listed/route_graph.h"
#include "topologies/network.h"

namespace gridlock {

namespace {

// A route whose links do not add up to its latency gets a link of the rest, which everybody shares
// without loss. Below this the rest is rounding.
constexpr double kRest = 1e-12;

std::string RestLink(double seconds) {
  return fmt::format("rest_of_{:.0f}_ps", seconds * 1e12);
}

class Writer {
 public:
  Writer(const Topology& topology, std::ostream& out)
      : topology_(topology), network_(topology.site()), out_(out) {
    latencies_.resize(static_cast<std::size_t>(topology.links()), 0.0);
    const RouteGraph graph = topology.route_graph();
    for (std::size_t link = 0; link < latencies_.size() && link < graph.edges.size(); ++link) {
      latencies_[link] = graph.nodes[graph.edges[link].to].latency.si();
    }
  }

  void Write(double speed) {
    out_
        << "<?xml version='1.0'?>\n"
           "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
           "<!-- Bandwidth is in bytes per second and direction. Rates are those of Gridlock with\n"
           "     cfg=network/model:CM02, cfg=network/crosstraffic:0, cfg=network/TCP-gamma:1e30. "
           "-->\n"
           "<platform version=\"4.1\">\n"
           "  <zone id=\"site\" routing=\"Full\">\n";
    for (int a = 0; a < topology_.accelerators(); ++a) {
      out_ << fmt::format("    <host id=\"accelerator{}\" speed=\"{}f\"/>\n", a, speed);
    }
    for (LinkIndex link{0}; link.value < topology_.links(); ++link.value) {
      out_ << fmt::format("    <link id=\"{}\" bandwidth=\"{}Bps\" latency=\"{}s\"/>\n",
                          topology_.name(link), topology_.capacity(link).si(),
                          latencies_[static_cast<std::size_t>(link.value)]);
    }
    CollectRoutes();
    for (const std::string& rest : rests_) {
      out_ << rest;
    }
    for (const std::string& route : routes_) {
      out_ << route;
    }
    out_ << "  </zone>\n</platform>\n";
  }

 private:
  void CollectRoutes() {
    for (AcceleratorIndex from{0}; from.value < topology_.accelerators(); ++from.value) {
      for (AcceleratorIndex to{0}; to.value < topology_.accelerators(); ++to.value) {
        if (from != to) {
          routes_.push_back(RouteOf(from, to));
        }
      }
    }
  }

  std::string RouteOf(AcceleratorIndex from, AcceleratorIndex to) {
    std::vector<LinkIndex> links;
    if (!network_.AppendRoute(from, to, links)) {
      throw UserError("", fmt::format("no way is left from accelerator {} to {}; expected a site "
                                      "whose accelerators all reach each other",
                                      from.value, to.value));
    }
    std::string route =
        fmt::format("    <route src=\"accelerator{}\" dst=\"accelerator{}\" symmetrical=\"NO\">",
                    from.value, to.value);
    double rest = topology_.Latency(from, to).si();
    for (const LinkIndex link : links) {
      route += fmt::format("<link_ctn id=\"{}\"/>", topology_.name(link));
      rest -= latencies_[static_cast<std::size_t>(link.value)];
    }
    if (rest > kRest) {
      rests_.insert(
          fmt::format("    <link id=\"{}\" bandwidth=\"1e18Bps\" latency=\"{}s\" "
                      "sharing_policy=\"FATPIPE\"/>\n",
                      RestLink(rest), std::round(rest * 1e12) / 1e12));
      route += fmt::format("<link_ctn id=\"{}\"/>", RestLink(rest));
    }
    return route + "</route>\n";
  }

  const Topology& topology_;
  Network network_;
  std::ostream& out_;
  std::vector<double> latencies_;  ///< by link: of the machine that it leads to
  std::set<std::string> rests_;
  std::vector<std::string> routes_;
};

}  // namespace

void WriteSimGridXml(const Topology& topology, double speed, std::ostream& out) {
  if (topology.accelerators() > kSimGridAcceleratorsMost) {
    throw UserError("", fmt::format("a platform of SimGrid has the route of every pair, and {} "
                                    "accelerators are too many; expected at most {}",
                                    topology.accelerators(), kSimGridAcceleratorsMost));
  }
  Writer(topology, out).Write(speed);
}

}  // namespace gridlock
