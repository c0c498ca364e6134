#include "sim/engine/step_engine.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <simgrid/s4u.hpp>

#include "sim/base/check.h"
#include "sim/engine/agent.h"
#include "sim/engine/communicator.h"
#include "sim/engine/world.h"

namespace gridlock {

namespace sg4 = simgrid::s4u;

namespace {

// Calls `progress` a few times a second of real time as actions are done.
class Ticker {
 public:
  Ticker(std::uint64_t total, const Progress& progress) : total_(total), progress_(progress) {}

  void Tick() {
    ++done_;
    if ((done_ & 0xff) != 0 || !progress_) {
      return;
    }
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ > std::chrono::milliseconds(250)) {
      last_ = now;
      progress_(static_cast<double>(done_) / static_cast<double>(total_));
    }
  }

 private:
  std::uint64_t done_ = 0, total_;
  const Progress& progress_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

std::uint64_t TotalActions(const StepProgram& program, const Plan& plan) {
  std::uint64_t total = 0;
  for (const Plan::Agent& agent : plan.agents) {
    total += program.roles[agent.role].size();
  }
  return total;
}

}  // namespace

StepRun RunStep(const StepProgram& program, const Plan& plan, const ServerSpec& server,
                int intervals, const Progress& progress) {
  static bool used = false;
  CHECK(!used);  // SimGrid keeps one clock per process
  used = true;
  CHECK(plan.agents.size() + plan.groups.size() <= kMaxActors);

  StepRun run{{}, UtilisationAccumulator(kSeries, intervals)};
  run.log.agents.resize(plan.agents.size());
  World world(program, plan, server, run);
  Ticker ticker(TotalActions(program, plan), progress);

  std::vector<std::unique_ptr<Communicator>> communicators;
  for (std::size_t g = 0; g < plan.groups.size(); ++g) {
    communicators.push_back(std::make_unique<Communicator>(world, static_cast<std::int32_t>(g)));
    sg4::Host* host = world.platform.host(plan.group_agents[plan.groups[g].agents.begin]);
    sg4::Actor::create("c" + std::to_string(g), host, [communicator = communicators.back().get()] {
      communicator->Serve();
    })->daemonize();
  }
  std::vector<std::unique_ptr<Agent>> agents;
  for (std::size_t a = 0; a < plan.agents.size(); ++a) {
    agents.push_back(std::make_unique<Agent>(world, static_cast<std::int32_t>(a), communicators));
    agents.back()->SetPeers(&agents);
  }
  world.collective_done = [&agents](std::int32_t agent, std::int32_t collective,
                                    std::int32_t record) {
    agents[agent]->CollectiveDone(collective, record);
  };
  const std::function<void()> tick = [&ticker] {
    ticker.Tick();
  };
  for (std::size_t a = 0; a < agents.size(); ++a) {
    sg4::Actor::create("a" + std::to_string(a), world.platform.host(static_cast<std::int32_t>(a)),
                       [agent = agents[a].get(), &tick] {
                         agent->Run(tick);
                       });
  }
  world.platform.Run();
  return run;
}

}  // namespace gridlock
