// The documentation of the schema.

#include "sim/describe/schema_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fixture_files.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(SchemaText, DescribesEveryMessageWithItsComments) {
  const std::string text = SchemaText();
  EXPECT_THAT(text, HasSubstr("## Scenario\n\nRoot of a scenario file. Without"));
  EXPECT_THAT(text, HasSubstr("- `schema_version` (whole number): Version of this schema; 1.\n"));
  EXPECT_THAT(text, HasSubstr("- `site` (list of Site): Datacenters.\n"));
  EXPECT_THAT(text, HasSubstr("- `nic_bandwidth` (text): Per NIC and direction.\n"));
  EXPECT_THAT(text, HasSubstr("## Accelerator\n\nOne accelerator package as software sees it.\n"));
  EXPECT_THAT(text, HasSubstr("- `ECMP`: A flow keeps the link that its hash picks: collisions "
                              "show. The scenario's seed moves the hash.\n"));
  EXPECT_THAT(text, HasSubstr("- `sequence_parallel` (true or false): Norms and dropout"));
}

TEST(SchemaText, OfOneMessageIsThatMessageAlone) {
  const std::string text = SchemaText("clos");
  EXPECT_THAT(text, StartsWith("## Clos\n\nA folded Clos"));
  EXPECT_THAT(text, HasSubstr("- `rail_optimized` (true or false): True: NIC i"));
  EXPECT_THAT(text.substr(3), Not(HasSubstr("## ")));
}

TEST(SchemaText, OfAMessageThatThereIsNotNamesTheNearest) {
  EXPECT_EQ(RefusalsOf([] {
              (void)SchemaText("Closs");
            }),
            "there is no message \"Closs\" in the schema; did you mean \"Clos\"?\n");
}

TEST(SchemaJson, SaysWhatAFieldExpects) {
  const std::string json = SchemaJson("Site");
  EXPECT_THAT(json, HasSubstr("\"name\": \"servers\",\n        \"type\": \"whole number\",\n"
                              "        \"needed\": true,\n"
                              "        \"expected\": \"a whole number from 1 to 100000000\""));
}

}  // namespace
}  // namespace gridlock
