#pragma once

// Small clusters with jobs on them, and what their steps take when all is simulated in full.

#include <algorithm>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "sim/engine/step_engine.h"
#include "sim/oracle/laid_job.h"
#include "sim/oracle/situation.h"
#include "sim/process/worker.h"
#include "tests/clos_of.h"
#include "tests/engine/machines.h"
#include "topologies/network.h"

namespace gridlock {

inline TrainingSpec DataParallel(int servers, int layers = 2) {
  Layout layout;
  layout.tensor = 4;
  layout.data = 2 * servers;
  TrainingSpec job = SmallJob(layout, layers);
  job.global_batch = layout.data;
  return job;
}

// Servers of 8, two to a leaf, two leaves to a pod.
inline SiteSpec ThreeTiers(int servers, double leaf_over, double spine_over) {
  SiteSpec site = ClosSite(RealisticServer(8, 8), {.servers = servers,
                                                   .servers_per_leaf = 2,
                                                   .leaves_per_pod = 2,
                                                   .tiers = 3,
                                                   .leaf_over = leaf_over,
                                                   .spine_over = spine_over});
  ClosOf(site).spine.port_bandwidth = ClosOf(site).core.port_bandwidth = BytesPerSecond(kNic / 8);
  return site;
}

inline WanSpec WanOf(int from, int to) {
  WanSpec wan;
  wan.path = "wan";
  wan.from = {from};
  wan.to = {to};
  wan.bandwidth = BytesPerSecond(10e9);
  wan.latency = Seconds(1e-3);
  return wan;
}

// Sites, jobs and what refers to them, kept together.
struct SharedCluster {
  std::vector<SiteSpec> sites;
  std::vector<WanSpec> wans;
  std::vector<TrainingSpec> trainings;
  std::vector<Placement> placements;

  void Add(const TrainingSpec& training, const Placement& placement) {
    trainings.push_back(training);
    placements.push_back(placement);
  }

  [[nodiscard]] Situation situation() const {
    Situation situation{&sites, &wans, {}};
    for (std::size_t j = 0; j < trainings.size(); ++j) {
      situation.jobs.push_back({&trainings[j], placements[j]});
    }
    return situation;
  }
};

// All jobs in one simulation, in full, whoever shares with whom. Times travel home in a record.
inline StepRecord RunTogether(const SharedCluster& cluster) {
  const Network network(cluster.sites, cluster.wans);
  std::vector<LaidJob> laid;
  for (std::size_t j = 0; j < cluster.trainings.size(); ++j) {
    laid.push_back(LayJob(cluster.trainings[j], cluster.placements[j], network));
  }
  std::vector<PlacedProgram> placed;
  std::vector<JointJob> jobs;
  for (const LaidJob& job : laid) {
    placed.push_back(job.placed());
    jobs.push_back({&job.program, &job.server});
  }
  StepRecord record;
  for (const JointRun& one : RunJoint(jobs, Expand(placed, network), {.least = 6, .most = 6})) {
    record.attribution.push_back({"", one.step_time});
  }
  return record;
}

inline std::vector<std::vector<Seconds>> StepTimesTogether(
    const std::vector<SharedCluster>& clusters) {
  std::vector<Job> runs;
  for (const SharedCluster& cluster : clusters) {
    runs.push_back([&cluster](const Progress& /*progress*/) {
      return RunTogether(cluster);
    });
  }
  std::vector<std::vector<Seconds>> times;
  for (const JobResult& result : RunJobs(runs, {})) {
    EXPECT_TRUE(result.ok) << result.problem;
    std::vector<Seconds>& each = times.emplace_back();
    for (const Attribution& part : result.record.attribution) {
      each.push_back(part.time);
    }
  }
  return times;
}

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : seed_(seed) {}

  int Below(std::size_t end) { return static_cast<int>(MixHash(seed_ * 1000 + n_++) % end); }

 private:
  std::uint64_t seed_, n_ = 0;
};

// Up to `jobs` jobs of `least` servers and more, anywhere on the sites.
inline void Scatter(int jobs, int least, Draw& draw, SharedCluster& cluster) {
  std::vector<ServerRun> free;
  for (std::size_t s = 0; s < cluster.sites.size(); ++s) {
    for (int server = 0; server < cluster.sites[s].servers; ++server) {
      free.insert(free.begin() + draw.Below(free.size() + 1),
                  {static_cast<std::int32_t>(s), server, 1});
    }
  }
  for (int job = 0; job < jobs; ++job) {
    const int servers = least + draw.Below(4);
    const int where = draw.Below(cluster.sites.size());
    Placement placement;
    for (auto run = free.begin(); run != free.end() && ServersIn(placement) < servers;) {
      const bool take = run->site == where;
      if (take) {
        placement.push_back(*run);
      }
      run = take ? free.erase(run) : run + 1;
    }
    if (ServersIn(placement) == servers) {
      cluster.Add(DataParallel(servers), placement);
    }
  }
}

}  // namespace gridlock
