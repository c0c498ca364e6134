#pragma once

// The hash that closes a binary workload file.

#include <cstdint>
#include <string_view>

namespace gridlock {

/// FNV-1a with 64 bits (Fowler, Noll, Vo; RFC 9923), over items as they are written or read.
class WorkloadHash {
 public:
  void Add(std::string_view bytes) {
    for (const char byte : bytes) {
      value_ = (value_ ^ static_cast<unsigned char>(byte)) * 0x100000001B3U;
    }
  }

  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xCBF29CE484222325U;
};

}  // namespace gridlock
