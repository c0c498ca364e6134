#pragma once

// The SimGrid platform of a plan: one flat zone, one host per agent, one link per resource that can
// set the pace of a transfer, and our own routing. Only sim/platform and sim/engine include
// SimGrid.

#include <cstdint>
#include <memory>
#include <vector>

#include <simgrid/s4u.hpp>

#include "sim/plan/pacing.h"
#include "sim/plan/plan.h"

namespace gridlock {

/// Owns the SimGrid engine; one per process.
class Platform {
 public:
  /// @param pace_setters of the plan, by resource: the links that there will be
  Platform(const Plan& plan, std::vector<PaceSetter> pace_setters);

  explicit Platform(const Plan& plan) : Platform(plan, PaceSettersOf(plan)) {}

  ~Platform();
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;

  [[nodiscard]] simgrid::s4u::Host* host(AgentIndex agent) const { return hosts_[agent]; }

  /// From now on a transfer that starts takes this route, without its HBM if that cannot set the
  /// pace. Call in kernel context, just before starting it.
  void SetNextRoute(Span route, bool with_hbm = true) {
    next_->route = route;
    next_->with_hbm = with_hbm;
  }

  /// A link gets another capacity, in units of the plan. What is under way over it must start anew:
  /// SimGrid does not speed it up.
  void SetCapacity(std::int32_t resource, BytesPerSecond capacity);

  /// Runs all actors to their ends.
  void Run();

  struct NextRoute {
    Span route;
    bool with_hbm = true;
  };

 private:
  std::unique_ptr<simgrid::s4u::Engine> engine_;
  std::vector<simgrid::s4u::Host*> hosts_;
  std::vector<PaceSetter> pace_setters_;  ///< by resource
  /// By resource; null where it need not be known.
  std::vector<simgrid::kernel::resource::StandardLinkImpl*> links_;
  std::vector<simgrid::s4u::Link*> handles_;  ///< the same, as actors see them
  NextRoute* next_ = nullptr;
};

}  // namespace gridlock
