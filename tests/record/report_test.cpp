#include <algorithm>
#include <limits>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/report/cap_table.h"
#include "sim/report/json.h"
#include "sim/report/summary.h"
#include "tests/record/report_sample.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSummary = R"(two servers: one training step, baseline

  accelerators           16 (2 x DGX H100)
  step time              4 s
  tokens per step        4,194,304
  tokens/s               1,048,576 (65536.0 per accelerator)
  model FLOP rate        400.0 TFLOP/s per accelerator
  MFU                    40.0 %
  HFU                    50.0 %

Where the time goes (mean per accelerator)
  compute                     2.500 s    62.5 %
  tensor_comm                 0.500 s    12.5 %
  pipeline_wait               1.000 s    25.0 %

What sets the pace (critical path)
  compute                     3.000 s    75.0 %
  bubble                      0.800 s    20.0 %
  scale_up                    0.200 s     5.0 %
  The wall that binds: compute (matrix units), for 75.0 % of the step.

Utilisation (mean over the step and all members)
  compute                  62.5 % of 16 x 1 PFLOPS
  scale_up                 10.0 % of 32 x 450 GB/s

HBM per accelerator (fullest stage: 0)
  weights                     10 GB
  gradients                   20 GB
  optimizer                    5 GB
  activations                 24 GB
  buffers                      1 GB
  total                       60 GB of 80 GB (75.0 %)
  stage 0                     60 GB
  stage 1                     48 GB

Energy (accelerators and servers, without PUE)
  per step               57.6 kJ (estimate)
  mean power             0.900 kW per accelerator (estimate)

Notes
  - 900 GBps bidirectional = 450 GB/s per direction

Estimates among the inputs
  - power.per_flop

gridlock 0.1.0, full simulation, seed 7, 12,345 activities
fingerprint 0123456789abcdef
)";

constexpr const char* kCapTable = R"(two servers: cap on scale-up bandwidth per direction

           cap  step time  slowdown      MFU    share of the critical path set by scale_up
          none        4 s    1.000x   40.0 %    5.0 % |#                   |
      400 GB/s        4 s    1.000x   40.0 %    6.0 % |#                   |
      200 GB/s      4.4 s    1.100x   36.4 %   15.0 % |###                 | <- knee
      100 GB/s        6 s    1.500x   26.7 %   40.0 % |########            |

Knee at 200 GB/s: the scale-up links set the pace of 15.0 % of the step, past 10 %.
fingerprint 298db7d83feadf4f
)";

TEST(SummaryText, ReadsAsWritten) {
  EXPECT_EQ(SummaryText(ReportHeader(), ReportRecord()), kSummary);
}

TEST(SummaryText, FitsAHundredColumns) {
  std::istringstream lines(SummaryText(ReportHeader(), ReportRecord()) +
                           CapTableText(ReportHeader(), ReportStudy()));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100u) << line;
  }
}

TEST(SummaryText, SaysEstimateOnlyWhenItIsOne) {
  StepRecord record = ReportRecord();
  record.energy_is_estimate = false;
  EXPECT_THAT(SummaryText(ReportHeader(), record), Not(HasSubstr("(estimate)")));
}

TEST(SummaryText, NamesTheFullestStageAndListsStagesOnlyWhenTheyAreFew) {
  StepRecord record = ReportRecord();
  record.memory.resize(9, record.memory.front());
  record.memory[7].stage = 7;
  record.memory[7].activations += Bytes(1e9);
  const std::string text = SummaryText(ReportHeader(), record);
  EXPECT_THAT(text, HasSubstr("fullest stage: 7"));
  EXPECT_THAT(text, HasSubstr("61 GB of 80 GB"));
  EXPECT_THAT(text, Not(HasSubstr("stage 0")));
}

TEST(SummaryText, ABareRecordHasNoEmptySections) {
  StepRecord record;
  record.label = "baseline";
  record.accelerators = 1;
  record.step_time = Seconds(0.001);
  const std::string text = SummaryText({}, record);
  EXPECT_THAT(text, Not(HasSubstr("critical path")));
  EXPECT_THAT(text, Not(HasSubstr("HBM")));
  EXPECT_THAT(text, HasSubstr("MFU                    n/a"));
}

