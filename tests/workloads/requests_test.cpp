// Generated requests: rates, lengths, and which stream moves what.

#include "workloads/requests.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace gridlock {
namespace {

constexpr double kDay = 86400;

// Azure's conversations of 2023 (chat) beside a second group.
ServingSpec ChatAndReasoning() {
  ServingSpec fleet;
  fleet.path = "job[0].serving";
  fleet.replicas = fleet.replicas_simulated = 4;
  fleet.arrivals = {2, 0.6, Seconds(14 * 3600)};
  fleet.groups = {{"chat", 0.75, {1020, 2735, 16000}, {129, 424, 4000}},
                  {"reasoning", 0.25, {200, 1000, 8000}, {8000, 24000, 64000}}};
  return fleet;
}

std::vector<Request> Day(const ServingSpec& fleet, std::uint64_t seed, double days = 1) {
  RequestStream stream(fleet, "fleet", seed);
  std::vector<Request> requests;
  for (Request r = stream.Next(); r.arrival.si() < days * kDay; r = stream.Next()) {
    requests.push_back(r);
  }
  return requests;
}

double Quantile(std::vector<double> values, double q) {
  const auto place =
      values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size()));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

TEST(RateAt, IsHighestAtItsPeakAndItsMeanOverTheDay) {
  const ArrivalSpec arrivals = ChatAndReasoning().arrivals;
  EXPECT_DOUBLE_EQ(RequestStream::RateAt(arrivals, Seconds(14 * 3600)), 3.2);
  EXPECT_NEAR(RequestStream::RateAt(arrivals, Seconds(2 * 3600)), 0.8, 1e-12);
  EXPECT_NEAR(RequestStream::RateAt(arrivals, Seconds(38 * 3600)), 3.2, 1e-12);
  double sum = 0;
  for (int minute = 0; minute < 1440; ++minute) {
    sum += RequestStream::RateAt(arrivals, Seconds(60.0 * minute));
  }
  EXPECT_NEAR(sum / 1440, 2, 1e-12);
}

TEST(Arrivals, CountWhatTheRateIntegratesToInEachHour) {
  const std::vector<Request> requests = Day(ChatAndReasoning(), 1);
  std::vector<int> counts(24);
  for (const Request& r : requests) {
    ++counts[static_cast<std::size_t>(r.arrival.si() / 3600)];
  }
  const double w = 2 * std::acos(-1) / 24;
  for (int hour = 0; hour < 24; ++hour) {
    const double integral =
        3600 * 2 * (1 + 0.6 / w * (std::sin(w * (hour + 1 - 14)) - std::sin(w * (hour - 14))));
    EXPECT_NEAR(counts[static_cast<std::size_t>(hour)], integral, 4.5 * std::sqrt(integral));
  }
  EXPECT_NEAR(static_cast<double>(requests.size()), 2 * kDay, 4 * std::sqrt(2 * kDay));
}

TEST(Arrivals, AreAPoissonProcessWithoutSwing) {
  ServingSpec fleet = ChatAndReasoning();
  fleet.arrivals.swing = 0;
  const std::vector<Request> requests = Day(fleet, 2);
  // Gaps: mean 1/2, variance 1/4; counts per 10 s: variance equals mean.
  double sum = 0, squares = 0, last = 0;
  std::vector<double> counts(static_cast<std::size_t>(kDay / 10));
  for (const Request& r : requests) {
    const double gap = r.arrival.si() - last;
    last = r.arrival.si();
    sum += gap;
    squares += gap * gap;
    ++counts[static_cast<std::size_t>(last / 10)];
  }
  const double n = static_cast<double>(requests.size());
  EXPECT_NEAR(sum / n, 0.5, 5 * 0.5 / std::sqrt(n));
  EXPECT_NEAR(squares / n - 0.25, 0.25, 0.01);
  double mean = 0, variance = 0;
  for (const double c : counts) {
    mean += c / static_cast<double>(counts.size());
  }
  for (const double c : counts) {
    variance += (c - mean) * (c - mean) / static_cast<double>(counts.size());
  }
  EXPECT_NEAR(variance / mean, 1, 5 * std::sqrt(2.0 / static_cast<double>(counts.size())));
}

TEST(Arrivals, OfSimulatedReplicasAreTheirShare) {
  ServingSpec fleet = ChatAndReasoning();
  fleet.replicas = 40;
  EXPECT_NEAR(static_cast<double>(Day(fleet, 3).size()), 0.2 * kDay, 4 * std::sqrt(0.2 * kDay));
}

