#include "sim/serving/decode_pace.h"

#include <algorithm>
#include <cmath>

namespace gridlock {

DecodePace::Stretch DecodePace::After(std::int64_t done, std::int64_t left) const {
  const double at = reads_ + batch_ * static_cast<double>(done);
  const CostLine* const top = &lines_->At(at);
  std::int64_t n = left;
  // A steeper line takes over where it crosses.
  for (int i = 0; i < lines_->count; ++i) {
    const CostLine& line = lines_->lines[static_cast<std::size_t>(i)];
    if (line.read > top->read) {
      const double crossing = (top->base - line.base) / (line.read - top->read);
      const double first = std::ceil((crossing - at) / batch_);
      n = first < static_cast<double>(n)
              ? std::max<std::int64_t>(1, static_cast<std::int64_t>(first))
              : n;
    }
  }
  const double count = static_cast<double>(n);
  return {top, n, count * at + batch_ * (0.5 * count * (count - 1))};
}

std::int64_t DecodePace::Reaching(Seconds clock, Seconds time, std::int64_t at_most) const {
  std::int64_t done = 0;
  while (done < at_most) {
    const Stretch stretch = After(done, at_most - done);
    if (clock + stretch.time() >= time) {
      const double at = reads_ + batch_ * static_cast<double>(done);
      return done + Within(*stretch.line, at, clock, time, stretch.iterations);
    }
    clock += stretch.time();
    done += stretch.iterations;
  }
  return at_most;
}

// The same within a stretch, which is long enough.
std::int64_t DecodePace::Within(const CostLine& line, double reads, Seconds clock, Seconds time,
                                std::int64_t at_most) const {
  const double base = line.base.si(), read = line.read.si();
  const auto time_of = [&](std::int64_t iterations) {
    const double n = static_cast<double>(iterations);
    return clock + Seconds(base * n + read * (n * reads + batch_ * (0.5 * n * (n - 1))));
  };
  const double linear = base + read * (reads - 0.5 * batch_);
  const double square = 0.5 * read * batch_, span = std::max(0.0, (time - clock).si());
  const double n = std::ceil(2 * span / (linear + std::sqrt(linear * linear + 4 * square * span)));
  std::int64_t iterations =
      static_cast<std::int64_t>(std::clamp(n, 1.0, static_cast<double>(at_most)));
  // Rounding may be off by one.
  while (iterations > 1 && time_of(iterations - 1) >= time) {
    --iterations;
  }
  while (iterations < at_most && time_of(iterations) < time) {
    ++iterations;
  }
  return iterations;
}

}  // namespace gridlock
