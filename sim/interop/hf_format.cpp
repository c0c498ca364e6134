#include "sim/interop/hf_format.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/names.h"
#include "sim/base/numbers.h"

namespace gridlock {

namespace {

const JsonValue* PackingOf(const JsonValue& config) {
  for (const char* name : {"quantization_config", "compression_config"}) {
    const JsonValue* const found = config.Find(name);
    if (found != nullptr && found->kind == JsonValue::Kind::kObject) {
      return found;
    }
  }
  return nullptr;
}

std::string TextOf(const JsonValue& object, const char* name) {
  const JsonValue* const found = object.Find(name);
  return found == nullptr ? "" : LowerCase(found->text);
}

// 0 where there is none.
int BitsOf(const JsonValue& object, const char* name) {
  constexpr std::int64_t kMost = 64;
  return static_cast<int>(std::min(ParseWhole(TextOf(object, name)).value_or(0), kMost));
}

// Four bits are floating-point with scales of their own in blocks of 16 (NVFP4) or 32 (MXFP4).
WeightFormat FormatOfBits(int bits, bool floating, int group) {
  if (bits > 8) {
    return WeightFormat::kBf16;
  }
  if (bits > 4) {
    return floating ? WeightFormat::kFp8 : WeightFormat::kInt8;
  }
  constexpr int kMxfp4Group = 32;
  return !floating              ? WeightFormat::kInt4
         : group == kMxfp4Group ? WeightFormat::kMxfp4
                                : WeightFormat::kNvfp4;
}

// "num_bits" and "type" of the first group of modules, as compressed-tensors and ModelOpt write
// them.
std::optional<WeightFormat> FormatOfGroups(const JsonValue& packing) {
  const JsonValue* const groups = packing.Find("config_groups");
  if (groups == nullptr || groups->items.empty()) {
    return std::nullopt;
  }
  const JsonValue* const weights = groups->items.front().Find("weights");
  const int bits = weights == nullptr ? 0 : BitsOf(*weights, "num_bits");
  if (bits == 0) {
    return std::nullopt;
  }
  return FormatOfBits(bits, TextOf(*weights, "type") == "float", BitsOf(*weights, "group_size"));
}

// "fp8_e4m3", "int4", "fp4" of AMD Quark's weights.
std::optional<WeightFormat> FormatOfQuark(const JsonValue& packing) {
  const JsonValue* const whole = packing.Find("global_quant_config");
  const JsonValue* const weights = whole == nullptr ? nullptr : whole->Find("weight");
  const std::string type = weights == nullptr ? "" : TextOf(*weights, "dtype");
  return type.starts_with("fp8")    ? std::optional(WeightFormat::kFp8)
         : type.starts_with("fp4")  ? std::optional(WeightFormat::kMxfp4)
         : type.starts_with("int8") ? std::optional(WeightFormat::kInt8)
         : type.ends_with("int4")   ? std::optional(WeightFormat::kInt4)
                                    : std::nullopt;
}

// By names of methods and of ModelOpt's algorithms ("FP8_PB_WO", "NVFP4_AWQ", "W4A16_AWQ").
std::optional<WeightFormat> FormatOfWord(const std::string& word) {
  struct Part {
    const char* text;
    WeightFormat format;
  };

  constexpr Part kParts[] = {{"nvfp4", WeightFormat::kNvfp4}, {"mxfp4", WeightFormat::kMxfp4},
                             {"fp4", WeightFormat::kNvfp4},   {"w4", WeightFormat::kInt4},
                             {"int4", WeightFormat::kInt4},   {"int8", WeightFormat::kInt8},
                             {"fp8", WeightFormat::kFp8},     {"w8a", WeightFormat::kInt8}};
  for (const Part& part : kParts) {
    if (word.find(part.text) != std::string::npos) {
      return part.format;
    }
  }
  return std::nullopt;
}

std::optional<WeightFormat> FormatOfPacking(const JsonValue& packing) {
  const std::string method = TextOf(packing, "quant_method");
  if (TextOf(packing, "load_in_4bit") == "true" || TextOf(packing, "_load_in_4bit") == "true") {
    return WeightFormat::kInt4;
  }
  if (TextOf(packing, "load_in_8bit") == "true" || TextOf(packing, "_load_in_8bit") == "true") {
    return WeightFormat::kInt8;
  }
  for (const std::optional<WeightFormat> found :
       {FormatOfWord(TextOf(packing, "quant_algo")), FormatOfGroups(packing),
        FormatOfQuark(packing), FormatOfWord(method)}) {
    if (found) {
      return found;
    }
  }
  for (const char* name : {"bits", "w_bit", "weight_bits", "nbits", "num_bits"}) {
    if (const int bits = BitsOf(packing, name); bits > 0) {
      return FormatOfBits(bits, false, 0);
    }
  }
  // AutoAWQ and AutoGPTQ have four bits where nothing is said.
  return method == "awq" || method == "gptq" ? std::optional(WeightFormat::kInt4) : std::nullopt;
}

// Whether a list of modules that keep 16 bits names those of attention.
bool SparesAttention(const JsonValue& packing) {
  for (const char* name :
       {"modules_to_not_convert", "ignored_layers", "ignore", "exclude_modules"}) {
    const JsonValue* const list = packing.Find(name);
    for (std::size_t i = 0; list != nullptr && i < list->items.size(); ++i) {
      if (list->items[i].text.find("self_attn") != std::string::npos) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

bool HasFormat(const JsonValue& config) {
  return PackingOf(config) != nullptr;
}

CheckpointFormat FormatOfCheckpoint(const JsonValue& config) {
  CheckpointFormat format;
  const JsonValue* const packing = PackingOf(config);
  if (packing == nullptr) {
    return format;
  }
  const std::string method = TextOf(*packing, "quant_method");
  const std::optional<WeightFormat> found = FormatOfPacking(*packing);
  if (!found) {
    format.note = fmt::format(
        "quantization_config: no format is known by {}: weights count with 16 bits; `gridlock "
        "serve --weights` says another",
        Quoted(method));
    return format;
  }
  format.weights = *found;
  format.ffn_alone = SparesAttention(*packing);
  const JsonValue* const block = packing->Find("weight_block_size");
  format.block_scales = block != nullptr && block->kind == JsonValue::Kind::kList;
  format.note = fmt::format(
      "quantization_config: the checkpoint is in {}, which `gridlock serve` takes where --weights "
      "says nothing; in training the job's `precision` says the format",
      WeightFormatName(*found));
  return format;
}

}  // namespace gridlock
