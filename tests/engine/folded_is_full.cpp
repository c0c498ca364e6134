#include "tests/engine/folded_is_full.h"

#include <cstddef>

#include <gtest/gtest.h>

#include "tests/engine/machines.h"

namespace gridlock {

namespace {

constexpr double kOfFolds = 1e-9;

void ExpectSameWork(const SiteSpec& site, const StepRecord& full, const StepRecord& folded) {
  EXPECT_NEAR(folded.step_time.si(), full.step_time.si(), kOfFolds * full.step_time.si());
  EXPECT_NEAR(folded.energy.si(), full.energy.si(), kOfFolds * full.energy.si());
  const TierTable tiers = Network(site).tiers();
  for (const Tier& tier : tiers) {
    if (tier.name != "wan") {
      const double total = TotalOf(full, tier.name);
      EXPECT_NEAR(TotalOf(folded, tier.name), total, kOfFolds * total) << tier.name;
    }
  }
}

}  // namespace

std::vector<FullAndFolded> ExpectFoldedIsFull(const std::vector<SiteSpec>& sites,
                                              const std::vector<int>& tensors) {
  std::vector<Evaluation> runs;
  std::vector<const SiteSpec*> site_of_run;
  for (const SiteSpec& site : sites) {
    const int accelerators = site.servers * site.server.accelerators;
    for (const int tensor : tensors) {
      for (const int pipeline : {1, 2}) {
        if (accelerators % (tensor * pipeline) != 0) {
          continue;
        }
        Layout layout;
        layout.tensor = tensor;
        layout.pipeline = pipeline;
        layout.data = accelerators / tensor / pipeline;
        TrainingSpec job = SmallJob(layout, 2 * pipeline);
        job.zero = 1;
        for (const Fidelity fidelity : {Fidelity::kFull, Fidelity::kFolded}) {
          runs.push_back({ScenarioOf(site, job), fidelity});
          site_of_run.push_back(&site);
        }
      }
    }
  }
  EXPECT_GE(runs.size(), 2 * sites.size());
  std::vector<StepRecord> records = Evaluate(runs);
  std::vector<FullAndFolded> pairs;
  for (std::size_t i = 0; i + 1 < records.size(); i += 2) {
    SCOPED_TRACE(testing::Message() << "pair " << i / 2);
    ExpectSameWork(*site_of_run[i], records[i], records[i + 1]);
    pairs.push_back({records[i], records[i + 1]});
  }
  return pairs;
}

}  // namespace gridlock
