// Recorded requests: what their files say, and what is said of rows that are none.

#include "sim/interop/request_trace.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "tests/serving/data_file.h"

namespace gridlock {
namespace {

using ::testing::ElementsAre;

const std::string kHead = "TIMESTAMP,ContextTokens,GeneratedTokens\n";

std::string ProblemOf(const std::string& file, const std::string& text) {
  try {
    ReadRequestTrace(file, text);
  } catch (const UserError& error) {
    return error.problems().front().message;
  }
  return "";
}

TEST(RequestTrace, ReadsAzuresRows) {
  const auto requests = ReadRequestTrace("a.csv", kHead +
                                                      "2023-11-16 23:59:59.5000000,4808,10\n"
                                                      "2023-11-17 00:00:00.2500000,3180,8");
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_NEAR(requests[1].arrival.si(), 0.75, 1e-6);
  EXPECT_EQ(requests[1].prompt_tokens, 3180);
  EXPECT_EQ(requests[1].output_tokens, 8);
}

// Of 2024 in a time zone, which may be another one.
TEST(RequestTrace, ReadsAzuresRowsOf2024) {
  const auto requests = ReadRequestTrace("a.csv", kHead +
                                                      "2024-05-10 00:00:00.009930+00:00,2162,5\n"
                                                      "2024-05-10 02:00:00.509930+02:00,2399,6\n"
                                                      "2024-05-10T00:00:01.009930Z,7,6\n"
                                                      "2024-05-09T23:30:02.009930-0030,7,6");
  ASSERT_EQ(requests.size(), 4U);
  EXPECT_NEAR(requests[1].arrival.si(), 0.5, 1e-6);
  EXPECT_NEAR(requests[2].arrival.si(), 1, 1e-6);
  EXPECT_NEAR(requests[3].arrival.si(), 2, 1e-6);
  EXPECT_THAT(ProblemOf("a.csv", kHead + "2024-05-10 00:00:00.009930 UTC,2162,5\n"),
              ::testing::HasSubstr("expected a time such as"));
}

TEST(RequestTrace, ReadsBurstGptByItsColumns) {
  const auto requests =
      ReadRequestTrace("b.csv",
                       "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
                       "5,ChatGPT,472,18,490,Conversation log\n"
                       "6,ChatGPT,472,0,472,Conversation log\n"
                       "45.5,GPT-4,1087,230,1317,API log\n");
  ASSERT_EQ(requests.size(), 2U) << "one has failed";
  EXPECT_DOUBLE_EQ(requests[1].arrival.si(), 40.5);
  EXPECT_EQ(requests[1].prompt_tokens, 1087);
  EXPECT_EQ(requests[1].output_tokens, 230);
  EXPECT_EQ(ProblemOf("b.csv", "a,b\n1,2\n"),
            "b.csv:1:1: the first line names no columns; expected "
            "TIMESTAMP,ContextTokens,GeneratedTokens, or those of BurstGPT");
}

TEST(RequestTrace, ReadsQwensRowsInSeconds) {
  const auto requests = ReadRequestTrace(
      "q.jsonl",
      R"({"chat_id": 159, "parent_chat_id": -1, "timestamp": 61.114,)"
      R"( "input_length": 521, "output_length": 132, "type": "text", "turn": 1,)"
      R"( "hash_ids": [1089, 1090]})"
      "\n"
      R"({"chat_id": 160, "parent_chat_id": -1, "timestamp": 61.614,)"
      R"( "input_length": 40, "output_length": 2, "type": "text", "turn": 1, "hash_ids": [1089]})");
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_NEAR(requests[1].arrival.si(), 0.5, 1e-9);
  EXPECT_THAT(requests[0].blocks, ElementsAre(1089, 1090));
  EXPECT_EQ(requests[0].block, 16);
}

TEST(RequestTrace, ReadsMooncakesRows) {
  const auto requests = ReadRequestTrace(
      "m.jsonl",
      R"({"timestamp": 0, "input_length": 1200, "output_length": 5, "hash_ids": [0, 1, 2]})"
      "\n"
      R"({"timestamp": 1500, "input_length": 1100, "output_length": 7, "hash_ids": [0, 1, 9]})");
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_DOUBLE_EQ(requests[1].arrival.si(), 1.5);
  EXPECT_THAT(requests[1].blocks, ElementsAre(0, 1, 9));
  EXPECT_EQ(HitsOf(requests, 0).hits, 2);
  EXPECT_EQ(HitsOf(requests, 0).blocks, 6);
  // A cache of one block has only the last.
  EXPECT_EQ(HitsOf(requests, 1).hits, 0);
}

TEST(RequestTrace, ReadsRecordsOfAiperfInTheOrderOfTheirArrivals) {
  const auto record = [](const char* start, int input, int output) {
    return std::string(R"({"metadata": {"request_start_ns": )") + start +
           R"(, "was_cancelled": false}, "metrics": {"input_sequence_length": {"value": )" +
           std::to_string(input) + R"(, "unit": "tokens"}, "output_sequence_length": {"value": )" +
           std::to_string(output) + R"(, "unit": "tokens"}}, "error": null})" + "\n";
  };
  const std::string failed =
      R"({"metadata": {"request_start_ns": 1}, "metrics": {}, "error": {"code": 499}})"
      "\n";
  const auto requests =
      ReadRequestTrace("profile_export.jsonl",
                       record("3500000000", 550, 61) + failed + record("2000000000", 1000, 7));
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].prompt_tokens, 1000);
  EXPECT_EQ(requests[0].output_tokens, 7);
  EXPECT_NEAR(requests[1].arrival.si(), 1.5, 1e-6);
  EXPECT_EQ(requests[1].output_tokens, 61);
}