TEST(BindingWall, AddsUpPartsOfOneName) {
  StepRecord record = ReportRecord();
  record.attribution = {
      {"hbm", Seconds(1.5)}, {"nic", Seconds(1.0)}, {"nic", Seconds(1.0)}, {"hbm", Seconds(0.4)}};
  EXPECT_EQ(BindingWall(record)->resource, "nic");
  EXPECT_DOUBLE_EQ(CriticalShare(record, "hbm"), 1.9 / 4.0);
  EXPECT_EQ(CriticalShare(record, "spine"), 0.0);
  record.attribution.clear();
  EXPECT_FALSE(BindingWall(record).has_value());
}

TEST(CapTableText, ReadsAsWritten) {
  EXPECT_EQ(CapTableText(ReportHeader(), ReportStudy()), kCapTable);
}

TEST(CapTableText, DoesNotDependOnTheOrderOfThePoints) {
  CapStudy study = ReportStudy();
  std::reverse(study.points.begin(), study.points.end());
  EXPECT_EQ(CapTableText(ReportHeader(), study), kCapTable);
}

TEST(CapTableText, SaysWhenThereIsNoKneeAndWhenTheBaselineIsPastIt) {
  CapStudy study = ReportStudy();
  study.points.resize(2);
  study.points[0] = CappedRecord(100e9, 5.0, 0.10);  // at the threshold is not past it
  EXPECT_THAT(CapTableText(ReportHeader(), study), HasSubstr("No knee"));
  study.baseline = CappedRecord(0.0, 4.0, 0.5);
  EXPECT_THAT(CapTableText(ReportHeader(), study),
              HasSubstr("Without a cap, the scale-up links already set the pace of 50.0 %"));
}

TEST(FindKnee, IsTheHighestValuePastTheThreshold) {
  EXPECT_EQ(FindKnee(Ordered(ReportStudy())), 1u);
  // A higher value that binds is the knee, also when a lower one does not.
  CapStudy study = ReportStudy();
  study.points.push_back(CappedRecord(800e9, 4.0, 0.2));
  EXPECT_EQ(FindKnee(Ordered(study)), 0u);
}

TEST(CapTableText, WritesTheCapInItsUnits) {
  TraceHeader header = ReportHeader();
  header.cap_units = "W";
  CapStudy study = ReportStudy();
  study.points = {CappedRecord(500.0, 5.0, 0.2)};
  EXPECT_THAT(CapTableText(header, study), HasSubstr("500 W"));
  header.cap_units = "FLOP/s";
  study.points = {CappedRecord(500e12, 5.0, 0.2)};
  EXPECT_THAT(CapTableText(header, study), HasSubstr("500 TFLOPS"));
}

TEST(JsonWriter, WritesNumbersThatReadBackToTheSameBits) {
  JsonWriter json;
  json.BeginArray();
  for (const double value : {0.1 + 0.2, 1e300, -5e-324, 3.0}) {
    json.Value(value);
  }
  json.Value(std::numeric_limits<double>::infinity());
  json.Value(18446744073709551615u);
  json.EndArray();
  EXPECT_EQ(json.Finish(),
            "[\n  0.30000000000000004,\n  1e+300,\n  -5e-324,\n  3,\n  null,\n"
            "  18446744073709551615\n]\n");
}

TEST(JsonWriter, EmptyObjectsAndArraysStayOnOneLine) {
  JsonWriter json;
  json.BeginObject();
  json.Key("a");
  json.BeginArray();
  json.EndArray();
  json.Member("b", "x\"y");
  json.EndObject();
  EXPECT_EQ(json.Finish(), "{\n  \"a\": [],\n  \"b\": \"x\\\"y\"\n}\n");
}

TEST(JsonWriter, ReplacesBytesThatAreNotUtf8) {
  JsonWriter json;
  json.Value("\xc2\xb5 \xc0\x80 \xed\xa0\x80 \xf0\x9f");
  const std::string bad = "\\ufffd";
  EXPECT_EQ(json.Finish(),
            "\"\xc2\xb5 " + bad + bad + " " + bad + bad + bad + " " + bad + bad + "\"\n");
}

TEST(JsonWriterDeathTest, UnfinishedDocumentsAreABug) {
  JsonWriter json;
  json.BeginObject();
  EXPECT_DEATH(json.Finish(), "empty_.empty()");
}

}  // namespace
}  // namespace gridlock
