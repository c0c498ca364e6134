#include <algorithm>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/report/cap_table.h"
#include "sim/report/json.h"
#include "sim/report/layout.h"
#include "sim/report/summary.h"
#include "tests/record/report_sample.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSummary = R"(two servers: one training step
A sample for the reports

  machine                2 x DGX H100
  model                  llama
  layout                 tensor 2, data 8

  accelerators           16
  step time              4.000 s
  tokens per step        4,194,304
  tokens/s               1,048,576 (65,536 per accelerator)
  model FLOP rate        400.0 TFLOP/s per accelerator
  MFU                    40.0 %
  HFU                    50.0 %

Where the time goes (mean per accelerator)
  compute                     2.500 s    62.5 %  kernels that the matrix units pace
  tensor_comm                 0.500 s    12.5 %  exposed messages inside model-parallel groups
  pipeline_wait               0.750 s    18.8 %  waiting for another stage (bubble) or its message
  idle                        0.250 s     6.2 %  own step done, waiting for the slowest to end

What sets the pace (critical path)
  compute                     3.000 s    75.0 %  compute (matrix units)
  latency                     0.800 s    20.0 %  latency of messages
  scale_up                    0.200 s     5.0 %  the scale-up links
  The wall that binds: compute (matrix units), for 75.0 % of the step.

Utilisation (mean over the step and all members of the class)
  compute                  62.5 % of 16 x 1 PFLOPS peak
  hbm                      20.0 % of 16 x 3 TB/s sustained (peak 3.35 TB/s)
  nic                       5.0 % of 32 directions x 400 Gbps
  scale_up                 10.0 % of 32 directions x 450 GB/s

HBM per accelerator (fullest stage: 0)
  weights                     10.00 GB
  gradients                   20.00 GB
  optimizer                    5.00 GB
  activations                 24.00 GB
  buffers                      1.00 GB
  total                       60.00 GB of 80 GB (75.0 %)
  stage 0                     60.00 GB
  stage 1                     48.00 GB

Energy and mean power (without PUE)
  per step               57.6 kJ (estimate)
  per accelerator        900 W with its share of the server (estimate)
    its own board        512 W of at most 700 W
    share of the server  388 W

Notes
  - 900 GBps bidirectional = 450 GB/s per direction

Estimates among the inputs of this run
  - accelerator h100: power.per_flop, power.per_hbm_byte
  - stack core: step_overhead

gridlock 0.1.0, full simulation, seed 7, 12,345 activities
fingerprint 0123456789abcdef
)";

constexpr const char* kCapTable = R"(two servers: cap on scale-up bandwidth per direction
A sample for the reports

  machine                2 x DGX H100
  model                  llama
  layout                 tensor 2, data 8

  per direction  step time  slowdown     MFU   share of the critical path: scale_up
       450 GB/s    4.000 s    1.000x  40.0 %   5.0 % |#               | no cap
       450 GB/s    4.000 s    1.000x  40.0 %   5.0 % |#               | = no cap
       200 GB/s    4.400 s    1.100x  36.4 %  15.0 % |##              | <- knee
       100 GB/s    6.000 s    1.500x  26.7 %  40.0 % |######          |

Knee at 200 GB/s: the pace of 15.0 % of the step is set by the scale-up links, past 10 %.

Notes
  - 900 GBps bidirectional = 450 GB/s per direction

Estimates among the inputs of this run
  - accelerator h100: power.per_flop, power.per_hbm_byte
  - stack core: step_overhead

gridlock 0.1.0, full simulation, seed 7
fingerprint 85bfa073aa7933ea
)";

TEST(SummaryText, ReadsAsWritten) {
  EXPECT_EQ(SummaryText(ReportHeader(), ReportRecord()), kSummary);
}

TEST(SummaryText, FitsAHundredColumns) {
  TraceHeader header = ReportHeader();
  for (int i = 0; i < 20; ++i) {
    header.notes.front() += " and so on";
    header.description += " of many words";
    header.setup.front().text += " with layers";
    header.estimates.push_back({"stack core", "field_" + std::to_string(i)});
    header.unsourced.push_back({"model own", "layers_" + std::to_string(i)});
  }
  CapStudy study = ReportStudy();
  study.points.front().cap_as_typed = "12345.678 GBps";
  std::istringstream lines(SummaryText(header, ReportRecord()) + CapTableText(header, study));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100u) << line;
  }
}

TEST(SummaryText, NamesTheCapOnlyOfACappedStep) {
  EXPECT_THAT(SummaryText(ReportHeader(), ReportRecord()), Not(HasSubstr("baseline")));
  EXPECT_THAT(SummaryText(ReportHeader(), CappedRecord(1e11, 5.0, 0.2)),
              HasSubstr("one training step, capped"));
}

TEST(SummaryText, SaysIntoHowManyClassesTheJobWasFolded) {
  StepRecord record = ReportRecord();
  EXPECT_THAT(SummaryText(ReportHeader(), record), Not(HasSubstr("folded into")));
  record.classes = 2;
  EXPECT_THAT(SummaryText(ReportHeader(), record), HasSubstr("16 (folded into 2 classes)"));
}

TEST(Column, HasOneUnitAndOneNumberOfDigits) {
  static constexpr ColumnUnit kUnits[] = {{1e9, "GB/s"}, {1e12, "TB/s"}};
  EXPECT_EQ(Column({7.2e12, 450e9, 87.5e9}, kUnits),
            (std::vector<std::string>{"7200.0 GB/s", "450.0 GB/s", "87.5 GB/s"}));
  EXPECT_EQ(Column({2e12, 1e12}, kUnits), (std::vector<std::string>{"2 TB/s", "1 TB/s"}));
  EXPECT_TRUE(Column({}, kUnits).empty());
}

