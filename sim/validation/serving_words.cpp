#include "sim/validation/serving_words.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <regex>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/names.h"
#include "sim/base/numbers.h"
#include "sim/catalogue/serving_names.h"

namespace gridlock {

namespace {

struct OtherName {
  const char* pattern;  // a regular expression of the whole name in lower case
  const char* means;
};

// The meaning of the first pattern that is the whole of `text`; "" where there is none.
template <typename Names>
std::string MeaningOf(const Names& names, const std::string& text) {
  const auto* const found =
      std::find_if(std::begin(names), std::end(names), [&text](const OtherName& each) {
        return std::regex_match(text, std::regex(each.pattern));
      });
  return found == std::end(names) ? "" : found->means;
}

// Four bits that kernels widen to 16 (AWQ, GPTQ, bitsandbytes, GGUF), and eight of either kind.
constexpr OtherName kWeights[] = {
    {"bfloat16|float16|half|16-?bits?|f16|fp32|float32|none", "bf16"},
    {"mxfp4.*", "mxfp4"},
    {"(nv)?fp4.*|modelopt-fp4", "nvfp4"},
    {"(mx)?fp8.*|float8.*|f8.*|e4m3.*|w8a8-fp8|modelopt", "fp8"},
    {"(w4|awq|gptq|nf4|int4|u?4-?bit|q[2-5]|iq|bnb|bitsandbytes|marlin|hqq|gguf).*", "int4"},
    {"(w8|int8|8-?bit|q[6-8]|smoothquant|llm-int8).*", "int8"},
};

constexpr OtherName kEngines[] = {
    {"tensorrt-?llm|trt-?llm|tensorrt", "trtllm"},
    {"(hugging-?face-)?text-generation-inference|hf-tgi", "tgi"},
    {"hf|hf-transformers|hugging-?face-transformers", "transformers"},
    {"sgl|sg-lang", "sglang"},
    {"deepspeed-(mii|fastgen)", "generic"},
};

constexpr OtherName kLoads[] = {
    {"offline(-.*)?|inf(inite)?|all-at-once|burst", "offline_max"},
    {"(max-)?concurren(cy|t)(-requests)?|(virtual-)?users|in-flight|clients", "concurrency"},
    {"static(-batch)?|batch-size|batch", "batch"},
    {"(request-)?rate|qps|rps|poisson|requests-per-s(econd)?", "request_rate"},
};

constexpr OtherName kMetrics[] = {
    {"(request|req)s?(-per-s(econd)?|/s)|request-throughput|rps|qps", "requests_per_s"},
    {"throughput|tokens/s|tok/s|(output-)?token-throughput|generation-throughput",
     "output_tokens_per_s"},
};

// Parts that the tables do not have: the nearest in bandwidth and memory of their kind. Processors
// come first: "ryzen-9" is one, "ryzen-ai-max" is not.
constexpr OtherName kParts[] = {
    {".*epyc-?9.*", "epyc_9654"},
    {".*(epyc|threadripper|graviton|ampere-|altra|neoverse|cobalt|axion).*", "epyc_7763"},
    {".*xeon.*(69|max-9).*", "xeon_6980p"},
    {".*(xeon|sapphire|emerald|granite-rapids).*", "xeon_8480"},
    {"(nvidia-)?(grace|vera)(-cpu.*)?", "grace_cpu"},
    {".*(ryzen-[3579]|core-(i[3579]|ultra)|i[3579]-\\d|cpu).*", "ryzen_9950x"},
    {".*(w7900|w7800|pro-w).*", "a6000"},               // 48 GB of GDDR6 at 864 GB/s
    {".*(7900|9070|radeon|rx-).*", "rtx_3090"},         // 24 GB of GDDR6 at 960 GB/s
    {"(apple-)?m[1-9](-.*)?|strix.*|ryzen.*", "gb10"},  // one memory for host and accelerator
    {".*(mi2|mi1).*", "mi250"},
    {".*mi\\d.*", "mi300x"},
    {".*tpu.*", "tpu_v6e"},
    {".*ascend.*|.*910.*|.*(mlu|kunlun|dcu|biren|mtt).*", "ascend_910b"},
    {".*gaudi.*|.*hpu.*", "gaudi2"},
    {".*(trainium|trn).*", "trainium2_core"},
    {".*inf.*", "inferentia2_core"},
    {".*(rtx|geforce).*", "rtx_4090"},
};

// The part whose key holds that of `name`, or is held by it, with most letters in common.
std::string PartWithin(const std::string& name, const std::vector<std::string>& parts) {
  constexpr std::size_t kShortest = 3;  // letters that two names have to share
  const std::string key = PlainKey(name, NameKind::kPart);
  std::string best;
  std::size_t most = kShortest - 1;
  for (const std::string& part : parts) {
    const std::string other = PlainKey(part, NameKind::kPart);
    const bool within =
        other.find(key) != std::string::npos || key.find(other) != std::string::npos;
    if (const std::size_t shared = std::min(key.size(), other.size()); within && shared > most) {
      most = shared;
      best = part;
    }
  }
  return best;
}

}  // namespace

InferencePart PartMeant(const std::string& name, const ServingCatalogue& catalogue,
                        std::string& assumed) {
  if (const std::optional<InferencePart> known = PartByName(name, catalogue)) {
    return *known;
  }
  std::string near = NearestName(name, catalogue.PartNames());
  near = near.empty() ? PartWithin(name, PartsOfCatalogues(catalogue)) : near;
  near = near.empty() ? MeaningOf(kParts, LowerCase(name, '-')) : near;
  const std::optional<InferencePart> part = PartByName(near.empty() ? "h100_sxm" : near, catalogue);
  CHECK(part.has_value());
  assumed = fmt::format("no part {}: as {}", Quoted(name), part->name);
  return *part;
}

WeightFormat WeightsMeant(const std::string& text, std::string& assumed) {
  WeightFormat format = WeightFormat::kBf16;
  const std::string plain = LowerCase(text, '-');
  if (WeightFormatByName(text, format) || WeightFormatByName(plain, format)) {
    return format;
  }
  const std::string meaning = MeaningOf(kWeights, plain);
  CHECK(WeightFormatByName(meaning.empty() ? "bf16" : meaning, format));
  assumed = fmt::format("weights of {}: as {}", Quoted(text), WeightFormatName(format));
  return format;
}

std::string EngineMeant(const std::string& text, bool& stated) {
  const std::string plain = LowerCase(text.substr(0, text.find(" (")), '-');
  stated = !(plain.empty() || plain == "not-stated" || plain == "unknown" || plain == "n/a");
  const std::string meaning = MeaningOf(kEngines, plain);
  return !stated ? "not-stated" : meaning.empty() ? plain : meaning;
}

bool OfTheYear2023(const std::string& version, const std::string& part) {
  constexpr const char* kParts2023[] = {
      "a100",  "a800", "h100",  "h800",  "v100",   "l4",          "l20",       "a10",    "t4",
      "a6000", "mi2",  "rtx_3", "rtx_4", "gaudi2", "inferentia2", "trainium1", "tpu_v5e"};
  static const std::regex kLater("20(2[4-9]|[3-9]\\d)|^v?[2-9]\\.");
  return !std::regex_search(version, kLater) &&
         std::any_of(std::begin(kParts2023), std::end(kParts2023), [&part](const char* each) {
           return part.starts_with(each);
         });
}

std::string LoadMeant(const std::string& text) {
  return MeaningOf(kLoads, LowerCase(text, '-'));
}

std::string MetricMeant(const std::string& text) {
  const std::string meaning = MeaningOf(kMetrics, LowerCase(text, '-'));
  return meaning.empty() ? text : meaning;
}

std::optional<double> NumberIn(const std::string& text, const char* pattern) {
  std::smatch match;
  if (!std::regex_search(text, match, std::regex(pattern))) {
    return std::nullopt;
  }
  std::string digits = match[1];
  std::erase(digits, ',');
  std::string_view rest = digits;
  return TakeNumber(rest);
}

bool Has(const std::string& text, const char* word) {
  return text.find(word) != std::string::npos;
}

}  // namespace gridlock