TEST(RequestTrace, ReadsResultsOfServingBenchmarks) {
  const auto paced = ReadRequestTrace(
      "r.json", R"({"request_rate": 4.0, "input_lens": [100, 0, 300], "output_lens": [5, 0, 7]})");
  ASSERT_EQ(paced.size(), 2U) << "one has failed";
  EXPECT_NEAR(paced[1].arrival.si(), 0.5, 1e-12);
  EXPECT_EQ(paced[1].prompt_tokens, 300);
  const auto timed = ReadRequestTrace(
      "r.json", R"({"request_rate": "inf", "input_lens": [10, 20], "output_lens": [1, 2],
                    "start_times": [12.5, 13.25]})");
  EXPECT_NEAR(timed[1].arrival.si(), 0.75, 1e-12);
  EXPECT_THAT(ProblemOf("r.json", R"({"input_lens": [10], "output_lens": []})"),
              ::testing::HasSubstr("1 input_lens and 0 output_lens"));
}

TEST(RequestTrace, ReadsShareGptByItsCharacters) {
  const auto requests = ReadRequestTrace(
      "s.json", R"([{"id": "a", "conversations": [{"from": "human", "value": "12345678"},
                    {"from": "gpt", "value": "1234 \"67\" \u00e9\n12"}, {"from": "human",
                     "value": "ignored"}]},
                    {"id": "b", "conversations": [{"from": "human", "value": "alone"}]}])");
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].prompt_tokens, 2);
  EXPECT_EQ(requests[0].output_tokens, 3);
}

TEST(RequestTrace, RefusesARowWithoutAComma) {
  EXPECT_EQ(ProblemOf("m.jsonl", R"({"timestamp":0,"input_length":512 "output_length":10})"),
            "m.jsonl:1:1: input_length is \"512 \"output_length\":10\"; expected a whole number "
            "from 1");
}

TEST(RequestTrace, SaysWhatIsWrongWithARow) {
  const std::string good = "2023-11-16 18:17:03.9799600,4808,10\n";
  EXPECT_EQ(ProblemOf("a.csv", kHead + good + "2023-11-16 18:17:02.0000000,5,1\n"),
            "a.csv:3:1: the time goes back by 1.98 s");
  EXPECT_EQ(ProblemOf("a.csv", kHead + "2023-11-16 18:17:03.9799600,0,10\n"),
            "a.csv:2:1: ContextTokens is \"0\"; expected a whole number from 1");
  EXPECT_EQ(ProblemOf("a.csv", kHead + "2023-11-16 18:17:03.9799600,4808\n"),
            "a.csv:2:1: 2 cells; expected 3, TIMESTAMP,ContextTokens,GeneratedTokens among them");
  EXPECT_EQ(ProblemOf("a.csv", kHead + "noon,4808,10\n"),
            "a.csv:2:1: TIMESTAMP is \"noon\"; expected a time such as 2023-11-16 "
            "18:17:03.9799600");
  EXPECT_EQ(ProblemOf("a.csv", kHead), "a.csv: the trace holds no request");
  EXPECT_EQ(ProblemOf("m.jsonl", R"({"timestamp": 0, "input_length": 12)"),
            "m.jsonl:1:1: the line ends within its object: the file is cut off");
  EXPECT_EQ(ProblemOf("m.jsonl", R"({"timestamp": 0, "output_length": 12})"),
            "m.jsonl:1:1: no input_length");
}

// The traces of the papers: counts of rows, and the share of blocks that an infinite cache has.
TEST(RequestTrace, FindsThePrefixesOfMooncakesTraces) {
  const std::string talks = DataFile("conversation_trace.jsonl");
  const std::string drawn_ones = DataFile("synthetic_trace.jsonl");
  if (talks.empty() || drawn_ones.empty()) {
    GTEST_SKIP()
        << "conversation_trace.jsonl and synthetic_trace.jsonl of kvcache-ai/Mooncake are not in "
        << kWhereDataIs;
  }
  const PrefixHits talk = HitsOf(ReadRequestTrace(talks), 0);
  EXPECT_NEAR(static_cast<double>(talk.hits) / static_cast<double>(talk.blocks), 0.366, 0.001);
  const PrefixHits drawn = HitsOf(ReadRequestTrace(drawn_ones), 0);
  EXPECT_NEAR(static_cast<double>(drawn.hits) / static_cast<double>(drawn.blocks), 0.640, 0.001);
}

}  // namespace
}  // namespace gridlock
