#include "sim/serving/part_caps.h"

namespace gridlock {

const std::vector<CappedResource>& CappedResources() {
  static const std::vector<CappedResource> kResources = {
      {"hbm", "HBM bandwidth",
       [](InferencePart& part, double factor) {
         part.hbm_bandwidth *= factor;
       },
       [](const InferencePart& part) {
         return part.hbm_bandwidth / 1e9;
       },
       "GB/s"},
      {"hbm_capacity", "HBM capacity",
       [](InferencePart& part, double factor) {
         part.hbm_capacity *= factor;
       },
       [](const InferencePart& part) {
         return part.hbm_capacity / 1e9;
       },
       "GB"},
      {"flops", "peak in BF16, and all others with it",
       [](InferencePart& part, double factor) {
         part.peak_bf16 *= factor;
         part.peak_fp8 *= factor;
         part.peak_fp4 *= factor;
       },
       [](const InferencePart& part) {
         return part.peak_bf16 / 1e12;
       },
       "TFLOP/s"},
      {"scale_up", "scale-up bandwidth, per direction",
       [](InferencePart& part, double factor) {
         part.link_bandwidth *= factor;
       },
       [](const InferencePart& part) {
         return part.link_bandwidth / 1e9;
       },
       "GB/s"},
      {"nic", "NIC bandwidth, per direction",
       [](InferencePart& part, double factor) {
         part.nic_bandwidth *= factor;
       },
       [](const InferencePart& part) {
         return part.nic_bandwidth / 1e9;
       },
       "GB/s"}};
  return kResources;
}

std::vector<std::string> CappedResourceNames() {
  std::vector<std::string> names;
  for (const CappedResource& each : CappedResources()) {
    names.emplace_back(each.name);
  }
  return names;
}

}  // namespace gridlock
