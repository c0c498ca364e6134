#pragma once

// What all actors of one simulation share, and the one kind of activity that they start.

#include <cstdint>
#include <functional>
#include <memory>

#include <simgrid/s4u.hpp>

#include "sim/engine/meter.h"
#include "sim/engine/step_engine.h"
#include "sim/platform/platform.h"
#include "sim/platform/simgrid_versions.h"

namespace gridlock {

class Mover;
struct Moving;

/// What a transfer goes over, whatever its route is at present.
struct Way {
  enum class Kind : std::uint8_t { kHbm, kTensor, kContext, kFlow, kDomain, kNic };
  Kind kind = Kind::kHbm;
  std::int32_t number = 0;  ///< of the agent, the flow or the lay in the plan
};

/// What all jobs of one simulation share.
struct Shared {
  Shared(const Plan& plan_in, Platform& platform_in, LinkTally* links)
      : plan(plan_in), meter(plan_in, links), platform(platform_in) {
    Lay(plan.agents, plan.flows, plan.lays);
  }

  /// From now on routes are those of these.
  void Lay(const std::vector<Plan::Agent>& agents_in, const std::vector<Plan::Flow>& flows_in,
           const std::vector<Plan::Lay>& lays_in) {
    agents = &agents_in;
    flows = &flows_in;
    lays = &lays_in;
  }

  [[nodiscard]] static Span RouteOf(Way way, const std::vector<Plan::Agent>& agents,
                                    const std::vector<Plan::Flow>& flows,
                                    const std::vector<Plan::Lay>& lays) {
    switch (way.kind) {
      case Way::Kind::kHbm:
        return agents[way.number].hbm;
      case Way::Kind::kTensor:
        return agents[way.number].tensor;
      case Way::Kind::kContext:
        return agents[way.number].context;
      case Way::Kind::kFlow:
        return flows[way.number].route;
      case Way::Kind::kDomain:
        return lays[way.number].domain;
      case Way::Kind::kNic:
        return lays[way.number].nic;
    }
    return {};
  }

  [[nodiscard]] Span RouteOf(Way way) const { return RouteOf(way, *agents, *flows, *lays); }

  /// Bytes at weight 1, of what goes over a port, an edge or as a message.
  [[nodiscard]] double BytesOf(Way way, double amount) const {
    switch (way.kind) {
      case Way::Kind::kTensor:
        return amount / (*agents)[way.number].tensor_parts;
      case Way::Kind::kFlow:
        return amount / (*flows)[way.number].efficiency;
      case Way::Kind::kDomain:
        return amount * (*lays)[way.number].domain_unit / (*lays)[way.number].domain_parts;
      case Way::Kind::kNic:
        return amount * (*lays)[way.number].nic_unit / (*lays)[way.number].nic_parts;
      case Way::Kind::kHbm:
      case Way::Kind::kContext:
        return amount;
    }
    return amount;
  }

  const Plan& plan;
  Meter meter;
  Platform& platform;
  const std::vector<Plan::Agent>* agents = nullptr;  ///< with their present routes
  const std::vector<Plan::Flow>* flows = nullptr;
  const std::vector<Plan::Lay>* lays = nullptr;
  Mover* mover = nullptr;  ///< of a network that changes
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
  /// @param amount see Shared::BytesOf
  Transfer(World& world, simgrid::s4u::Mailbox* own, Way way, double amount, Options options);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// Blocks until the end; returns the bottleneck seen at start or end. For the actor that started
  /// it.
  Meter::Bottleneck Wait();

 private:
  World& world_;
  Span route_;
  double bytes_;
  std::int32_t ticket_ = -1;
  Communication communication_;
  std::unique_ptr<Moving> moving_;  ///< where the network changes
};

}  // namespace gridlock
