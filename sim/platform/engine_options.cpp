#include "sim/platform/engine_options.h"

#include <charconv>
#include <csignal>
#include <vector>

#include <simgrid/kernel/routing/NetZoneImpl.hpp>
#include <simgrid/version.h>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// 3.32 is 33200, 4.0 is 40000.
constexpr bool kFour = SIMGRID_VERSION >= 40000;

constexpr const char* kPrecisionOption =
    kFour ? "--cfg=precision/timing:" : "--cfg=surf/precision:";

// A number as SimGrid reads it, in every locale.
std::string TextOf(double value) {
  std::string text(32, '\0');
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  text.resize(static_cast<std::size_t>(result.ptr - text.data()));
  return text;
}

// Puts the handler of SIGINT back when it goes. SimGrid installs one of its own, which ends the
// program by exit(1) in the middle of whatever runs, on an actor's stack: destructors then meet a
// half-done simulation, and some crash. Ctrl-C shall end a simulation like any other program.
class KeptInterrupt {
 public:
  KeptInterrupt() { CHECK(sigaction(SIGINT, nullptr, &before_) == 0); }

  ~KeptInterrupt() { CHECK(sigaction(SIGINT, &before_, nullptr) == 0); }

  KeptInterrupt(const KeptInterrupt&) = delete;
  KeptInterrupt& operator=(const KeptInterrupt&) = delete;

 private:
  struct sigaction before_ = {};
};

}  // namespace

// CM02 without cross-traffic and TCP window: a transfer takes exactly size / bandwidth.
std::unique_ptr<simgrid::s4u::Engine> MakeEngine(const EngineOptions& options) {
  CHECK(options.precision > Seconds(0) && options.stack_kib > 0);
  // SimGrid keeps pointers into the arguments.
  static std::vector<std::string> text;
  static std::vector<char*> arguments;
  CHECK(text.empty());
  text = {"gridlock",
          "--cfg=contexts/stack-size:" + std::to_string(options.stack_kib),
          "--cfg=contexts/guard-size:1",
          "--cfg=network/model:CM02",
          "--cfg=network/crosstraffic:0",
          "--cfg=network/TCP-gamma:1e30",
          kPrecisionOption + TextOf(options.precision.si()),
          "--log=root.thres:critical",
          "--log=no_loc"};
  for (std::string& each : text) {
    arguments.push_back(each.data());
  }
  int count = static_cast<int>(arguments.size());
  const KeptInterrupt kept;
  return std::make_unique<simgrid::s4u::Engine>(&count, arguments.data());
}

simgrid::s4u::NetZone* AddZone(const simgrid::s4u::Engine& engine,
                               simgrid::kernel::routing::NetZoneImpl* zone) {
  // 3.32 makes the first zone the root. 4.0 has a root from the beginning, and a zone gets its
  // network model from its parent.
  if constexpr (kFour) {
    zone->set_parent(engine.get_netzone_root()->get_impl());
  }
  return zone->get_iface();
}

#if SIMGRID_VERSION >= 40000
simgrid::s4u::Link* AddLink(simgrid::s4u::NetZone& zone, const std::string& name,
                            double bandwidth) {
  return zone.add_link(name, bandwidth);
}

simgrid::s4u::Host* AddHost(simgrid::s4u::NetZone& zone, const std::string& name, double speed) {
  return zone.add_host(name, speed);
}
#else
simgrid::s4u::Link* AddLink(simgrid::s4u::NetZone& zone, const std::string& name,
                            double bandwidth) {
  return zone.create_link(name, bandwidth);
}

simgrid::s4u::Host* AddHost(simgrid::s4u::NetZone& zone, const std::string& name, double speed) {
  return zone.create_host(name, speed);
}
#endif

}  // namespace gridlock
