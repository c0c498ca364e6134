#include "sim/engine/step_engine.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <simgrid/s4u.hpp>

#include "sim/base/check.h"
#include "sim/engine/agent.h"
#include "sim/engine/communicator.h"
#include "sim/engine/mover.h"
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

void ClaimTheClock(const Plan& plan) {
  static bool used = false;
  CHECK(!used);  // SimGrid keeps one clock per process
  used = true;
  CHECK(ActorsOf(plan) <= kMaxActors);
}

// The actors of all jobs of a plan, for one simulation. Several may follow each other on one
// platform: the clock of each begins at zero.
class Cast {
 public:
  /// @param changing of a plan that changes; else null
  Cast(const std::vector<JointJob>& jobs, const Plan& plan, Platform& platform,
       const StepOptions& options, const ChangingPlan* changing = nullptr)
      : plan_(plan),
        links_(TallyOf(options, plan)),
        shared_(plan, platform,
                options.links.empty() && !options.counts_links ? nullptr : &links_) {
    World::origin = sg4::Engine::get_clock();
    CHECK(jobs.size() == plan.jobs.size());
    runs_.reserve(jobs.size());  // worlds refer to them
    for (std::size_t j = 0; j < jobs.size(); ++j) {
      runs_.push_back({{}, UtilisationAccumulator(SeriesOf(plan), options.intervals)});
      worlds_.push_back(std::make_unique<World>(shared_, plan.jobs[j], jobs[j], runs_.back()));
      worlds_.back()->collective_done = [this](AgentIndex agent, std::int32_t collective,
                                               std::int32_t record) {
        agents_[agent]->CollectiveDone(collective, record);
      };
    }
    // Agents stand job by job.
    for (std::size_t a = plan.agents.size(); a-- > 0;) {
      worlds_[plan.agents[a].job]->first_agent = IndexOf<AgentIndex>(a);
    }
    for (const Plan::Agent& agent : plan.agents) {
      runs_[agent.job].log.agents.emplace_back();
    }
    AddCommunicators();
    if (changing != nullptr) {
      AddMover(*changing, options.rows_of_changes);
    }
    for (std::size_t a = 0; a < plan.agents.size(); ++a) {
      World& world = *worlds_[plan.agents[a].job];
      agents_.push_back(std::make_unique<Agent>(world, IndexOf<AgentIndex>(a), communicators_));
      agents_.back()->SetPeers(&agents_);
    }
  }

  /// Runs `play` for every agent until all return.
  void Run(const std::function<void(AgentIndex agent)>& play) {
    for (std::size_t a = 0; a < agents_.size(); ++a) {
      const AgentIndex index = IndexOf<AgentIndex>(a);
      sg4::Actor::create("a" + std::to_string(a), shared_.platform.host(index), [&play, index] {
        play(index);
      });
    }
    shared_.platform.Run();
  }

  [[nodiscard]] Agent& agent(AgentIndex index) { return *agents_[index]; }

  [[nodiscard]] StepRun& run(PlanJobIndex job) { return runs_[job]; }

  [[nodiscard]] LinkTally& links() { return links_; }

  /// Forgets the step that a job is through with. Its series goes on.
  void Reset(PlanJobIndex job) {
    StepLog& log = runs_[job].log;
    for (auto& records : log.agents) {
      records.clear();
    }
    log.messages.clear();
    log.collectives.clear();
    for (std::size_t a = 0; a < agents_.size(); ++a) {
      if (plan_.agents[a].job == job) {
        agents_[a]->Reset();
      }
    }
    for (std::size_t g = 0; g < communicators_.size(); ++g) {
      if (plan_.groups[g].job == job) {
        communicators_[g]->Reset();
      }
    }
  }

 private:
  void AddCommunicators() {
    for (std::size_t g = 0; g < plan_.groups.size(); ++g) {
      World& world = *worlds_[plan_.groups[g].job];
      communicators_.push_back(std::make_unique<Communicator>(world, static_cast<std::int32_t>(g)));
      sg4::Host* host = shared_.platform.host(plan_.group_agents[plan_.groups[g].agents.begin]);
      sg4::Actor::create("c" + std::to_string(g), host,
                         [communicator = communicators_.back().get()] {
                           communicator->Serve();
                         })
          ->daemonize();
    }
  }

  void AddMover(const ChangingPlan& changing, std::int32_t rows) {
    mover_ = std::make_unique<Mover>(shared_, changing, rows);
    shared_.mover = mover_.get();
    sg4::Actor::create("mover", shared_.platform.host({0}), [mover = mover_.get()] {
      mover->Serve();
    })->daemonize();
  }

  const Plan& plan_;
  LinkTally links_;
  Shared shared_;
  std::unique_ptr<Mover> mover_;
  std::vector<StepRun> runs_;
  std::vector<std::unique_ptr<World>> worlds_;
  std::vector<std::unique_ptr<Communicator>> communicators_;
  std::vector<std::unique_ptr<Agent>> agents_;
};

// Says when a job's next step begins, and when it is enough.
class Rounds {
 public:
  Rounds(Cast& cast, const Plan& plan, const Repetition& repetition)
      : cast_(cast), plan_(plan), repetition_(repetition), jobs_(plan.jobs.size()) {
    for (const Plan::Agent& agent : plan.agents) {
      ++jobs_[agent.job].agents;
    }
  }

