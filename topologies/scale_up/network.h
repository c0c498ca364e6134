#pragma once

// The links inside one server: between its accelerators, and from them to its NICs.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "topologies/machine.h"
#include "topologies/scale_up/pcie.h"
#include "topologies/scale_up/rings.h"
#include "topologies/scale_up/server_links.h"
#include "topologies/scale_up/ways.h"

namespace gridlock {

/// Built once for all servers of a site. Links are numbered from 0; each is one direction. A server
/// whose network is plain (ScaleUpSpec::plain) needs none of this.
///
/// Two accelerators reach each other
///  * through the ports of their switch, and over the second tier of switches where there is one;
///  * on a mesh over the links that join them. A pair without a link goes over PCIe where the
///    server has a tree; else other accelerators pass its bytes on, along a shortest way (ways.h);
///  * as cores of a chip (ScaleUpSpec::cores) over the chip, and to other chips over its links;
///  * over PCIe, up to the switch or socket that both hang under. Without peer-to-peer every byte
///    is written to the memory of the sender's socket and read from there.
class ServerNetwork {
 public:
  using Kind = ServerLinks::Kind;
  using Machine = ServerLinks::Machine;
  using Link = ServerLinks::Link;
  using Ring = ServerRing;
  static constexpr int kKinds = ServerLinks::kKinds;
  static constexpr int kMachines = ServerLinks::kMachines;

  /// Throws UserError (paths under server.network.path) when the description does not fit together.
  explicit ServerNetwork(const ServerSpec& server);
  ServerNetwork(const ServerNetwork&) = delete;
  ServerNetwork& operator=(const ServerNetwork&) = delete;

  [[nodiscard]] const std::vector<Link>& links() const { return links_.all(); }

  /// Machines of a kind.
  [[nodiscard]] int nodes(Machine kind) const { return links_.nodes(kind); }

  /// Number of a machine.
  [[nodiscard]] int node(Machine kind, int index) const { return links_.node(kind, index); }

  [[nodiscard]] bool has_ports() const { return spec_.links == ScaleUpSpec::Links::kSwitch; }

  [[nodiscard]] bool has_pcie() const { return spec_.pcie.given; }

  /// Port of an accelerator; only where has_ports().
  [[nodiscard]] int port(int accelerator, bool out) const {
    return 2 * accelerator + (out ? 0 : 1);
  }

  /// NIC that an accelerator uses: neighbours share one.
  [[nodiscard]] int nic_of(int accelerator) const;

  /// Appends the links between two accelerators, and between an accelerator and its NIC.
  void AppendRoute(int from, int to, std::vector<int>& route) const;
  void AppendToNic(int accelerator, std::vector<int>& route) const;
  void AppendFromNic(int accelerator, std::vector<int>& route) const;

  /// A ring of at least two members, which rise. On a torus, where the members fill a grid: over
  /// all its axes (torus/grid.h). Else over a mesh: as many rings side by side as the links between
  /// the members allow (rings.h). Where no ring goes over those alone, and over PCIe: in the order
  /// of the tree, up and down each link once, and where links join some members (pairs under a
  /// bridge), these share the way in and out evenly. Else one ring in the members' order. Cores
  /// pass it on within their chip, and the chips along the ring of chips.
  [[nodiscard]] const Ring& RingOf(const std::vector<int>& members) const;

  /// What a member sends per second when nothing else uses the links.
  [[nodiscard]] BytesPerSecond PaceOf(const Ring& ring) const;

  /// For people: "a full mesh of 64 GB/s per pair and direction".
  [[nodiscard]] std::vector<std::string> facts() const;

 private:
  /// Nodes of the mesh: accelerators, or the chips that they are cores of.
  [[nodiscard]] int chips() const { return server_.accelerators / spec_.cores; }

  [[nodiscard]] bool has_chips() const { return spec_.cores > 1; }

  [[nodiscard]] int chip_of(int accelerator) const { return accelerator / spec_.cores; }

  [[nodiscard]] int core_link(int accelerator, bool out) const {
    return cores_first_ + 2 * accelerator + (out ? 0 : 1);
  }

  void AddSwitch();
  void AddMesh();
  void ReadPairs(std::vector<double>& speed);
  void AddCores();
  void FindWays();

  [[nodiscard]] int LinksBetween(int a, int b) const { return counts_.At(a, b); }

  void AppendRelayed(int from, int to, std::vector<int>& route) const;
  void AppendBetween(int from, int to, std::vector<int>& route) const;
  [[nodiscard]] Ring CoreRing(const std::vector<int>& members) const;
  [[nodiscard]] Ring NodeRing(const std::vector<int>& members) const;
  [[nodiscard]] Ring MeshRing(const std::vector<int>& members) const;
  [[nodiscard]] std::vector<std::vector<int>> Pieces(std::vector<int> members) const;
  [[nodiscard]] Ring PcieRing(const std::vector<int>& members) const;
  [[nodiscard]] Ring RoutedRing(const std::vector<int>& members) const;

  ServerSpec server_;
  const ScaleUpSpec& spec_ = server_.network;
  ServerLinks links_;
  LinkCounts counts_;                 ///< mesh: by pair of nodes; empty without
  std::vector<int> mesh_;             ///< link from a to b, -1: none
  std::vector<int> relay_;            ///< torus: next accelerator from a to b
  std::optional<ShortestWays> ways_;  ///< mesh without PCIe
  std::optional<PcieTree> pcie_;
  int cores_first_ = 0;
  /// Rings found so far: a cache that changes no result. A topology belongs to one thread.
  mutable std::map<std::vector<int>, Ring> rings_;
};

/// ServerSpec::ring_bandwidths of a server; empty where every ring runs at the pace of the ports.
std::vector<BytesPerSecond> RingBandwidths(const ServerSpec& server);

}  // namespace gridlock
