// Quantiles out of buckets against those of the sorted sample; objectives; sums.

#include "sim/serving/latency.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/random.h"

namespace gridlock {
namespace {

TEST(LatencyHistogram, HasQuantilesWithinOnePercent) {
  Random random(1, "latencies");
  for (const double sigma : {0.01, 0.5, 3.0}) {
    LatencyHistogram histogram;
    std::vector<double> sample;
    for (int i = 0; i < 20001; ++i) {
      sample.push_back(std::clamp(random.LogNormal(-2, sigma), 1e-6, 1e6));
      histogram.Add(Seconds(sample.back()));
    }
    std::sort(sample.begin(), sample.end());
    for (const double q : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const auto rank = static_cast<std::size_t>(std::ceil(q * 20001)) - 1;
      EXPECT_NEAR(histogram.Quantile(q).si() / sample[rank], 1, 0.0101) << sigma << " " << q;
    }
    double sum = 0;
    for (const double s : sample) {
      sum += s;
    }
    EXPECT_NEAR(histogram.Mean().si(), sum / 20001, 1e-9 * sum);
  }
}

TEST(LatencyHistogram, CountsTheVeryShortAndTheVeryLong) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.Quantile(0.5), Seconds(0));
  EXPECT_EQ(histogram.Mean(), Seconds(0));
  histogram.Add(Seconds(0));
  histogram.Add(Seconds(1e9));
  EXPECT_EQ(histogram.count(), 2);
  EXPECT_NEAR(histogram.Quantile(0.5).si(), 1e-6, 2e-8);
  EXPECT_NEAR(histogram.Quantile(1).si(), 1e7, 2e5);
}

TEST(LatencyHistogram, MergedIsThatOfAll) {
  Random random(2, "latencies");
  LatencyHistogram all, parts[3];
  for (int i = 0; i < 3000; ++i) {
    const Seconds latency(random.Exponential(1));
    all.Add(latency);
    parts[i % 3].Add(latency);
  }
  parts[0].Merge(parts[1]);
  parts[0].Merge(parts[2]);
  EXPECT_EQ(parts[0].count(), all.count());
  EXPECT_NEAR(parts[0].Mean().si(), all.Mean().si(), 1e-12);
  for (const double q : {0.1, 0.5, 0.99}) {
    EXPECT_EQ(parts[0].Quantile(q), all.Quantile(q));
  }
}

ServingSpec Fleet(double ttft, double tpot) {
  ServingSpec fleet;
  fleet.groups.resize(2);
  fleet.ttft_objective = Seconds(ttft);
  fleet.tpot_objective = Seconds(tpot);
  return fleet;
}

// Arrives at 10, first token after `ttft`, then 9 tokens more at `tpot`.
CompletedRequest Served(int group, double ttft, double tpot) {
  CompletedRequest request;
  request.group = group;
  request.prompt_tokens = 100;
  request.output_tokens = 10;
  request.arrival = Seconds(10);
  request.first_token = Seconds(10 + ttft);
  request.end = Seconds(10 + ttft + 9 * tpot);
  return request;
}

TEST(FleetLatency, CountsWhoMeetsBothObjectives) {
  FleetLatency latency(Fleet(1, 0.05));
  latency.Add(Served(0, 0.5, 0.04));
  latency.Add(Served(0, 1.5, 0.04));
  latency.Add(Served(0, 0.5, 0.06));
  latency.Add(Served(1, 0.5, 0.04));
  CompletedRequest refused = Served(1, 0, 0);
  refused.refused = true;
  latency.Add(refused);
  EXPECT_DOUBLE_EQ(latency.groups()[0].ShareWithinObjectives(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(latency.groups()[1].ShareWithinObjectives(), 0.5);
  EXPECT_DOUBLE_EQ(latency.Total().ShareWithinObjectives(), 0.4);
  EXPECT_EQ(latency.groups()[1].refused, 1);
  EXPECT_EQ(latency.Total().completed, 4);
  EXPECT_EQ(latency.Total().output_tokens, 40);
  EXPECT_EQ(latency.Total().prompt_tokens, 400);
  EXPECT_NEAR(latency.groups()[0].tpot.Mean().si(), 0.14 / 3, 1e-12);
  EXPECT_NEAR(latency.groups()[1].end_to_end.Mean().si(), 0.5 + 9 * 0.04, 1e-12);
}

TEST(FleetLatency, WithoutObjectivesAllMeetThem) {
  FleetLatency latency(Fleet(0, 0));
  latency.Add(Served(0, 100, 100));
  EXPECT_DOUBLE_EQ(latency.Total().ShareWithinObjectives(), 1);
}

TEST(FleetLatency, OfOneTokenHasNoTimePerOutputToken) {
  FleetLatency latency(Fleet(1, 0.05));
  CompletedRequest request = Served(0, 0.5, 0);
  request.output_tokens = 1;
  latency.Add(request);
  EXPECT_EQ(latency.groups()[0].tpot.count(), 0);
  EXPECT_EQ(latency.groups()[0].within_objectives, 1);
}

TEST(FleetLatency, MergesByGroup) {
  FleetLatency a(Fleet(1, 1)), b(Fleet(1, 1));
  a.Add(Served(0, 0.5, 0.5));
  b.Add(Served(0, 1.5, 0.5));
  b.Add(Served(1, 0.5, 0.5));
  a.Merge(b);
  EXPECT_EQ(a.groups()[0].completed, 2);
  EXPECT_EQ(a.groups()[0].within_objectives, 1);
  EXPECT_EQ(a.groups()[1].completed, 1);
}

}  // namespace
}  // namespace gridlock
