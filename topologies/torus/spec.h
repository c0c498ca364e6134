#pragma once

#include <string>
#include <vector>

#include "sim/base/units.h"
#include "topologies/switch.h"

namespace gridlock {

/// A torus of two or three dimensions with wrap-around. Every accelerator is a router with two
/// links in each dimension, one to either neighbour; there is no switched scale-up domain
/// (ServerSpec::direct).
struct TorusSpec {
  std::string path;
  std::vector<int> size;   ///< accelerators along each dimension, e.g. 16, 16, 16
  std::vector<int> block;  ///< accelerators of one server along each dimension, e.g. 4, 4, 4
  /// Accelerators of one slice along each dimension; empty: the whole torus. Slices are tori of
  /// their own, made of consecutive servers.
  std::vector<int> slice;
  /// Wrap-around links of the short dimensions arrive shifted by half of the long ones.
  bool twisted = false;
  Seconds hop_latency;  ///< of one link with the router behind it
  /// Optical circuit switches that links between servers pass. They decide who is whose neighbour
  /// and share nothing, so they count for power only.
  int optical_switches = 0;
  SwitchSpec optical_switch;

  [[nodiscard]] bool direct() const { return true; }
};

/// "torus of 16 x 16 x 16".
std::string TitleOf(const TorusSpec& torus);

}  // namespace gridlock