  /// An agent is through its step. Returns when its next one begins; false: there is none.
  bool Next(AgentIndex agent) {
    const PlanJobIndex number = plan_.agents[agent].job;
    JobState& job = jobs_[number];
    if (++job.arrived < job.agents) {
      job.paused.push_back(agent);
      cast_.agent(agent).Pause();
      return job.goes_on;
    }
    job.arrived = 0;
    EndStep(number);
    // All agents of a job go on or none: what another job does at this instant must not come
    // between them.
    job.goes_on = !enough_;
    const std::vector<AgentIndex> paused = std::move(job.paused);
    job.paused.clear();
    for (const AgentIndex other : paused) {
      cast_.agent(other).Resume();
    }
    return job.goes_on;
  }

  [[nodiscard]] std::vector<JointRun> Results() const {
    std::vector<JointRun> results;
    for (const JobState& job : jobs_) {
      JointRun result;
      result.steps = static_cast<std::int64_t>(job.ends.size());
      result.step_time = Seconds(MeanFrom(job.ends, job.ends.size() / 4));
      result.bytes = job.bytes;
      results.push_back(result);
    }
    return results;
  }

 private:
  struct JobState {
    std::int64_t agents = 0, arrived = 0;
    std::vector<AgentIndex> paused;
    bool goes_on = true;
    std::vector<double> ends;   ///< of the whole steps
    std::vector<double> bytes;  ///< by tier
  };

  void EndStep(PlanJobIndex number) {
    if (enough_) {
      return;  // what others still had to do is not beside all of them
    }
    JobState& job = jobs_[number];
    job.ends.push_back(World::Now());
    if (job.ends.size() == 1) {
      for (int t = 0; t < plan_.tiers.size(); ++t) {
        job.bytes.push_back(cast_.run(number).series.Total(t));
      }
    }
    cast_.Reset(number);
    enough_ = Enough();
  }

  [[nodiscard]] bool Enough() const {
    const auto all = [this](const auto& holds) {
      return std::all_of(jobs_.begin(), jobs_.end(), holds);
    };
    if (jobs_.size() == 1) {
      return true;
    }
    const auto steps = [](const JobState& job) {
      return static_cast<std::int64_t>(job.ends.size());
    };
    return all([&](const JobState& job) {
             return steps(job) >= repetition_.most;
           }) ||
           all([&](const JobState& job) {
             return steps(job) >= repetition_.least && Settled(job.ends);
           });
  }

  // Mean step time of all steps but the first `skipped`.
  static double MeanFrom(const std::vector<double>& ends, std::size_t skipped) {
    const double start = skipped > 0 ? ends[skipped - 1] : 0.0;
    return (ends.back() - start) / static_cast<double>(ends.size() - skipped);
  }

  [[nodiscard]] bool Settled(const std::vector<double>& ends) const {
    const double mean = MeanFrom(ends, ends.size() / 4);
    const double later = MeanFrom(ends, ends.size() / 2);
    return std::abs(later - mean) <= repetition_.tolerance * mean;
  }

  Cast& cast_;
  const Plan& plan_;
  const Repetition& repetition_;
  std::vector<JobState> jobs_;
  bool enough_ = false;
};

}  // namespace

std::size_t ActorsOf(const Plan& plan) {
  return plan.agents.size() + plan.groups.size();
}

struct StepSimulator::State {
  explicit State(const Plan& plan_in) : plan(plan_in), platform(plan_in) {}

  explicit State(const ChangingPlan& changing_in)
      : plan(changing_in.plan), changing(&changing_in), platform(plan, UnprunedPaceSetters(plan)) {}

  const Plan& plan;
  const ChangingPlan* changing = nullptr;
  Platform platform;
};

StepSimulator::StepSimulator(const Plan& plan) {
  CHECK(plan.jobs.size() == 1);
  ClaimTheClock(plan);
  state_ = std::make_unique<State>(plan);
}

StepSimulator::StepSimulator(const ChangingPlan& plan) {
  CHECK(plan.plan.jobs.size() == 1);
  ClaimTheClock(plan.plan);
  state_ = std::make_unique<State>(plan);
}

StepSimulator::~StepSimulator() = default;

StepRun StepSimulator::Run(const StepProgram& program, const ServerSpec& server,
                           const StepOptions& options, const Progress& progress) {
  const Plan& plan = state_->plan;
  CHECK(state_->changing == nullptr || !std::exchange(ran_, true));  // its epochs are over
  Cast cast({{&program, &server}}, plan, state_->platform, options, state_->changing);
  Ticker ticker(TotalActions(program, plan), progress);
  std::vector<std::vector<double>> action_ends(options.action_ends ? plan.agents.size() : 0);
  cast.Run([&](AgentIndex agent) {
    cast.agent(agent).Run([&, agent] {
      ticker.Tick();
      if (options.action_ends) {
        action_ends[agent].push_back(World::Now());
      }
    });
  });
  StepRun run = std::move(cast.run({0}));
  run.log.action_ends = std::move(action_ends);
  run.links = std::move(cast.links());
  return run;
}

StepRun RunStep(const StepProgram& program, const Plan& plan, const ServerSpec& server,
                int intervals, const Progress& progress) {
  return StepSimulator(plan).Run(program, server, {intervals}, progress);
}

std::vector<JointRun> RunJoint(const std::vector<JointJob>& jobs, const Plan& plan,
                               const Repetition& repetition) {
  CHECK(repetition.least >= 4 && repetition.most >= repetition.least);
  ClaimTheClock(plan);
  constexpr int kIntervals = 1;  // only the sums are looked at
  Platform platform(plan);
  Cast cast(jobs, plan, platform, {kIntervals});
  Rounds rounds(cast, plan, repetition);
  const std::function<void()> no_tick = [] {};
  cast.Run([&](AgentIndex agent) {
    do {
      cast.agent(agent).Run(no_tick);
    } while (rounds.Next(agent));
  });
  return rounds.Results();
}

}  // namespace gridlock
