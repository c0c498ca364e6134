// Children that simulate: their results in order, and what is said of those that fail.

#include "sim/process/worker.h"

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "sim/base/archive.h"
#include "sim/base/check.h"
#include "sim/record/step_fields.h"

namespace gridlock {

namespace {

StepRecord Filled() {
  StepRecord record;
  record.label = "scale_up 200 GB/s";
  record.cap_si = 2e11;
  record.fidelity = "folded";
  record.accelerators = 16384;
  record.tokens = 16'777'216;
  record.step_time = Seconds(4.5);
  record.model_flop = Flop(1e22);
  record.hardware_flop = Flop(1.3e22);
  record.peak = FlopPerSecond(1.6e19);
  record.interval = Seconds(0.01);
  record.utilisation.resize(2);
  record.utilisation[0].resource = "compute";
  record.utilisation[0].members = 16384;
  record.utilisation[0].capacity_si = 989e12;
  record.utilisation[0].peak_si = 1e15;
  record.utilisation[0].share = {0.25, 0.5};
  record.attribution = {{"compute", Seconds(4)}, {"", Seconds(0.5)}};
  record.breakdown = {{"pipeline_wait", Seconds(1)}};
  record.memory = {{3, Bytes(1), Bytes(2), Bytes(3), Bytes(4), Bytes(5), Bytes(80e9)}};
  record.energy = Joules(5e7);
  record.mean_power = Watts(1.1e7);
  record.energy_is_estimate = false;
  record.collective_seconds = {{"parameter_all_gather", 0.1}, {"", 0.2}};
  record.activities = 123456789012ULL;
  record.fingerprint = 0xfedcba9876543210ULL;
  return record;
}

StepRecord Labelled(const std::string& label) {
  StepRecord record;
  record.label = label;
  return record;
}

Job ReturnsRecord(const std::string& label, unsigned delay_us = 0) {
  return [=](const std::function<void(double)>& /*progress*/) {
    usleep(delay_us);
    return Labelled(label);
  };
}

}  // namespace

TEST(Record, SurvivesThePipe) {
  const StepRecord in = Filled();
  const StepRecord out = FromBytes<StepRecord>(ToBytes(in));
  EXPECT_EQ(out.label, in.label);
  EXPECT_EQ(out.cap_si, in.cap_si);
  EXPECT_EQ(out.fidelity, in.fidelity);
  EXPECT_EQ(out.accelerators, in.accelerators);
  EXPECT_EQ(out.tokens, in.tokens);
  EXPECT_EQ(out.step_time, in.step_time);
  EXPECT_EQ(out.model_flop, in.model_flop);
  EXPECT_EQ(out.hardware_flop, in.hardware_flop);
  EXPECT_EQ(out.peak, in.peak);
  EXPECT_EQ(out.interval, in.interval);
  ASSERT_EQ(out.utilisation.size(), 2U);
  EXPECT_EQ(out.utilisation[0].resource, "compute");
  EXPECT_EQ(out.utilisation[0].members, 16384);
  EXPECT_EQ(out.utilisation[0].capacity_si, 989e12);
  EXPECT_EQ(out.utilisation[0].peak_si, 1e15);
  EXPECT_EQ(out.utilisation[0].share, (std::vector<double>{0.25, 0.5}));
  EXPECT_TRUE(out.utilisation[1].share.empty());
  ASSERT_EQ(out.attribution.size(), 2U);
  EXPECT_EQ(out.attribution[0].resource, "compute");
  EXPECT_EQ(out.attribution[1].time, Seconds(0.5));
  ASSERT_EQ(out.breakdown.size(), 1U);
  EXPECT_EQ(out.breakdown[0].activity, "pipeline_wait");
  EXPECT_EQ(out.breakdown[0].time, Seconds(1));
  ASSERT_EQ(out.memory.size(), 1U);
  EXPECT_EQ(out.memory[0].stage, 3);
  EXPECT_EQ(out.memory[0].total(), Bytes(15));
  EXPECT_EQ(out.memory[0].capacity, Bytes(80e9));
  EXPECT_EQ(out.energy, in.energy);
  EXPECT_EQ(out.mean_power, in.mean_power);
  EXPECT_FALSE(out.energy_is_estimate);
  EXPECT_EQ(out.collective_seconds, in.collective_seconds);
  EXPECT_EQ(out.activities, in.activities);
  EXPECT_EQ(out.fingerprint, in.fingerprint);
  EXPECT_EQ(ToBytes(out), ToBytes(in));
}

TEST(Jobs, ReturnTheirResultsInOrderWhateverEndsFirst) {
  std::vector<std::size_t> finished;
  WorkerOptions options;
  options.parallel = 4;
  options.finished = [&](std::size_t job, const JobResult& /*result*/) {
    finished.push_back(job);
  };
  const auto results = RunJobs({ReturnsRecord("a", 60000), ReturnsRecord("b", 1000),
                                ReturnsRecord("c", 30000), ReturnsRecord("d")},
                               options);
  ASSERT_EQ(results.size(), 4U);
  std::string labels;
  for (const JobResult& result : results) {
    EXPECT_TRUE(result.ok);
    labels += result.record.label;
  }
  EXPECT_EQ(labels, "abcd");
  EXPECT_EQ(finished, (std::vector<std::size_t>{0, 1, 2, 3}));
}

TEST(Jobs, ThatFailLeaveTheOthersAndSayWhatHappened) {
  const std::vector<Job> jobs = {
      ReturnsRecord("first"),
      [](const auto&) -> StepRecord {
        std::abort();
      },
      [](const auto&) -> StepRecord {
        throw UserError("job.layout", "does not fit");
      },
      [](const auto&) -> StepRecord {
        raise(SIGKILL);
        return {};
      },
      [](const auto&) -> StepRecord {
        _exit(3);
      },
      [](const auto&) -> StepRecord {
        throw std::runtime_error("no such thing");
      },
      ReturnsRecord("last"),
  };
  const auto results = RunJobs(jobs, {});
  ASSERT_EQ(results.size(), jobs.size());
  EXPECT_EQ(results.front().record.label, "first");
  EXPECT_EQ(results.back().record.label, "last");
  EXPECT_TRUE(results.front().ok && results.back().ok);
  for (std::size_t i = 1; i + 1 < results.size(); ++i) {
    EXPECT_FALSE(results[i].ok) << i;
  }
  EXPECT_EQ(results[1].problem, "the simulation was ended by signal 6 (Aborted)");
  EXPECT_NE(results[2].problem.find("does not fit"), std::string::npos);
  EXPECT_EQ(results[3].problem, "the simulation was ended by signal 9 (Killed)");
  EXPECT_EQ(results[4].problem, "the simulation ended with status 3");
  EXPECT_EQ(results[5].problem, "no such thing");
}

TEST(Jobs, TellTheirProgress) {
  double last = -1;
  std::size_t done = 0;
  WorkerOptions options;
  options.parallel = 1;
  options.progress = [&](std::size_t jobs_done, double fraction) {
    EXPECT_GE(fraction, last);
    last = fraction;
    done = jobs_done;
  };
  const Job job = [](const std::function<void(double)>& progress) {
    progress(0.5);
    return Labelled("x");
  };
  RunJobs({job, job}, options);
  EXPECT_EQ(last, 1.0);
  EXPECT_EQ(done, 2U);
}

TEST(Jobs, ThatAreNoneAreDoneAtOnce) {
  EXPECT_TRUE(RunJobs({}, {}).empty());
}

}  // namespace gridlock
