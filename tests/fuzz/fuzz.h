#pragma once

// What the fuzzers of the readers share. Each of them is a function of a text: any text is read or
// refused with messages, without a crash, a hang, or an exception other than UserError.

#include <functional>
#include <string_view>

#include "sim/base/check.h"

namespace gridlock {

/// Calls `read`. CHECKs that a refusal says something, on one line a problem.
inline void ReadOrRefuse(const std::function<void()>& read) {
  try {
    read();
  } catch (const UserError& error) {
    CHECK(!error.problems().empty());
    for (const Problem& problem : error.problems()) {
      CHECK(!problem.message.empty() && problem.message.find('\n') == std::string::npos);
    }
  }
}

/// The text that a fuzzer gets, as bytes.
inline std::string_view TextOf(const unsigned char* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};  // NOLINT: libFuzzer's form
}

}  // namespace gridlock
