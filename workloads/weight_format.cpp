#include <algorithm>
#include <array>

#include "sim/base/names.h"
#include "workloads/inference.h"

namespace gridlock {

namespace {

// Bytes of scales beside formats of four bits: one of 8 bits for 16 (NVFP4) or 32 (MXFP4) values.
constexpr double kNvfp4 = 0.5 + 1.0 / 16;
constexpr double kMxfp4 = 0.5 + 1.0 / 32;
constexpr double kInt4 = 0.5 + 2.0 / 64;

struct FormatName {
  const char* name;
  WeightFormat format;
  double bytes;  ///< of a weight, scales included
};

// Bits of a weight in GGUF: means over Llama 2 7B, 13B and 70B (llama.cpp, examples/quantize,
// README.md), of Q2_K that of Llama 3 70B, which later releases pack tighter. Q8_0 and Q4_0 have a
// scale of 16 bits for 32 weights, and the LM head of Q4_0 is in Q6_K.
constexpr double kByte = 8;

// A format's first name is what it is called in outputs.
constexpr std::array kFormats = {
    FormatName{"bf16", WeightFormat::kBf16, 2},
    FormatName{"fp16", WeightFormat::kBf16, 2},
    FormatName{"f16", WeightFormat::kBf16, 2},
    FormatName{"fp8", WeightFormat::kFp8, 1},
    FormatName{"int8", WeightFormat::kInt8, 1},
    FormatName{"int4", WeightFormat::kInt4, kInt4},
    FormatName{"nvfp4", WeightFormat::kNvfp4, kNvfp4},
    FormatName{"mxfp4", WeightFormat::kMxfp4, kMxfp4},
    FormatName{"fp4", WeightFormat::kNvfp4, kNvfp4},
    FormatName{"q8_0", WeightFormat::kQ80, 8.5 / kByte},
    FormatName{"q6_k", WeightFormat::kQ6K, 6.56 / kByte},
    FormatName{"q5_k_m", WeightFormat::kQ5KM, 5.67 / kByte},
    FormatName{"q4_k_m", WeightFormat::kQ4KM, 4.82 / kByte},
    FormatName{"q4_0", WeightFormat::kQ40, 4.55 / kByte},
    FormatName{"q3_k_m", WeightFormat::kQ3KM, 3.88 / kByte},
    FormatName{"q2_k", WeightFormat::kQ2K, 3.0 / kByte},
};

const FormatName* Find(WeightFormat format) {
  const auto* const found = std::find_if(kFormats.begin(), kFormats.end(), [&](const auto& each) {
    return each.format == format;
  });
  return found == kFormats.end() ? nullptr : found;
}

}  // namespace

const char* const kWeightFormatNames =
    "bf16, fp8, int8, int4, nvfp4, mxfp4, or of GGUF q8_0, q6_k, q5_k_m, q4_k_m, q4_0, q3_k_m or "
    "q2_k";

double BytesOfFormat(WeightFormat format) {
  return Find(format)->bytes;
}

bool WeightFormatByName(const std::string& name, WeightFormat& format) {
  const std::string small = LowerCase(name);
  for (const FormatName& each : kFormats) {
    if (small == each.name) {
      format = each.format;
      return true;
    }
  }
  return false;
}

const char* WeightFormatName(WeightFormat format) {
  return Find(format)->name;
}

bool IsGguf(WeightFormat format) {
  return format >= WeightFormat::kQ80;
}

}  // namespace gridlock
