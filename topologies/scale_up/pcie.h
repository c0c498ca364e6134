#pragma once

// The PCIe tree of a server: its links, and the ways through it.

#include <vector>

#include "sim/base/units.h"
#include "topologies/machine.h"
#include "topologies/scale_up/server_links.h"

namespace gridlock {

class PcieTree {
 public:
  /// Adds its links, in a fixed order: accelerators, switches, NICs, each up and down; then from
  /// socket to socket; then host memory by socket.
  PcieTree(const ServerSpec& server, ServerLinks& links);

  /// Of a link of an accelerator.
  [[nodiscard]] BytesPerSecond link() const { return link_; }

  /// Appends the links from one accelerator to another, or between an accelerator and a NIC.
  void AppendRoute(int from, int to, std::vector<int>& route) const;
  void AppendToNic(int accelerator, int nic, std::vector<int>& route) const;
  void AppendFromNic(int nic, int accelerator, std::vector<int>& route) const;

  /// The order of accelerators in the tree: socket by socket, switch by switch.
  [[nodiscard]] bool ComesBefore(int a, int b) const;

 private:
  using Kind = ServerLinks::Kind;
  using Machine = ServerLinks::Machine;

  /// Where an accelerator or a NIC hangs.
  struct Place {
    int pcie_switch = -1;  ///< -1: on the socket itself
    int socket = 0;
  };

  [[nodiscard]] Place PlaceOf(int index, int count, const std::vector<int>& given) const;
  static int ParentOf(const Place& place, const ServerLinks& links);
  void AddAccelerators(int accelerators, ServerLinks& links);
  void AddSwitches(ServerLinks& links);
  void AddNics(const ServerSpec& server, ServerLinks& links);
  void AddSockets(ServerLinks& links);
  void Append(int up, const Place& from, const Place& to, int down, std::vector<int>& route) const;

  PcieSpec spec_;
  BytesPerSecond link_;
  std::vector<Place> at_, nics_;                             ///< accelerators and NICs in the tree
  int accelerators_up_ = 0, switches_up_ = 0, nics_up_ = 0;  ///< first links
  int sockets_first_ = 0, memory_first_ = 0;
};

}  // namespace gridlock
