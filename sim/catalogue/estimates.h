#pragma once

// The estimates among the numbers of an entry. Every output repeats those that its run has read.

#include <string>
#include <vector>

#include "sim/catalogue/catalogue.h"
#include "sim/catalogue/estimate.h"

namespace gridlock {

/// Who reads the field at `path` of the entries that `kind` describes.
ReadBy ReadByOf(const google::protobuf::Descriptor& kind, const std::string& path);

/// The estimates of an entry, and the numbers that its user gave without a source. `kind` is
/// "accelerator" and so on.
std::vector<Estimate> EstimatesAmong(const std::string& kind,
                                     const google::protobuf::Message& entry,
                                     const Written& written);

template <typename T>
std::vector<Estimate> EstimatesAmong(const std::string& kind, const Entry<T>& entry) {
  return EstimatesAmong(kind, *entry.message, *entry.written);
}

}  // namespace gridlock
