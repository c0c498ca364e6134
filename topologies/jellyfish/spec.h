#pragma once

#include <cstdint>
#include <string>

#include "topologies/routers/spec.h"
#include "topologies/switch.h"

namespace gridlock {

/// Jellyfish: a random regular graph of routers (A. Singla, C.-Y. Hong, L. Popa, P. B. Godfrey,
/// "Jellyfish: networking data centers randomly", NSDI 2012).
struct JellyfishSpec {
  std::string path;
  int routers = 0;
  int router_links = 0;        ///< of each router to others
  int servers_per_router = 0;  ///< all NICs of a server at one router
  std::uint64_t seed = 0;      ///< of the graph
  SwitchSpec router;
  RouterRouting routing;

  [[nodiscard]] bool direct() const { return false; }
};

/// "Jellyfish of 64 routers with 12 links each, minimal, spread over all shortest ways".
std::string TitleOf(const JellyfishSpec& jellyfish);

}  // namespace gridlock
