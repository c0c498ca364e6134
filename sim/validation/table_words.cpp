#include "sim/validation/table_words.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "sim/base/check.h"
#include "sim/base/names.h"

namespace gridlock {

namespace {

struct Word {
  const char* word;
  const char* stands_for;
  bool assumed = false;
};

constexpr Word kRecomputeWords[] = {
    {"none", "none"},
    {"no", "none"},
    {"off", "none"},
    {"false", "none"},
    {"0", "none"},
    {"selective", "selective"},
    {"sel", "selective"},
    {"core_attn", "selective"},
    {"attention", "selective"},
    {"full", "full"},
    {"full_layer", "full"},
    {"uniform", "full"},
    {"block", "full"},
    {"yes", "full"},
    {"true", "full"},
    {"1", "full"},
    {"auto", "auto"},
    // Some operations of a layer: torchtitan's "op", MaxText's policies that save products.
    {"op", "selective", true},
    {"mlp", "selective", true},
    {"dots", "selective", true},
    {"minimal", "selective", true},
    {"save_", "selective", true},
    {"layer", "full", true},
    {"every_layer", "full", true},
    {"remat", "full", true},
    {"offload", "auto", true},  // what goes to the host is what does not fit
};

constexpr Word kPrecisionWords[] = {
    {"bf16", "bf16"},       {"bfloat16", "bf16"},   {"fp16", "fp16"},      {"float16", "fp16"},
    {"half", "fp16"},       {"fp8", "fp8"},         {"float8", "fp8"},     {"mxfp8", "mxfp8"},
    {"nvfp4", "nvfp4"},     {"fp4", "fp4"},         {"fp32", "fp32"},      {"float32", "fp32"},
    {"tf32", "tf32"},       {"int8", "int8"},       {"f16", "fp16", true}, {"f32", "fp32", true},
    {"mxfp4", "fp4", true}, {"fp8_e", "fp8", true}, {"f8", "fp8", true},   {"e4m3", "fp8", true},
    {"e5m2", "fp8", true},  {"e2m1", "fp4", true},  {"f4", "fp4", true},
};

constexpr Word kZeroWords[] = {
    {"fsdp", "3"},          {"hsdp", "3"}, {"full_shard", "3"}, {"hybrid_shard", "3"},
    {"shard_grad_op", "2"}, {"dist", "1"}, {"optimizer", "1"},  {"ddp", "0"},
    {"none", "0"},          {"no", "0"},   {"replicated", "0"}, {"zero", ""},
};

// transformers.training_args.OptimizerNames, classes of bitsandbytes and torchao.
constexpr Word kOptimizerWords[] = {
    {"adamw", "adamw"},
    {"adam", "adam"},
    {"adamw_torch", "adamw"},
    {"adamw_torch_fused", "adamw"},
    {"adamw_hf", "adamw"},
    {"fused_adam", "adamw"},
    {"adamw_16bit", "adamw_16bit"},
    {"adamw_8bit", "adamw_8bit"},
    {"adamw8bit", "adamw_8bit"},
    {"adam8bit", "adamw_8bit"},
    {"adamw_bnb_8bit", "adamw_8bit"},
    {"adamw_torch_8bit", "adamw_8bit"},
    {"paged_adamw", "paged_adamw"},
    {"pagedadamw", "paged_adamw"},
    {"paged_adamw_32bit", "paged_adamw"},
    {"paged_adamw_8bit", "paged_adamw_8bit"},
    {"pagedadamw8bit", "paged_adamw_8bit"},
    {"adafactor", "adafactor"},
    {"lion", "lion"},
    {"lion_8bit", "lion_8bit"},
    {"galore", "galore"},
    {"lomo", "lomo"},
    {"muon", "muon"},
    {"sgd", "sgd"},
    {"sgd_momentum", "sgd_momentum"},
};

// The word itself, else the longest that `text` begins with or the one that it is a slip of, which
// are assumptions.
template <typename Words>
MeantWord Meant(const Words& words, const std::string& text, const char* otherwise) {
  const std::string plain = LowerCase(text, '_');
  const Word* best = nullptr;
  std::size_t most = 0;
  for (const Word& each : words) {
    const std::string word = each.word;
    if (plain == word) {
      return {each.stands_for, each.assumed};
    }
    if (word.size() > most && word.size() > 1 && plain.starts_with(word)) {
      most = word.size();
      best = &each;
    }
  }
  if (best != nullptr) {
    return {best->stands_for, true};
  }
  std::vector<std::string> names;
  for (const Word& each : words) {
    names.emplace_back(each.word);
  }
  const std::string nearest = plain.empty() ? "" : NearestName(plain, names);
  return {nearest.empty() ? otherwise : Meant(words, nearest, otherwise).word, true};
}

}  // namespace

MeantWord MeantRecompute(const std::string& text) {
  return Meant(kRecomputeWords, text, "auto");
}

MeantWord MeantPrecision(const std::string& text) {
  return Meant(kPrecisionWords, text, "bf16");
}

MeantWord MeantOptimizer(const std::string& text) {
  return Meant(kOptimizerWords, text, "adamw");
}

std::optional<std::int64_t> MeantZero(const std::string& text) {
  const std::string word = Meant(kZeroWords, text, "unknown").word;
  if (word.empty()) {  // "ZeRO-3"
    const std::size_t digit = text.find_first_of("0123");
    return digit == std::string::npos ? std::nullopt
                                      : std::optional<std::int64_t>(text[digit] - '0');
  }
  return word == "unknown" ? std::nullopt : std::optional<std::int64_t>(word.front() - '0');
}

std::optional<std::int64_t> MeantYes(const std::string& text) {
  const std::optional<bool> yes = SaysYes(text);
  return yes ? std::optional<std::int64_t>(*yes ? 1 : 0) : std::nullopt;
}

bool IsEncoder(const std::string& model) {
  constexpr const char* kEncoders[] = {
      "bert",    "roberta", "xlm_roberta", "distilbert", "electra", "modernbert",
      "deberta", "albert",  "camembert",   "vit",        "deit",    "clip",
      "siglip",  "dinov2",  "esm",         "hubert",     "wav2vec"};
  const std::string plain = LowerCase(model, '_');
  return std::any_of(std::begin(kEncoders), std::end(kEncoders), [&plain](const char* name) {
    return plain.starts_with(name);
  });
}

}  // namespace gridlock
