#include "sim/platform/engine_options.h"

#include <charconv>
#include <csignal>
#include <vector>

#include "sim/base/check.h"
#include "sim/platform/simgrid_versions.h"

namespace gridlock {

namespace {

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
          std::string(PrecisionOption()) + TextOf(options.precision.si()),
          "--log=root.thres:critical",
          "--log=no_loc"};
  for (std::string& each : text) {
    arguments.push_back(each.data());
  }
  int count = static_cast<int>(arguments.size());
  const KeptInterrupt kept;
  return std::make_unique<simgrid::s4u::Engine>(&count, arguments.data());
}

}  // namespace gridlock
