#include "sim/validation/statistics.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/catalogue/list.h"
#include "sim/validation/baseline.h"
#include "sim/validation/case_scenario.h"
#include "workloads/transformer.h"

namespace gridlock {
namespace {

TEST(Errors, AreSignedSharesOfThePublishedTime) {
  EXPECT_NEAR(ErrorPct(11, 10), 10, 1e-12);
  EXPECT_DOUBLE_EQ(ErrorPct(5, 10), -50);
}

TEST(Quantiles, AreLinearBetweenOrderStatistics) {
  EXPECT_DOUBLE_EQ(Quantile({7}, 0.9), 7);
  EXPECT_DOUBLE_EQ(Quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(Quantile({10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110}, 0.9), 100);
  EXPECT_DOUBLE_EQ(Quantile({0, 10}, 0.25), 2.5);
}

TEST(Statistics, CountARowWithoutPredictionAsMissingAlone) {
  // By hand: absolute errors 5, 10, 15.
  const ErrorStatistics out = StatisticsOf({5.0, std::nullopt, -10.0, 15.0});
  EXPECT_EQ(out.rows, 4);
  EXPECT_EQ(out.predicted, 3);
  EXPECT_EQ(out.missing, 1);
  EXPECT_DOUBLE_EQ(out.median, 10);
  EXPECT_DOUBLE_EQ(out.p90, 10 + 0.8 * 5);  // position 1.8
  EXPECT_DOUBLE_EQ(out.mean, 30.0 / 3);
  EXPECT_DOUBLE_EQ(out.bias, (5.0 - 10 + 15) / 3);
}

TEST(Statistics, OfNothingAreZero) {
  const ErrorStatistics out = StatisticsOf({});
  EXPECT_EQ(out.rows, 0);
  EXPECT_EQ(out.median, 0);
}

std::vector<PublishedCase> Shipped() {
  return LoadCases({ShippedTable("published.csv")}, KnownNames{});
}

PublishedCase Named(const std::string& id) {
  for (const PublishedCase& row : Shipped()) {
    if (row.id == id) {
      return row;
    }
  }
  ADD_FAILURE() << id;
  return {};
}

TEST(CaseModelFlop, IsThatOfTheSimulatorForDenseModels) {
  const CatalogueList catalogue = ListCatalogue();
  for (const std::string id : {"SC21-A100-145B", "DGXC-H100-nem340-BF16-256", "KORTH-22B-sel"}) {
    const PublishedCase row = Named(id);
    const PreparedCase prepared = Prepare(row, catalogue);
    ASSERT_TRUE(prepared.scenario) << id << ": " << prepared.reason;
    EXPECT_NEAR(CaseModelFlop(row) / ModelFlop(prepared.scenario->training()).si(), 1, 1e-9) << id;
  }
}

TEST(CaseModelFlop, CountsTheExpertsThatATokenVisits) {
  PublishedCase row = Named("DGXC-H100-grok1-BF16-512");
  const double two = CaseModelFlop(row);
  row.top_k = 4;
  const double four = CaseModelFlop(row);
  // 6 FLOP a weight and token; two more experts of three matrices.
  const double tokens = 1024.0 * 8192;
  EXPECT_NEAR((four - two) / (6 * tokens * 64 * 2 * 3 * 6144.0 * 32768), 1, 1e-9);
}

TEST(NearestPrediction, CopiesTheMfuOfTheNearestCalibrationRow) {
  const CatalogueList catalogue = ListCatalogue();
  PublishedCase row = Named("SC21-A100-145B");
  PublishedCase near = row;
  near.id = "near";
  near.role = "calibration";
  near.source = "another";
  near.step_time_s = 30;
  PublishedCase far = near;
  far.id = "far";
  far.layers *= 8;
  far.step_time_s = 1;
  PublishedCase headline = near;
  headline.id = "headline";
  headline.role = "headline";
  headline.step_time_s = 1;
  PublishedCase namesake = near;
  namesake.id = row.id;
  namesake.step_time_s = 1;
  row.global_batch *= 2;
  const auto out =
      NearestPredictions({row}, {namesake, headline, far, near}, catalogue, LeaveOut::kNothing);
  ASSERT_TRUE(out[0]);
  EXPECT_EQ(out[0]->id, "near");
  EXPECT_NEAR(out[0]->step_time_s, 60, 1e-9);  // twice the FLOP at the same MFU
}

TEST(NearestPrediction, LeavesOutTheRowsOwnStackOrSource) {
  const CatalogueList catalogue = ListCatalogue();
  const PublishedCase row = Named("SC21-A100-145B");
  PublishedCase same_stack = row;
  same_stack.id = "same_stack";
  same_stack.role = "calibration";
  same_stack.source = "another";
  PublishedCase same_source = row;
  same_source.id = "same_source";
  same_source.role = "calibration";
  same_source.stack = "another";
  const std::vector<PublishedCase> all{same_stack, same_source};
  EXPECT_EQ(NearestPredictions({row}, all, catalogue, LeaveOut::kStack)[0]->id, "same_source");
  EXPECT_EQ(NearestPredictions({row}, all, catalogue, LeaveOut::kSource)[0]->id, "same_stack");
  EXPECT_FALSE(NearestPredictions({row}, {same_stack}, catalogue, LeaveOut::kStack)[0]);
}

}  // namespace
}  // namespace gridlock
