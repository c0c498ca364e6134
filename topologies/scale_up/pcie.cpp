#include "topologies/scale_up/pcie.h"

#include <cstdint>
#include <utility>

namespace gridlock {

PcieTree::PcieTree(const ServerSpec& server, ServerLinks& links)
    : spec_(server.network.pcie),
      link_(spec_.link.si() > 0 ? spec_.link : server.accelerator.scale_up_bandwidth) {
  AddAccelerators(server.accelerators, links);
  AddSwitches(links);
  AddNics(server, links);
  AddSockets(links);
}

// Without a list, blocks of neighbours hang on each switch, and blocks of switches on each socket.
PcieTree::Place PcieTree::PlaceOf(int index, int count, const std::vector<int>& given) const {
  const std::int64_t places = spec_.switches > 0 ? spec_.switches : spec_.sockets;
  const int at = given.empty() ? static_cast<int>(index * places / count) : given[index];
  if (spec_.switches == 0) {
    return {-1, at};
  }
  return {at, static_cast<int>(std::int64_t{at} * spec_.sockets / spec_.switches)};
}

int PcieTree::ParentOf(const Place& place, const ServerLinks& links) {
  return place.pcie_switch < 0 ? links.node(Machine::kSocket, place.socket)
                               : links.node(Machine::kPcieSwitch, place.pcie_switch);
}

void PcieTree::AddAccelerators(int accelerators, ServerLinks& links) {
  accelerators_up_ = links.next();
  for (int a = 0; a < accelerators; ++a) {
    at_.push_back(PlaceOf(a, accelerators, spec_.accelerators_at));
    links.AddBothWays({Kind::kPcie, link_, "pcie_up", Machine::kAccelerator, a, -1, a,
                       ParentOf(at_.back(), links)},
                      "pcie_down");
  }
}

void PcieTree::AddSwitches(ServerLinks& links) {
  switches_up_ = links.next();
  const BytesPerSecond uplink = spec_.uplink.si() > 0 ? spec_.uplink : link_;
  for (int s = 0; s < spec_.switches; ++s) {
    const std::int64_t socket = std::int64_t{s} * spec_.sockets / spec_.switches;
    links.AddBothWays({Kind::kPcie, uplink, "pcie_switch_up", Machine::kPcieSwitch, s, -1,
                       links.node(Machine::kPcieSwitch, s),
                       links.node(Machine::kSocket, static_cast<int>(socket))},
                      "pcie_switch_down");
  }
}

// Several NICs of one accelerator are one machine; the first of them says where it hangs.
void PcieTree::AddNics(const ServerSpec& server, ServerLinks& links) {
  nics_up_ = links.next();
  const int seen = links.nodes(Machine::kNic);
  const BytesPerSecond nic_link =
      (spec_.nic_link.si() > 0 ? spec_.nic_link : link_) * server.nics_each();
  for (int nic = 0; nic < seen; ++nic) {
    const int first = static_cast<int>(std::int64_t{nic} * server.nics / seen);
    nics_.push_back(PlaceOf(first, server.nics, spec_.nics_at));
    links.AddBothWays({Kind::kPcie, nic_link, "pcie_nic_up", Machine::kNic, nic, -1,
                       links.node(Machine::kNic, nic), ParentOf(nics_.back(), links)},
                      "pcie_nic_down");
  }
}

void PcieTree::AddSockets(ServerLinks& links) {
  sockets_first_ = links.next();
  for (int a = 0; a < spec_.sockets; ++a) {
    for (int b = 0; b < spec_.sockets; ++b) {
      if (a != b) {
        links.Add({Kind::kSocketLink, spec_.socket_link, "socket_link", Machine::kSocket, a, b,
                   links.node(Machine::kSocket, a), links.node(Machine::kSocket, b)});
      }
    }
  }
  memory_first_ = links.next();
  for (int socket = 0; spec_.through_host && socket < spec_.sockets; ++socket) {
    links.Add({Kind::kHostMemory, spec_.host_memory, "host_memory", Machine::kSocket, socket, -1,
               -1, -1});
  }
}

// Up to the switch or socket that both hang under. Bytes that are put down in host memory go up to
// the sender's socket in any case; there they are written once and read once.
void PcieTree::Append(int up, const Place& from, const Place& to, int down,
                      std::vector<int>& route) const {
  const bool host = spec_.through_host;
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
      route.push_back(sockets_first_ + from.socket * (spec_.sockets - 1) +
                      (to.socket < from.socket ? to.socket : to.socket - 1));
    }
    if (to.pcie_switch >= 0) {
      route.push_back(switches_up_ + 2 * to.pcie_switch + 1);
    }
  }
  route.push_back(down);
}

void PcieTree::AppendRoute(int from, int to, std::vector<int>& route) const {
  Append(accelerators_up_ + 2 * from, at_[from], at_[to], accelerators_up_ + 2 * to + 1, route);
}

void PcieTree::AppendToNic(int accelerator, int nic, std::vector<int>& route) const {
  Append(accelerators_up_ + 2 * accelerator, at_[accelerator], nics_[nic], nics_up_ + 2 * nic + 1,
         route);
}

void PcieTree::AppendFromNic(int nic, int accelerator, std::vector<int>& route) const {
  Append(nics_up_ + 2 * nic, nics_[nic], at_[accelerator], accelerators_up_ + 2 * accelerator + 1,
         route);
}

bool PcieTree::ComesBefore(int a, int b) const {
  return std::pair(at_[a].socket, at_[a].pcie_switch) <
         std::pair(at_[b].socket, at_[b].pcie_switch);
}

}  // namespace gridlock
