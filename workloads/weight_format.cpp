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
};

constexpr FormatName kFormats[] = {{"bf16", WeightFormat::kBf16},   {"fp16", WeightFormat::kBf16},
                                   {"fp8", WeightFormat::kFp8},     {"int8", WeightFormat::kInt8},
                                   {"int4", WeightFormat::kInt4},   {"nvfp4", WeightFormat::kNvfp4},
                                   {"mxfp4", WeightFormat::kMxfp4}, {"fp4", WeightFormat::kNvfp4}};

}  // namespace

double BytesOfFormat(WeightFormat format) {
  switch (format) {
    case WeightFormat::kFp8:
    case WeightFormat::kInt8:
      return 1;
    case WeightFormat::kInt4:
      return kInt4;
    case WeightFormat::kNvfp4:
      return kNvfp4;
    case WeightFormat::kMxfp4:
      return kMxfp4;
    case WeightFormat::kBf16:
      break;
  }
  return 2;
}

bool WeightFormatByName(const std::string& name, WeightFormat& format) {
  for (const FormatName& each : kFormats) {
    if (name == each.name) {
      format = each.format;
      return true;
    }
  }
  return false;
}

const char* WeightFormatName(WeightFormat format) {
  for (const FormatName& each : kFormats) {
    if (format == each.format) {
      return each.name;
    }
  }
  return "";
}

}  // namespace gridlock
