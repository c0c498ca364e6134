#include "topologies/machine.h"

#include "sim/base/check.h"

namespace gridlock {

const char* PrecisionName(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      return "fp32";
    case Precision::kTf32:
      return "tf32";
    case Precision::kBf16:
      return "bf16";
    case Precision::kFp8:
      return "fp8";
    case Precision::kFp4:
      return "fp4";
    case Precision::kInt8:
      return "int8";
  }
  CHECK(false);
}

double PrecisionBytes(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
    case Precision::kTf32:  // 19 bits are used, 32 are stored
      return 4.0;
    case Precision::kBf16:
      return 2.0;
    case Precision::kFp8:
    case Precision::kInt8:
      return 1.0;
    case Precision::kFp4:
      return 0.5;
  }
  CHECK(false);
}

}  // namespace gridlock
