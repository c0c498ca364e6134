#include "tools/progress.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "sim/base/units.h"
#include "sim/report/layout.h"

namespace gridlock {

namespace {

// "30 %, 12 s so far, about 28 s left", where the fraction was reached at `reached`.
std::string HowFar(double seconds, double fraction, double reached) {
  const auto text = [](double time) {
    return FormatSeconds(Seconds(ThreeDigits(time)));
  };
  std::string line = fmt::format("{:.0f} %, {} so far", 100 * fraction, text(seconds));
  const double left = fraction > 0 ? reached / fraction - seconds : 0;
  if (left > 0) {
    line += fmt::format(", about {} left", text(left));
  }
  return line;
}

}  // namespace

std::optional<std::string> ProgressLog::LineAt(double seconds, const std::string& what,
                                               double fraction) {
  constexpr double kLongest = 300;
  reached_ = fraction != fraction_ ? seconds : reached_;
  fraction_ = fraction;
  if (seconds < due_) {
    return std::nullopt;
  }
  due_ = seconds + std::min(seconds, kLongest);
  return what + ": " + HowFar(seconds, fraction, reached_);
}

ProgressLine::ProgressLine(bool quiet)
    : quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) != 0),
      begin_(std::chrono::steady_clock::now()) {}

ProgressLine::~ProgressLine() {
  Clear();
}

void ProgressLine::Show(const std::string& what, double fraction) {
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin_;
  reached_ = fraction != fraction_ ? passed.count() : reached_;
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
    fmt::print(stderr, "\r\x1b[K{}: {}", what_, HowFar(passed.count(), fraction_, reached_));
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
