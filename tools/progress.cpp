#include "tools/progress.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "sim/base/units.h"
#include "sim/report/layout.h"

namespace gridlock {

namespace {

// "30 %, 12 s so far, about 28 s left".
std::string HowFar(double seconds, double fraction) {
  const auto text = [](double time) {
    return FormatSeconds(Seconds(ThreeDigits(time)));
  };
  std::string line = fmt::format("{:.0f} %, {} so far", 100 * fraction, text(seconds));
  if (fraction > 0) {
    line += fmt::format(", about {} left", text(seconds * (1 - fraction) / fraction));
  }
  return line;
}

}  // namespace

std::optional<std::string> ProgressLog::LineAt(double seconds, const std::string& what,
                                               double fraction) {
  constexpr double kLongest = 300;
  if (seconds < due_) {
    return std::nullopt;
  }
  due_ = seconds + std::min(seconds, kLongest);
  return what + ": " + HowFar(seconds, fraction);
}

ProgressLine::ProgressLine(bool quiet)
    : quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) != 0),
      begin_(std::chrono::steady_clock::now()) {}

ProgressLine::~ProgressLine() {
  Clear();
}

void ProgressLine::Show(const std::string& what, double fraction) {
  what_ = what;
  fraction_ = fraction;
  Again();
}

void ProgressLine::Again() {
  if (quiet_ || what_.empty()) {
    return;
  }
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin_;
  if (terminal_) {
    fmt::print(stderr, "\r\x1b[K{}: {}", what_, HowFar(passed.count(), fraction_));
    (void)std::fflush(stderr);
    shown_ = true;
  } else if (const auto line = log_.LineAt(passed.count(), what_, fraction_)) {
    fmt::print(stderr, "gridlock: {}\n", *line);
  }
}

void ProgressLine::Clear() {
  if (shown_) {
    fmt::print(stderr, "\r\x1b[K");
    (void)std::fflush(stderr);
    shown_ = false;
  }
}

}  // namespace gridlock