TEST(Lengths, HaveTheirMedianAndNinetiethPercentile) {
  std::vector<double> prompts[2], outputs[2];
  for (const Request& r : Day(ChatAndReasoning(), 4)) {
    prompts[r.group].push_back(static_cast<double>(r.prompt_tokens));
    outputs[r.group].push_back(static_cast<double>(r.output_tokens));
  }
  EXPECT_NEAR(Quantile(prompts[0], 0.5), 1020, 15);
  EXPECT_NEAR(Quantile(prompts[0], 0.9), 2735, 60);
  EXPECT_NEAR(Quantile(outputs[0], 0.5), 129, 2);
  EXPECT_NEAR(Quantile(outputs[0], 0.9), 424, 12);
  EXPECT_NEAR(Quantile(outputs[1], 0.5), 8000, 200);
  EXPECT_NEAR(Quantile(outputs[1], 0.9), 24000, 900);
  EXPECT_EQ(*std::max_element(outputs[1].begin(), outputs[1].end()), 64000);
  const double all = static_cast<double>(prompts[0].size() + prompts[1].size());
  EXPECT_NEAR(static_cast<double>(prompts[0].size()) / all, 0.75, 0.005);
}

TEST(Lengths, AreWholeFromOneToTheMost) {
  ServingSpec fleet = ChatAndReasoning();
  fleet.groups = {{"tiny", 1, {1, 30, 7}, {5, 5, 100}}};
  int at_most = 0, least = 0;
  for (const Request& r : Day(fleet, 5)) {
    ASSERT_GE(r.prompt_tokens, 1);
    ASSERT_LE(r.prompt_tokens, 7);
    ASSERT_EQ(r.output_tokens, 5);
    at_most += r.prompt_tokens == 7 ? 1 : 0;
    least += r.prompt_tokens == 1 ? 1 : 0;
  }
  EXPECT_GT(at_most, 1000);
  EXPECT_GT(least, 1000);
}

TEST(Routes, AreUniform) {
  double sum = 0, n = 0;
  for (const Request& r : Day(ChatAndReasoning(), 6)) {
    ASSERT_GE(r.route, 0);
    ASSERT_LT(r.route, 1);
    sum += r.route;
    ++n;
  }
  EXPECT_NEAR(sum / n, 0.5, 5 * std::sqrt(1 / (12 * n)));
}

TEST(Streams, LeaveEachOtherAlone) {
  const std::vector<Request> before = Day(ChatAndReasoning(), 7);
  ServingSpec longer = ChatAndReasoning();
  longer.groups[0].output = {500, 5000, 50000};
  const std::vector<Request> after = Day(longer, 7);
  ASSERT_EQ(before.size(), after.size());
  int same_outputs = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    ASSERT_EQ(before[i].arrival, after[i].arrival);
    ASSERT_EQ(before[i].route, after[i].route);
    ASSERT_EQ(before[i].group, after[i].group);
    ASSERT_EQ(before[i].prompt_tokens, after[i].prompt_tokens);
    same_outputs += before[i].output_tokens == after[i].output_tokens ? 1 : 0;
  }
  EXPECT_LT(same_outputs, static_cast<int>(0.3 * static_cast<double>(before.size())));

  // Another rate leaves lengths, groups and routes in their order.
  ServingSpec faster = ChatAndReasoning();
  faster.arrivals = {20, 0, Seconds(0)};
  RequestStream stream(faster, "fleet", 7);
  for (std::size_t i = 0; i < 1000; ++i) {
    const Request r = stream.Next();
    ASSERT_NE(r.arrival, before[i].arrival);
    ASSERT_EQ(r.prompt_tokens, before[i].prompt_tokens);
    ASSERT_EQ(r.output_tokens, before[i].output_tokens);
    ASSERT_EQ(r.route, before[i].route);
  }
}

TEST(Streams, OfOneSeedAreTheSameAndOfOthersAreNot) {
  RequestStream a(ChatAndReasoning(), "x", 8), b(ChatAndReasoning(), "x", 8),
      seed(ChatAndReasoning(), "x", 9), name(ChatAndReasoning(), "y", 8);
  for (int i = 0; i < 1000; ++i) {
    const Request r = a.Next(), same = b.Next(), other = seed.Next(), named = name.Next();
    ASSERT_EQ(r.arrival, same.arrival);
    ASSERT_EQ(r.output_tokens, same.output_tokens);
    ASSERT_NE(r.arrival, other.arrival);
    ASSERT_NE(r.arrival, named.arrival);
  }
}

}  // namespace
}  // namespace gridlock
