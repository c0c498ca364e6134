#include "sim/validation/table_words.h"

#include <cctype>
#include <map>

namespace gridlock {

namespace {

const std::map<std::string, std::string>& OtherWords() {
  static const std::map<std::string, std::string> kWords = {
      {"bfloat16", "bf16"},
      {"float16", "fp16"},
      {"half", "fp16"},
      {"float32", "fp32"},
      {"float8", "fp8"},
      {"full_layer", "full"},
      {"uniform", "full"},
      {"block", "full"},
      {"yes", "full"},
      {"no", "none"},
      {"off", "none"},
      {"core_attn", "selective"},
      {"attention", "selective"},
      {"sel", "selective"},
  };
  return kWords;
}

}  // namespace

const std::vector<std::string>& RecomputeChoices() {
  static const std::vector<std::string> kChoices = {"none", "selective", "full", "auto"};
  return kChoices;
}

const std::vector<std::string>& PrecisionChoices() {
  static const std::vector<std::string> kChoices = {"bf16", "fp16", "fp8",  "mxfp8", "nvfp4",
                                                    "fp4",  "fp32", "tf32", "int8"};
  return kChoices;
}

std::string PlainChoice(const std::string& text) {
  std::string plain;
  for (const char c : text) {
    plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  const auto other = OtherWords().find(plain);
  return other == OtherWords().end() ? plain : other->second;
}

}  // namespace gridlock
