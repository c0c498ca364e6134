#include "tests/engine/machines.h"

#include <string>

#include <gtest/gtest.h>

#include "sim/engine/step_engine.h"
#include "sim/measure/critical_path.h"
#include "sim/process/worker.h"
#include "tests/clos_of.h"

namespace gridlock {

namespace {

constexpr const char* kUnlabelled = "";

// An outcome travels home as a record: RunJobs sends records.
StepRecord Wrap(const PlayResult& outcome) {
  StepRecord record;
  record.step_time = Seconds(outcome.end);
  for (const double end : outcome.agent_ends) {
    record.breakdown.push_back({kUnlabelled, Seconds(end)});
  }
  for (const double bytes : outcome.bytes) {
    record.collective_seconds.emplace_back(kUnlabelled, bytes);
  }
  record.model_flop = Flop(outcome.flop);
  for (const double seconds : outcome.path) {
    record.attribution.push_back({kUnlabelled, Seconds(seconds)});
  }
  return record;
}

PlayResult Unwrap(const StepRecord& record) {
  PlayResult outcome;
  outcome.end = record.step_time.si();
  for (const BreakdownPart& part : record.breakdown) {
    outcome.agent_ends.push_back(part.time.si());
  }
  for (const auto& [label, bytes] : record.collective_seconds) {
    outcome.bytes.push_back(bytes);
  }
  outcome.flop = record.model_flop.si();
  for (const Attribution& part : record.attribution) {
    outcome.path.push_back(part.time.si());
  }
  return outcome;
}

PlayResult SimulateHere(const Play& play) {
  constexpr int kIntervals = 64;
  const StepRun run = RunStep(play.program, play.plan, play.server, kIntervals, {});
  PlayResult outcome;
  outcome.end = run.log.End();
  for (const auto& records : run.log.agents) {
    outcome.agent_ends.push_back(records.empty() ? 0.0 : records.back().end);
  }
  for (int t = 0; t < play.plan.tiers.size(); ++t) {
    outcome.bytes.push_back(run.series.Total(t));
  }
  outcome.flop = run.series.Total(FlopSeries(play.plan));
  outcome.path = CriticalPath(run.log, play.plan.tiers);
  return outcome;
}

std::vector<StepRecord> InChildren(const std::vector<Job>& jobs) {
  std::vector<StepRecord> records;
  for (const JobResult& result : RunJobs(jobs, {})) {
    EXPECT_TRUE(result.ok) << result.problem;
    records.push_back(result.record);
  }
  return records;
}

SwitchSpec WideSwitch() {
  SwitchSpec spec;
  spec.name = "wide";
  spec.ports = 100000;
  spec.port_bandwidth = BytesPerSecond(kNic);
  return spec;
}

}  // namespace

ServerSpec IdealServer(int accelerators, int nics) {
  ServerSpec server;
  server.path = "server";
  server.name = "ideal";
  server.accelerators = accelerators;
  server.nics = nics;
  server.nic_bandwidth = BytesPerSecond(kNic);
  server.overhead_power = Watts(1000);
  AcceleratorSpec& chip = server.accelerator;
  chip.path = "server.accelerator";
  chip.name = "ideal";
  for (MatrixRate& rate : chip.rates) {
    rate.peak = FlopPerSecond(kPeak);
    rate.gemm = {{Flop(1), 1.0}};
    rate.attention_efficiency = 1.0;
    rate.attention_backward_efficiency = 1.0;
  }
  chip.hbm_capacity = Bytes(1e15);
  chip.hbm_bandwidth = BytesPerSecond(kHbm);
  chip.hbm_efficiency = 1.0;
  chip.scale_up_bandwidth = BytesPerSecond(kScaleUp);
  chip.power.idle = Watts(100);
  chip.power.limit = Watts(1e9);
  chip.power.per_flop = JoulesPerFlop(0.5e-12);
  chip.power.per_hbm_byte = JoulesPerByte(50e-12);
  chip.power.per_link_byte = JoulesPerByte(10e-12);
  return server;
}

ServerSpec RealisticServer(int accelerators, int nics) {
  ServerSpec server = IdealServer(accelerators, nics);
  for (MatrixRate& rate : server.accelerator.rates) {
    rate.gemm = {{Flop(1e8), 0.1}, {Flop(1e10), 0.5}, {Flop(1e12), 0.75}};
    rate.attention_efficiency = 0.5;
    rate.attention_backward_efficiency = 0.4;
  }
  server.accelerator.hbm_efficiency = 0.9;
  server.accelerator.sustained_clock = server.accelerator.solo_clock = 0.95;
  server.scale_up = {0.85, 0.8, 0.8, 0.9, Seconds(0.5e-6), Seconds(4e-6)};
  server.scale_out = {0.9, 0.88, 0.88, 0.93, Seconds(2e-6), Seconds(8e-6)};
  return server;
}

SiteSpec ClosSite(const ServerSpec& server, const ClosSizes& sizes) {
  SiteSpec site;
  site.path = "site";
  site.name = "test";
  site.server = server;
  site.servers = sizes.servers;
  ClosOf(site).path = "site.clos";
  ClosOf(site).servers_per_leaf = sizes.servers_per_leaf;
  ClosOf(site).leaves_per_pod = sizes.leaves_per_pod;
  ClosOf(site).tiers = sizes.tiers;
  ClosOf(site).leaf_oversubscription = sizes.leaf_over;
  ClosOf(site).spine_oversubscription = sizes.spine_over;
  ClosOf(site).rail_optimized = sizes.rails;
  ClosOf(site).routing = sizes.routing;
  ClosOf(site).leaf = ClosOf(site).spine = ClosOf(site).core = WideSwitch();
  return site;
}

SiteSpec OneLeafSite(const ServerSpec& server, int servers) {
  ClosSizes sizes;
  sizes.servers = servers;
  sizes.servers_per_leaf = servers;
  return ClosSite(server, sizes);
}

TrainingSpec SmallJob(const Layout& layout, int layers) {
  TrainingSpec job;
  job.path = "job";
  job.model.name = "small";
  job.model.layers = layers;
  job.model.hidden = 1024;
  job.model.heads = 16;
  job.model.kv_heads = 16;
  job.model.head_dim = 64;
  job.model.ffn = 4096;
  job.model.vocabulary = 8192;
  job.layout = layout;
  job.layout.path = "job.layout";
  job.stack.gradient_bucket = Bytes(1e9);
  job.micro_batch = 1;
  job.global_batch = 4LL * layout.pipeline * layout.data;
  job.sequence_length = 1024;
  return job;
}

StepProgram OneAllReduce(int tensor, int data, double bytes) {
  Layout layout;
  layout.pipeline = 1;
  layout.data = data;
  layout.tensor = tensor;
  StepProgram program;
  program.grid = GridOf(layout);
  program.families = TrainingFamilies(layout);
  program.collectives = {
      {"all_reduce", training_group::kData, CollectiveKind::kAllReduce, Bytes(bytes)}};
  program.roles = {{{Action::Kind::kStart}, {Action::Kind::kWait}}};
  return program;
}

Scenario ScenarioOf(const SiteSpec& site, const TrainingSpec& job) {
  Scenario scenario;
  scenario.name = "test";
  scenario.sites = {site};
  scenario.jobs.resize(1);
  PretrainingSpec pretraining;
  pretraining.step = job;
  scenario.jobs[0].kind = pretraining;
  scenario.recording.intervals = 64;
  return scenario;
}

std::vector<StepRecord> Evaluate(const std::vector<Evaluation>& runs) {
  std::vector<Job> jobs;
  for (const Evaluation& run : runs) {
    jobs.push_back([&run](const Progress& progress) {
      return EvaluateStep(run.scenario, run.fidelity, progress);
    });
  }
  return InChildren(jobs);
}

StepRecord Evaluate(const Scenario& scenario, Fidelity fidelity) {
  return Evaluate({{scenario, fidelity}}).front();
}

std::vector<PlayResult> Simulate(const std::vector<Play>& plays) {
  std::vector<Job> jobs;
  for (const Play& play : plays) {
    jobs.push_back([&play](const Progress& /*progress*/) {
      return Wrap(SimulateHere(play));
    });
  }
  std::vector<PlayResult> outcomes;
  for (const StepRecord& record : InChildren(jobs)) {
    outcomes.push_back(record.attribution.empty() ? PlayResult{} : Unwrap(record));
  }
  return outcomes;
}

PlayResult Simulate(const Play& play) {
  return Simulate(std::vector<Play>{play}).front();
}

const UtilisationSeries& SeriesOf(const StepRecord& record, const std::string& resource) {
  for (const UtilisationSeries& series : record.utilisation) {
    if (series.resource == resource) {
      return series;
    }
  }
  ADD_FAILURE() << "no series " << resource;
  static const UtilisationSeries kNone;
  return kNone;
}

double TotalOf(const StepRecord& record, const std::string& resource) {
  const UtilisationSeries& series = SeriesOf(record, resource);
  double seconds = 0;
  double left = record.step_time.si();
  for (const double share : series.share) {
    const double width = std::min(record.interval.si(), left);
    seconds += share * width;
    left -= width;
  }
  return seconds * series.capacity_si * static_cast<double>(series.members);
}

double ShareOf(const StepRecord& record, const std::string& resource) {
  for (const Attribution& part : record.attribution) {
    if (part.resource == resource) {
      return part.time.si();
    }
  }
  ADD_FAILURE() << "no share " << resource;
  return 0;
}

void ExpectClose(double actual, double expected) {
  EXPECT_NEAR(actual, expected, kTolerance * expected);
}

CollectiveTestSpec TestOf(CollectiveKind kind, const char* algorithm, int ranks, double bytes,
                          int group) {
  CollectiveTestSpec spec;
  spec.path = "job[0].collective_test";
  spec.kind = kind;
  spec.sizes = {Bytes(bytes)};
  spec.algorithm = AlgorithmByName(algorithm);
  EXPECT_NE(spec.algorithm, nullptr) << algorithm;
  spec.ranks = ranks;
  spec.group_size = group;
  return spec;
}

Play PlayOf(const CollectiveTestSpec& spec, const SiteSpec& site) {
  const StepProgram program = BuildCollectiveTest(spec, site.server);
  return {program, Expand(program, site), site.server};
}

double TimeOf(const CollectiveTestSpec& spec, const SiteSpec& site) {
  return Simulate(PlayOf(spec, site)).end;
}

}  // namespace gridlock
