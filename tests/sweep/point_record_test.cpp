// The line of a point says all of it, and is one line.

#include "sim/sweep/point_record.h"

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/sweep/sweep_samples.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;

/// Texts that a line may trip over, joined at random.
std::string DrawnText() {
  static const std::vector<std::string> kParts = {
      "a",    "\"",   "\\",   "\n",   "\r",     "\t",    std::string(1, '\0'),
      "\x1b", "\x7f", "µ",    "日本", "🙂",   "{",     "}",
      ",",    ":",    "null", "NaN",  "\u2028", "1e308", "\\u0000",
      "'",    " ",    "=",    ".",    "/",      "[0]"};
  std::string text;
  for (const std::size_t part : *rc::gen::container<std::vector<std::size_t>>(
           rc::gen::inRange<std::size_t>(0, kParts.size()))) {
    text += kParts[part];
  }
  return text;
}

double DrawnNumber() {
  const int kind = *rc::gen::inRange(0, 8);
  const double numbers[] = {0.0, -0.0, 1e308, 5e-324, std::nan(""), 0.1 + 0.2, 16777217};
  return kind < 7 ? numbers[kind] : *rc::gen::arbitrary<double>();
}

PointRecord DrawnRecord() {
  PointRecord record;
  record.point = *rc::gen::inRange<std::int64_t>(0, std::numeric_limits<std::int64_t>::max());
  record.status = static_cast<PointStatus>(*rc::gen::inRange(0, 4));
  std::set<std::string> axes;
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
    const std::string axis = DrawnText();
    if (axes.insert(axis).second) {
      record.at.emplace_back(axis, DrawnText());
    }
  }
  record.set = DrawnText();
  record.scenario = DrawnText();
  if (record.status != PointStatus::kDone) {
    record.message = DrawnText();
    return record;
  }
  record.fingerprint = DrawnText();
  for (const OutputColumn& column : OutputColumns()) {
    std::set<std::string> labels = {""};
    if (!column.dimension.empty()) {
      labels = {"first", "a " + DrawnText()};
    }
    for (const std::string& label : labels) {
      if (*rc::gen::inRange(0, 4) == 0) {
        record.outputs.push_back({column.name, label, column.is_text ? 0 : DrawnNumber(),
                                  column.is_text ? DrawnText() : ""});
      }
    }
  }
  return record;
}

/// All that is compared; numbers that are missing are equal.
void AssertSame(const PointRecord& a, const PointRecord& b) {
  RC_ASSERT(a.point == b.point);
  RC_ASSERT(a.status == b.status);
  RC_ASSERT(a.at == b.at);
  RC_ASSERT(a.set == b.set);
  RC_ASSERT(a.scenario == b.scenario);
  RC_ASSERT(a.fingerprint == b.fingerprint);
  RC_ASSERT(a.message == b.message);
  RC_ASSERT(a.outputs.size() == b.outputs.size());
  for (std::size_t i = 0; i < a.outputs.size(); ++i) {
    RC_ASSERT(a.outputs[i].name == b.outputs[i].name);
    RC_ASSERT(a.outputs[i].label == b.outputs[i].label);
    RC_ASSERT(a.outputs[i].text == b.outputs[i].text);
    const double x = a.outputs[i].number, y = b.outputs[i].number;
    const bool same = std::isfinite(x) ? x == y : std::isnan(y);
    RC_ASSERT(same);
  }
}

RC_GTEST_PROP(PointRecord, SurvivesItsLine, ()) {
  const PointRecord record = DrawnRecord();
  const std::string line = LineOf(record);
  RC_ASSERT(line.find('\n') == std::string::npos);
  RC_ASSERT(line.find('\0') == std::string::npos);
  const PointRecord again = RecordOf(line);
  AssertSame(record, again);
  RC_ASSERT(LineOf(again) == line);
}

RC_GTEST_PROP(PointRecord, ThatIsCutShortIsNoRecord, ()) {
  const std::string line = LineOf(DrawnRecord());
  const std::size_t size = *rc::gen::inRange<std::size_t>(0, line.size());
  RC_ASSERT_THROWS_AS(RecordOf(line.substr(0, size)), std::runtime_error);
}

TEST(PointRecord, IsWrittenAsItReads) {
  const Grid grid({NumberAxis("nic", {5e10}), ChoiceAxis("fabric", {"torus"})});
  PointRecord record = RecordAt(grid, {0, 0}, 7,
                                {StepTime(0.5),
                                 {"breakdown", "compute", 0.25, ""},
                                 {"breakdown", "idle", std::nan(""), ""},
                                 {"binding_wall", "", 0, "nic"}});
  record.set = "site[0].servers=4\nseed=1";
  EXPECT_EQ(
      LineOf(record),
      "{\"point\":7,\"status\":\"done\",\"at\":{\"nic\":\"50000000000\",\"fabric\":\"torus\"},"
      "\"set\":\"site[0].servers=4\\nseed=1\",\"fingerprint\":\"0000000000000008\","
      "\"outputs\":{\"step_time\":0.5,\"breakdown\":{\"compute\":0.25,\"idle\":null},"
      "\"binding_wall\":\"nic\"}}");
}

TEST(PointRecord, ThatIsNotDoneSaysWhy) {
  const Grid grid({NumberAxis("n", {1})});
  EXPECT_EQ(LineOf(RefusedAt(grid, {0}, 0, "does not fit")),
            "{\"point\":0,\"status\":\"refused\",\"at\":{\"n\":\"1\"},\"set\":\"\","
            "\"message\":\"does not fit\"}");
}

TEST(PointRecord, WithBytesThatAreNoTextKeepsTheRest) {
  PointRecord record;
  record.status = PointStatus::kFailed;
  record.message = "broken \xff end";
  EXPECT_EQ(RecordOf(LineOf(record)).message, "broken \xef\xbf\xbd end");
}

TEST(PointRecord, OfAnUnknownStatusIsRefused) {
  EXPECT_THROW(RecordOf(R"({"point":0,"status":"fine","at":{},"set":""})"), std::runtime_error);
}

TEST(PointRecord, OfOtherJsonIsRefused) {
  for (const std::string text :
       {"", "{}", "[]", "7", "null", R"({"point":"0","status":"done","at":{},"set":""})",
        R"({"point":0,"status":"done","at":{"x":1},"set":""})",
        R"({"point":0,"status":"done","at":{},"set":"","message":1})",
        R"({"point":0,"status":"done","at":{},"set":"","outputs":{"step_time":[1]}})",
        R"({"point":0,"status":"done","at":{},"set":""} 1)"}) {
    EXPECT_THROW(RecordOf(text), std::runtime_error) << text;
  }
}

}  // namespace
}  // namespace gridlock