TEST(ThreeDigits, AreKeptAndNoMore) {
  EXPECT_DOUBLE_EQ(ThreeDigits(1082.8), 1080.0);
  EXPECT_DOUBLE_EQ(ThreeDigits(0.0012345), 0.00123);
  EXPECT_DOUBLE_EQ(ThreeDigits(-999.6), -1000.0);
  EXPECT_EQ(ThreeDigits(0.0), 0.0);
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
  EXPECT_THAT(text, HasSubstr("61.00 GB of 80 GB"));
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

TEST(Folded, BreaksLongLinesBetweenWordsAndLeavesShortOnes) {
  EXPECT_EQ(Folded("short\n  one two three four\n", 12), "short\n  one two\n    three\n    four\n");
  EXPECT_EQ(Folded("a\n\nb", 10), "a\n\nb");
}

TEST(Folded, KeepsAWordThatFitsOnNoLine) {
  EXPECT_EQ(Folded("  a /a/path/of/many/letters b\n", 10),
            "  a\n    /a/path/of/many/letters\n    b\n");
}

TEST(Folded, MakesASummaryFitFortyColumnsWithoutBreakingAWord) {
  const std::string summary = SummaryText(ReportHeader(), ReportRecord());
  const auto words = [](const std::string& text) {
    std::istringstream stream(text);
    return std::vector<std::string>(std::istream_iterator<std::string>(stream), {});
  };
  const std::string folded = Folded(summary, 40);
  EXPECT_EQ(words(folded), words(summary));
  std::istringstream lines(folded);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(line.size() <= 40 ||
                line.find(' ', line.find_first_not_of(' ')) == std::string::npos)
        << line;
  }
}

TEST(WallInWords, IsWhatTheRecordSaysElseTheName) {
  StepRecord record;
  record.attribution = {{"ring_x", Seconds(1), "the links along x"}, {"ring_y", Seconds(1)}};
  EXPECT_EQ(WallInWords(record, "ring_x"), "the links along x");
  EXPECT_EQ(WallInWords(record, "ring_y"), "ring_y");
  EXPECT_EQ(WallInWords(record, "nic"), "nic");
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
  EXPECT_THAT(CapTableText(ReportHeader(), study), HasSubstr("No knee: never"));
  study.baseline = CappedRecord(0.0, 4.0, 0.5);
  study.points[0] = CappedRecord(100e9, 5.0, 0.6);
  const std::string text = CapTableText(ReportHeader(), study);
  EXPECT_THAT(text, HasSubstr("already binds without the cap. The pace of 50.0 % of the step"));
  EXPECT_THAT(text, Not(HasSubstr("<- knee")));
}

TEST(FindKnee, IsTheHighestValuePastTheThreshold) {
  EXPECT_EQ(FindKnee(Ordered(ReportStudy())), 1u);
  // A higher value that binds is the knee, also when a lower one does not.
  CapStudy study = ReportStudy();
  study.points.push_back(CappedRecord(800e9, 4.0, 0.2));
  EXPECT_EQ(FindKnee(Ordered(study)), 0u);
}

TEST(FindKnee, IsNowhereWhenTheResourceBindsWithoutTheCap) {
  CapStudy study = ReportStudy();
  study.baseline = CappedRecord(0.0, 4.0, 0.10);
  EXPECT_FALSE(BindsWithoutCap(study));
  EXPECT_TRUE(FindKnee(Ordered(study)).has_value());
  study.baseline = CappedRecord(0.0, 4.0, 0.11);
  EXPECT_TRUE(BindsWithoutCap(study));
  EXPECT_FALSE(FindKnee(Ordered(study)).has_value());
}

TEST(CapTableText, ShowsWhatWasTypedBesideWhatItMeans) {
  CapStudy study = ReportStudy();
  EXPECT_THAT(CapTableText(ReportHeader(), study), Not(HasSubstr("as typed")));
  study.points[0].cap_as_typed = "200 GBps";
  const std::string text = CapTableText(ReportHeader(), study);
  EXPECT_THAT(text, HasSubstr("as typed per direction"));
  EXPECT_THAT(text, HasSubstr("    200 GBps      100 GB/s"));
  EXPECT_THAT(text, HasSubstr("    450 GB/s      450 GB/s"));  // typed as it is
}

TEST(CapTableText, WritesTheCapInItsUnits) {
  TraceHeader header = ReportHeader();
  header.cap_units = "W";
  CapStudy study = ReportStudy();
  study.uncapped_si = 700.0;
  study.points = {CappedRecord(500.0, 5.0, 0.2)};
  EXPECT_THAT(CapTableText(header, study), HasSubstr("500 W"));
  header.cap_units = "FLOP/s";
  study.points = {CappedRecord(500e12, 5.0, 0.2)};
  study.uncapped_si = 989.5e12;
  EXPECT_THAT(CapTableText(header, study), HasSubstr(" 500.0 TFLOPS"));
  header.cap_units = "byte/s";
  study.resource = "nic";
  study.uncapped_si = 50e9;
  study.points = {CappedRecord(12.5e9, 5.0, 0.2)};
  EXPECT_THAT(CapTableText(header, study), HasSubstr("100 Gbps"));
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
