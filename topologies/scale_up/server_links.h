#pragma once

// The machines and links of one server, numbered.

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "sim/base/units.h"

namespace gridlock {

class ServerLinks {
 public:
  enum class Kind { kPort, kSpine, kMesh, kPcie, kSocketLink, kHostMemory, kChip };
  static constexpr int kKinds = 7;

  /// Machines of a server, numbered kind by kind: accelerators, switches of the second tier (one),
  /// PCIe switches, sockets, NICs, chips whose cores are the accelerators.
  enum class Machine { kAccelerator, kSpine, kPcieSwitch, kSocket, kNic, kChip };
  static constexpr int kMachines = 6;

  struct Link {
    Kind kind = Kind::kMesh;
    BytesPerSecond capacity;
    const char* word = "";  ///< "mesh"
    Machine named_by = Machine::kAccelerator;
    int a = 0, b = -1;      ///< of the kind `named_by`: "mesh[a->b]", or "pcie_up[a]" without b
    int from = 0, to = -1;  ///< machines; -1: none
    int parallel = 1;
    bool back = false;  ///< the other direction of the link before it
  };

  /// How many machines there are of each kind. Before anything else.
  void SetNodes(Machine kind, int count) { nodes_[static_cast<int>(kind)] = count; }

  /// Machines of a kind.
  [[nodiscard]] int nodes(Machine kind) const { return nodes_[static_cast<int>(kind)]; }

  /// Number of a machine.
  [[nodiscard]] int node(Machine kind, int index) const;

  /// Returns the number of the link.
  int Add(Link link);

  /// Link 2i goes out of the accelerators, 2i + 1 comes back, under the name `down`.
  void AddBothWays(const Link& up, const char* down);

  [[nodiscard]] const std::vector<Link>& all() const { return links_; }

  /// The number of the link that is added next.
  [[nodiscard]] int next() const { return static_cast<int>(links_.size()); }

 private:
  std::array<int, kMachines> nodes_{};
  std::vector<Link> links_;
};

/// A ring's use of the links: of n bytes that each member sends, a link carries n x weight /
/// parts.
struct ServerRing {
  std::vector<std::pair<int, std::int32_t>> loads;  ///< link and weight, rising
  std::int32_t parts = 1;
  int steps = 0;  ///< of one round; 0: one less than members
};

}  // namespace gridlock
