#include "sim/base/names.h"

#include <gtest/gtest.h>

namespace gridlock {
namespace {

std::string PartKey(const std::string& name) {
  return PlainKey(name, NameKind::kPart);
}

std::string ModelKey(const std::string& name) {
  return PlainKey(name, NameKind::kModel);
}

TEST(Cases, ChangeLettersOfAsciiAlone) {
  EXPECT_EQ(LowerCase("Batch Size_2-\xC3\x84"), "batch size_2-\xC3\x84");
  EXPECT_EQ(LowerCase("Batch Size_2-X", '-'), "batch-size-2-x");
  EXPECT_EQ(UpperCase("fp8_e4m3"), "FP8_E4M3");
  EXPECT_EQ(LettersOf("All-Reduce (1.5)"), "allreduce15");
}

TEST(PlainKey, IsOneForAllSpellingsOfAPart) {
  EXPECT_EQ(PartKey("NVIDIA GeForce RTX 4090"), PartKey("rtx_4090"));
  EXPECT_EQ(PartKey("NVIDIA H100 80GB HBM3"), PartKey("h100_80gb"));
  EXPECT_EQ(PartKey("A100-SXM4-80GB"), PartKey("a100_sxm4_80gb"));
  EXPECT_EQ(PartKey("AMD Instinct MI300X"), PartKey("mi300x"));
  EXPECT_NE(PartKey("NVIDIA H100 PCIe"), PartKey("h100"));
  EXPECT_NE(PartKey("h20"), PartKey("h200"));
}

TEST(PlainKey, IsOneForAllSpellingsOfAModel) {
  EXPECT_EQ(ModelKey("meta-llama/Llama-3.1-70B-Instruct"), ModelKey("llama_3.1_70b"));
  EXPECT_EQ(ModelKey("meta-llama/Meta-Llama-3-8B"), ModelKey("llama_3_8b"));
  EXPECT_EQ(ModelKey("meta-llama/Llama-2-70b-chat-hf"), ModelKey("llama_2_70b"));
  EXPECT_EQ(ModelKey("Qwen/Qwen3-235B-A22B-Instruct-2507"), ModelKey("qwen3_235b_a22b"));
  EXPECT_EQ(ModelKey("mistralai/Mixtral-8x7B-Instruct-v0.1"), ModelKey("mixtral_8x7b"));
}

TEST(PlainKey, KeepsSizesApart) {
  EXPECT_NE(ModelKey("opt_1.3b"), ModelKey("opt_13b"));
  EXPECT_NE(ModelKey("llama_3_8b"), ModelKey("llama_38b"));
  EXPECT_NE(ModelKey("qwen3_0.6b"), ModelKey("qwen3_6b"));
}

TEST(PlainKey, KeepsANameThatIsNothingButSuchWords) {
  EXPECT_EQ(PartKey("nvidia"), "nvidia");
  EXPECT_EQ(PlainKey("--", NameKind::kOther), "");
}

TEST(MeantName, IsTheEntryWhereThereIsOne) {
  const std::vector<std::string> names = {"h100_sxm", "h100_pcie", "h100_80gb"};
  const std::map<std::string, std::string> aliases = {{"h100", "h100_sxm"},
                                                      {"h100_80gb", "h100_sxm"}};
  const auto meant = [&](const std::string& name) {
    return MeantName(name, names, aliases, NameKind::kPart);
  };
  EXPECT_EQ(meant("h100"), "h100_sxm");
  EXPECT_EQ(meant("NVIDIA H100 80GB HBM3"), "h100_sxm");
  EXPECT_EQ(meant("H100-PCIe"), "h100_pcie");
  EXPECT_EQ(meant("h200"), "h200") << "none: as it was";
}

}  // namespace
}  // namespace gridlock
