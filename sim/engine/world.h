#pragma once

// What all actors of one simulation share, and the one kind of activity that they start.

#include <cstdint>
#include <functional>

#include <simgrid/s4u.hpp>

#include "sim/engine/meter.h"
#include "sim/engine/step_engine.h"
#include "sim/platform/platform.h"
#include "sim/platform/simgrid_versions.h"

namespace gridlock {

/// What all jobs of one simulation share.
struct Shared {
  Shared(const Plan& plan_in, Platform& platform_in)
      : plan(plan_in), meter(plan_in), platform(platform_in) {}

  const Plan& plan;
  Meter meter;
  Platform& platform;
};

/// What the actors of one job share.
struct World {
  World(Shared& shared_in, const Plan::Job& job_in, const JointJob& what, StepRun& run_in)
      : shared(shared_in),
        plan(shared_in.plan),
        job(job_in),
        program(*what.program),
        server(*what.server),
        run(run_in) {}

  /// Seconds since the simulation began.
  [[nodiscard]] static double Now() { return simgrid::s4u::Engine::get_clock() - origin; }

  /// Blocks the calling actor until that time.
  static void SleepUntil(double when) { simgrid::s4u::this_actor::sleep_until(when + origin); }

  /// What SimGrid's only clock read when the present simulation began.
  inline static double origin = 0;

  Shared& shared;
  const Plan& plan;
  const Plan::Job& job;
  const StepProgram& program;
  const ServerSpec& server;
  StepRun& run;
  AgentIndex first_agent{0};  ///< of the job; AgentRow counts from it
  /// Tells an agent that one of its groups has done a collective that another follows.
  std::function<void(AgentIndex agent, std::int32_t collective, std::int32_t record)>
      collective_done;
};

/// Bytes on their way along a route. SimGrid sees a message of the actor to itself: one actor, one
/// wait, any list of links.
class Transfer {
 public:
  struct Options {
    double rate_bound = 0;  ///< byte/s; 0: none
    bool with_hbm = true;  ///< false: HBM cannot set the pace (its traffic is counted all the same)
  };

  /// Starts at once. Empty routes, and sizes below what SimGrid can count, are done at once.
  Transfer(World& world, simgrid::s4u::Mailbox* own, Span route, double bytes, Options options);

  [[nodiscard]] bool running() const { return communication_.is_open(); }

  /// Blocks until the end; returns the bottleneck seen at start or end. For the actor that started
  /// it.
  Meter::Bottleneck Wait();

 private:
  World& world_;
  Span route_;
  double bytes_;
  std::int32_t ticket_ = -1;
  Communication communication_;
};

}  // namespace gridlock
