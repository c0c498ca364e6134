#pragma once

// Machines and jobs for tests, made by hand: every number is chosen so that the expected result can
// be followed on paper. And the two ways to run them, each in a child process of its own, because
// SimGrid keeps one clock per process.

#include <array>
#include <vector>

#include "sim/measure/step_log.h"
#include "sim/plan/plan.h"
#include "sim/policy/facts.h"  // its MemoryKind::kHbm must not seem to shadow kHbm
#include "sim/record/step_record.h"
#include "sim/scenario/scenario.h"
#include "sim/study/evaluate.h"
#include "topologies/machine.h"
#include "topologies/network.h"
#include "topologies/scale_up/network.h"  // its Machine::kNic must not seem to shadow kNic
#include "workloads/program/collective_test.h"
#include "workloads/program/training_program.h"

namespace gridlock {

// The ideal machine's rates.
inline constexpr double kPeak = 1e15;      ///< FLOP/s
inline constexpr double kHbm = 3e12;       ///< byte/s
inline constexpr double kScaleUp = 400e9;  ///< byte/s per direction
inline constexpr double kNic = 50e9;       ///< byte/s per direction

/// All efficiencies 1, no latency, no power limit that is ever reached.
ServerSpec IdealServer(int accelerators, int nics);

/// Efficiencies below 1, a measured-looking GEMM surface, latencies of microseconds.
ServerSpec RealisticServer(int accelerators, int nics);

struct ClosSizes {
  int servers = 0;
  int servers_per_leaf = 0;
  int leaves_per_pod = 1;
  int tiers = 2;
  double leaf_over = 1;
  double spine_over = 1;
  bool rails = false;
  Routing routing = Routing::kSpray;
};

/// A site under switches with more ports than any test needs, as fast as a NIC, without latency.
SiteSpec ClosSite(const ServerSpec& server, const ClosSizes& sizes);

/// Tiers of a network of such sites.
inline TierTable TiersOfClos() {
  return Network(ClosSite(IdealServer(1, 1), {.servers = 1, .servers_per_leaf = 1})).tiers();
}

/// All servers under one leaf.
SiteSpec OneLeafSite(const ServerSpec& server, int servers);

/// A transformer of `layers` layers of 1,024, 16 heads, 1,024 tokens, on an ideal stack (no floors,
/// nothing hidden). Four micro-batches of one sequence for each pipeline stage.
TrainingSpec SmallJob(const Layout& layout, int layers);

Scenario ScenarioOf(const SiteSpec& site, const TrainingSpec& job);

/// One all-reduce of `bytes` over `data` replicas of a tensor-parallel group, and nothing else.
StepProgram OneAllReduce(int tensor, int data, double bytes);

struct Evaluation {
  Scenario scenario;
  Fidelity fidelity = Fidelity::kFolded;
};

/// Evaluates each in a child of its own; a failure of any is a failure of the test.
std::vector<StepRecord> Evaluate(const std::vector<Evaluation>& runs);
StepRecord Evaluate(const Scenario& scenario, Fidelity fidelity);

/// What a simulated program left behind.
struct PlayResult {
  double end = 0;                  ///< seconds
  std::vector<double> agent_ends;  ///< seconds, by agent
  std::vector<double> bytes;       ///< over all resources, by tier of the plan
  double flop = 0;
  std::vector<double> path;  ///< seconds of the critical path, by Cause::Position
};

struct Play {
  StepProgram program;
  Plan plan;
  ServerSpec server;
};

/// Simulates each program on its plan, in a child of its own.
std::vector<PlayResult> Simulate(const std::vector<Play>& plays);
PlayResult Simulate(const Play& play);

/// The utilisation series of a resource.
const UtilisationSeries& SeriesOf(const StepRecord& record, const std::string& resource);

/// What went over all members of a resource class in the step: bytes or FLOP.
double TotalOf(const StepRecord& record, const std::string& resource);

/// Seconds that the critical path charges to a resource.
double ShareOf(const StepRecord& record, const std::string& resource);

/// Relative, of what a closed form gives.
inline constexpr double kTolerance = 1e-6;

/// To kTolerance.
void ExpectClose(double actual, double expected);

/// A test of one size, by one algorithm; over all ranks where `group` is 0.
CollectiveTestSpec TestOf(CollectiveKind kind, const char* algorithm, int ranks, double bytes,
                          int group = 0);
Play PlayOf(const CollectiveTestSpec& spec, const SiteSpec& site);

/// Its time in seconds, simulated in a child.
double TimeOf(const CollectiveTestSpec& spec, const SiteSpec& site);

}  // namespace gridlock
