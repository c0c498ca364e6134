#include "sim/record/life_record.h"

#include <functional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "tests/record/life_sample.h"

namespace gridlock {
namespace {

const std::vector<std::function<void(LifeRecord&)>> kChanges = {
    [](LifeRecord& r) {
      r.horizon += Seconds(1.0);
    },
    [](LifeRecord& r) {
      r.interval += Seconds(1.0);
    },
    [](LifeRecord& r) {
      r.jobs[0].name += "x";
    },
    [](LifeRecord& r) {
      r.jobs[0].outcome = Outcome::kFailed;
    },
    [](LifeRecord& r) {
      r.jobs[0].steps_done += 1;
    },
    [](LifeRecord& r) {
      r.jobs[0].stalled += Seconds(1e-3);
    },
    [](LifeRecord& r) {
      r.jobs[0].energy += Joules(1.0);
    },
    [](LifeRecord& r) {
      r.jobs.pop_back();
    },
    [](LifeRecord& r) {
      r.requests[0].ttft_p99 += 0.001;
    },
    [](LifeRecord& r) {
      r.requests[1].good_share = 1.0;
    },
    [](LifeRecord& r) {
      r.sites[1].busy[2][3] += 1;
    },
    [](LifeRecord& r) {
      r.sites[0].power_limit[0] += 1;
    },
    [](LifeRecord& r) {
      r.sites[0].peak_power += Watts(1.0);
    },
    [](LifeRecord& r) {
      r.series.wan_bytes[0] += 1;
    },
    [](LifeRecord& r) {
      r.events[0].at += Seconds(1e-3);
    },
    [](LifeRecord& r) {
      r.events[0].kind = "start";
    },
    [](LifeRecord& r) {
      r.events[0].site = 1;
    },
    [](LifeRecord& r) {
      r.events[0].detail = "y";
    },
    [](LifeRecord& r) {
      r.events.pop_back();
    },
    [](LifeRecord& r) {
      r.situations += 1;
    },
    [](LifeRecord& r) {
      r.requests_simulated += 1;
    },
    [](LifeRecord& r) {
      r.energy_is_estimate = false;
    }};

TEST(LifeFingerprint, MovesWithEveryResultAndNotWithItself) {
  std::set<std::uint64_t> seen = {LifeFingerprint(SmallLife())};
  for (const auto& change : kChanges) {
    LifeRecord record = SmallLife();
    change(record);
    EXPECT_TRUE(seen.insert(LifeFingerprint(record)).second) << seen.size();
  }
  LifeRecord record = SmallLife();
  record.fingerprint = 1;
  EXPECT_EQ(LifeFingerprint(record), LifeFingerprint(SmallLife()));
}

TEST(LifeFingerprint, DoesNotSeeTheLastBitsOfASum) {
  LifeRecord record = SmallLife();
  record.sites[0].energy = Joules(record.sites[0].energy.si() * (1.0 + 1e-13));
  EXPECT_EQ(LifeFingerprint(record), LifeFingerprint(SmallLife()));
}

TEST(LifeSample, EveryJobsTimeSumsToItsWallTime) {
  const LifeRecord life = SmallLife();
  for (const LifeJob& job : life.jobs) {
    const Seconds parts =
        job.waiting + job.training + job.lost + job.checkpointing + job.restarting + job.stalled;
    const Seconds end = job.end < Seconds(0.0) ? life.horizon : job.end;
    EXPECT_EQ(parts, job.submit < Seconds(0.0) ? Seconds(0.0) : end - job.submit) << job.name;
  }
}

TEST(JobKindName, IsTheOneOfTheTrace) {
  EXPECT_STREQ(JobKindName(JobKind::kPretraining), "pretraining");
  EXPECT_STREQ(JobKindName(JobKind::kExperiment), "experiment");
  EXPECT_STREQ(JobKindName(JobKind::kServing), "serving");
  EXPECT_STREQ(OutcomeName(Outcome::kNotSubmitted), "not_submitted");
}

}  // namespace
}  // namespace gridlock
