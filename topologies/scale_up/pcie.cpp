// The PCIe tree of a server: its links, and the ways through it.

#include <algorithm>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/scale_up/network.h"

namespace gridlock {

BytesPerSecond ServerNetwork::pcie_link() const {
  const BytesPerSecond given = spec_.pcie.link;
  return given.si() > 0 ? given : server_.accelerator.scale_up_bandwidth;
}

// Without a list, blocks of neighbours hang on each switch, and blocks of switches on each socket.
ServerNetwork::Place ServerNetwork::PlaceOf(int index, int count,
                                            const std::vector<int>& given) const {
  const PcieSpec& pcie = spec_.pcie;
  const std::int64_t places = pcie.switches > 0 ? pcie.switches : pcie.sockets;
  const int at = given.empty() ? static_cast<int>(index * places / count) : given[index];
  if (pcie.switches == 0) {
    return {-1, at};
  }
  return {at, static_cast<int>(std::int64_t{at} * pcie.sockets / pcie.switches)};
}

// Links in a fixed order: accelerators, switches, NICs, each up and down; then from socket to
// socket; then host memory by socket.
void ServerNetwork::AddPcie() {
  const PcieSpec& pcie = spec_.pcie;
  const BytesPerSecond link = pcie_link();
  const auto parent = [this](const Place& place) {
    return place.pcie_switch < 0 ? node(Machine::kSocket, place.socket)
                                 : node(Machine::kPcieSwitch, place.pcie_switch);
  };
  accelerators_up_ = static_cast<int>(links_.size());
  for (int a = 0; a < server_.accelerators; ++a) {
    at_.push_back(PlaceOf(a, server_.accelerators, pcie.accelerators_at));
    AddBothWays({Kind::kPcie, link, "pcie_up", Machine::kAccelerator, a, -1, a, parent(at_.back())},
                "pcie_down");
  }
  switches_up_ = static_cast<int>(links_.size());
  const BytesPerSecond uplink = pcie.uplink.si() > 0 ? pcie.uplink : link;
  for (int s = 0; s < pcie.switches; ++s) {
    const std::int64_t socket = std::int64_t{s} * pcie.sockets / pcie.switches;
    AddBothWays({Kind::kPcie, uplink, "pcie_switch_up", Machine::kPcieSwitch, s, -1,
                 node(Machine::kPcieSwitch, s), node(Machine::kSocket, static_cast<int>(socket))},
                "pcie_switch_down");
  }
  nics_up_ = static_cast<int>(links_.size());
  // Several NICs of one accelerator are one machine; the first of them says where it hangs.
  const int seen = nodes(Machine::kNic);
  const BytesPerSecond nic_link =
      (pcie.nic_link.si() > 0 ? pcie.nic_link : link) * server_.nics_each();
  for (int nic = 0; nic < seen; ++nic) {
    const int first = static_cast<int>(std::int64_t{nic} * server_.nics / seen);
    nics_.push_back(PlaceOf(first, server_.nics, pcie.nics_at));
    AddBothWays({Kind::kPcie, nic_link, "pcie_nic_up", Machine::kNic, nic, -1,
                 node(Machine::kNic, nic), parent(nics_.back())},
                "pcie_nic_down");
  }
  sockets_first_ = static_cast<int>(links_.size());
  for (int a = 0; a < pcie.sockets; ++a) {
    for (int b = 0; b < pcie.sockets; ++b) {
      if (a != b) {
        Add({Kind::kSocketLink, pcie.socket_link, "socket_link", Machine::kSocket, a, b,
             node(Machine::kSocket, a), node(Machine::kSocket, b)});
      }
    }
  }
  memory_first_ = static_cast<int>(links_.size());
  for (int socket = 0; pcie.through_host && socket < pcie.sockets; ++socket) {
    Add({Kind::kHostMemory, pcie.host_memory, "host_memory", Machine::kSocket, socket, -1, -1, -1});
  }
}

// Up to the switch or socket that both hang under. Bytes that are put down in host memory go up to
// the sender's socket in any case; there they are written once and read once.
void ServerNetwork::AppendPcie(int up, const Place& from, const Place& to, int down,
                               std::vector<int>& route) const {
  const bool host = spec_.pcie.through_host;
  const bool same_switch = from.pcie_switch >= 0 && from.pcie_switch == to.pcie_switch;
  route.push_back(up);
  if (host || !same_switch) {
    if (from.pcie_switch >= 0) {
      route.push_back(switches_up_ + 2 * from.pcie_switch);
    }
    if (host) {
      route.insert(route.end(), 2, memory_first_ + from.socket);
    }
    if (from.socket != to.socket) {
      const int sockets = spec_.pcie.sockets;
      route.push_back(sockets_first_ + from.socket * (sockets - 1) +
                      (to.socket < from.socket ? to.socket : to.socket - 1));
    }
    if (to.pcie_switch >= 0) {
      route.push_back(switches_up_ + 2 * to.pcie_switch + 1);
    }
  }
  route.push_back(down);
}

std::vector<std::string> ServerNetwork::facts() const {
  std::vector<std::string> facts;
  if (spec_.links == ScaleUpSpec::Links::kMesh) {
    const auto least = std::min_element(counts_.links.begin(), counts_.links.end());
    int joined = 0, links = 0;
    for (const int count : counts_.links) {
      joined += count > 0 ? 1 : 0;
      links += count;
    }
    CHECK(least != counts_.links.end());
    facts.push_back(fmt::format(
        "inside a server: {} of {} pairs{} are joined by links, {} links in "
        "all",
        joined / 2, chips() * (chips() - 1) / 2, has_chips() ? " of chips" : "", links / 2));
  }
  if (has_chips()) {
    facts.push_back(
        fmt::format("inside a server: {} accelerators share the links of a chip, {} "
                    "each to it",
                    spec_.cores, FormatBandwidth(spec_.core_link)));
  }
  if (spec_.group > 0 && has_ports()) {
    facts.push_back(
        fmt::format("inside a server: groups of {} accelerators, {:.3g}:1 to the second "
                    "tier of switches",
                    spec_.group, spec_.oversubscription));
  }
  if (has_pcie()) {
    facts.push_back(
        fmt::format("inside a server: PCIe with {} sockets and {} switches, {} per "
                    "accelerator{}",
                    spec_.pcie.sockets, spec_.pcie.switches, FormatBandwidth(pcie_link()),
                    spec_.pcie.through_host ? ", through host memory" : ""));
  }
  return facts;
}

}  // namespace gridlock
