#pragma once

// Bytes that an actor sends to itself over a route that the zone hands out as they start. How
// SimGrid is told so differs between its versions; this is the one place that knows.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <simgrid/s4u.hpp>
#include <simgrid/version.h>

#if SIMGRID_VERSION >= 40000
#include <simgrid/simcall.hpp>
#else
#include <simgrid/simix.hpp>
#endif

namespace gridlock {

/// The option that says which completions are one instant, up to its value.
const char* PrecisionOption();

/// Puts a zone of our own into the engine, which owns it from then on, before anything is added to
/// it.
simgrid::s4u::NetZone* AddZone(const simgrid::s4u::Engine& engine,
                               simgrid::kernel::routing::NetZoneImpl* zone);

simgrid::s4u::Link* AddLink(simgrid::s4u::NetZone& zone, const std::string& name, double bandwidth);

simgrid::s4u::Host* AddHost(simgrid::s4u::NetZone& zone, const std::string& name, double speed);

/// Bytes that an actor sends to itself over a route that the zone hands out as they start. Between
/// its construction and Wait (or Cancel) it must not go.
class Communication {
 public:
  Communication() = default;

  /// Called by the actor. `units`: what is sent, as SimGrid counts it (kUnitsPerByte); `rate`: at
  /// most so many of them a second, 0 for as many as there is room for. `done` is called at the
  /// exact end, in kernel context; it may be empty.
  Communication(simgrid::s4u::Mailbox* own, std::uint64_t units, double rate,
                std::function<void()> done);

  /// False for one that was not made, or that Wait or Cancel has closed.
  [[nodiscard]] bool is_open() const { return put_ != nullptr; }

  /// In kernel context, right after the route was noted.
  void Start();

  /// Called by the actor that made it: blocks until the end.
  void Wait();

  /// Takes it off its links; `done` is not called.
  void Cancel();

  /// Units that are left.
  [[nodiscard]] double remaining() const { return put_->get_remaining(); }

 private:
  friend class CommunicationMakers;

  void Open(std::uint64_t units, double rate, std::function<void()> done);

  simgrid::s4u::CommPtr put_, get_;  ///< from 4.0 on `put_` alone
  std::shared_ptr<std::function<void()>> done_;
};

/// Makes communications of an actor that has very many under way. SimGrid 3.32 lists what each
/// actor has under way and goes through the whole list at every end, which took nine tenths of the
/// time of 65,000 messages. So other actors make them here, some hundred each.
class CommunicationMakers {
 public:
  CommunicationMakers(simgrid::s4u::Host* host, simgrid::s4u::Mailbox* own)
      : host_(host), own_(own) {}

  /// As the constructor of Communication. The actor that calls it may wait, within the instant.
  Communication Make(std::uint64_t units, double rate, std::function<void()> done);

  /// When the engine has run: the makers are gone then.
  void Forget() { made_.clear(); }

 private:
  simgrid::s4u::Host* host_;
  simgrid::s4u::Mailbox* own_;
  std::vector<Communication> made_;  ///< both ends alone
};

}  // namespace gridlock
