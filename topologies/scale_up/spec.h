#pragma once

// How the accelerators of a server reach each other and their NICs, as a user describes it. Numbers
// of accelerators, switches, sockets and NICs count from 0 within the server.

#include <string>
#include <vector>

#include "sim/base/units.h"
#include "topologies/torus/grid.h"

namespace gridlock {

/// Two accelerators whose links differ from those of other pairs.
struct MeshPair {
  int a = 0, b = 0;
  int links = 0;     ///< 0: no link joins them
  double speed = 1;  ///< share of its bandwidth that a link runs at
};

/// A tree of PCIe: accelerators and NICs hang on switches, switches on sockets (root complexes).
/// Without switches they hang on the sockets.
struct PcieSpec {
  bool given = false;
  int sockets = 1;
  int switches = 0;                  ///< of the server, all sockets together
  BytesPerSecond link;               ///< of an accelerator; 0: accelerator.scale_up_bandwidth
  BytesPerSecond uplink;             ///< of a switch to its socket; 0: as `link`
  BytesPerSecond socket_link;        ///< all links between two sockets together
  BytesPerSecond nic_link;           ///< of a NIC; 0: as `link`
  bool through_host = false;         ///< no peer-to-peer: all bytes are put down in host memory
  BytesPerSecond host_memory;        ///< of one socket, reads and writes together
  std::vector<int> accelerators_at;  ///< switch (or socket) of each; empty: evenly, in blocks
  std::vector<int> nics_at;          ///< the same of NICs
};

/// The network inside a server.
struct ScaleUpSpec {
  enum class Links {
    kSwitch,  ///< every pair through switch chips
    kMesh,    ///< links from accelerator to accelerator
    kNone,    ///< PCIe only
  };

  std::string path;
  Links links = Links::kSwitch;

  // Switches. With `group` there are two tiers: the accelerators of a group share what leaves it.
  int chips = 1;                ///< over which the links of an accelerator are spread evenly
  int lost = 0;                 ///< chips out of order
  int group = 0;                ///< accelerators under the switches of the first tier; 0: one tier
  double oversubscription = 1;  ///< ports of a full group over its links to the second tier

  // Mesh. The bandwidth of one link is that of the accelerator over `links_each`.
  int links_each = 0;           ///< links of an accelerator; 0: as many as the busiest one has
  int between = 0;              ///< links of every pair that `pairs` does not name
  int mesh_group = 0;           ///< accelerators of a group, in which `between` counts; 0: all
  int between_groups = 0;       ///< links of every two groups
  std::vector<MeshPair> pairs;  ///< each pair once
  std::vector<int> torus;       ///< sides; empty: no torus
  std::vector<int> open;        ///< axes of the torus that do not close to rings
  int cores = 1;                ///< accelerators of a chip, which share its links
  BytesPerSecond core_link;     ///< of each of them to its chip

  PcieSpec pcie;

  /// One ideal switch, and nothing between accelerators and NICs: ports say it all.
  [[nodiscard]] bool plain() const { return links == Links::kSwitch && group == 0 && !pcie.given; }

  /// Links to neighbours in each dimension. On a fabric that is made of such links they are the
  /// fabric's.
  [[nodiscard]] bool is_torus() const { return links == Links::kMesh && !torus.empty(); }

  /// By axis of a torus: whether it does not close to a ring.
  [[nodiscard]] OpenAxes open_axes() const {
    OpenAxes axes{};
    for (const int axis : open) {
      axes[axis] = true;
    }
    return axes;
  }

  /// Share of the links of an accelerator that reach a chip in order.
  [[nodiscard]] double chips_in_order() const { return 1.0 * (chips - lost) / chips; }
};

}  // namespace gridlock
