#include "sim/record/series.h"

#include <cmath>
#include <numeric>

namespace gridlock {

UtilisationAccumulator::UtilisationAccumulator(int resources, int max_intervals, double first_width)
    : resources_(static_cast<std::size_t>(resources)),
      max_intervals_(static_cast<std::size_t>(max_intervals)),
      width_(first_width),
      per_width_(1.0 / first_width),
      limit_(first_width * max_intervals) {
  CHECK(resources >= 1 && max_intervals >= 1 && first_width > 0.0);
  bins_.assign(resources_ * max_intervals_, 0.0);
}

void UtilisationAccumulator::Spread(double* bins, std::ptrdiff_t from, std::ptrdiff_t to,
                                    const Span& span) const {
  const double per_second = span.amount / (span.end - span.start);
  const double first_edge = static_cast<double>(from + 1) * width_;
  const double first = std::max(0.0, first_edge - span.start) * per_second;
  const double middle = width_ * per_second;
  bins[from] += first;
  for (std::ptrdiff_t i = from + 1; i < to; ++i) {
    bins[i] += middle;
  }
  // The rest, not a product: edges late in the step are rounded, and the total must be kept.
  bins[to] += span.amount - first - middle * static_cast<double>(to - from - 1);
}

void UtilisationAccumulator::Widen(double end) {
  CHECK(std::isfinite(end));
  while (end > limit_) {
    for (std::size_t r = 0; r < resources_; ++r) {
      double* bins = bins_.data() + r * max_intervals_;
      const std::size_t merged = (max_intervals_ + 1) / 2;
      for (std::size_t i = 0; i < merged; ++i) {
        const bool has_partner = 2 * i + 1 < max_intervals_;
        bins[i] = bins[2 * i] + (has_partner ? bins[2 * i + 1] : 0.0);
      }
      std::fill(bins + merged, bins + max_intervals_, 0.0);
    }
    width_ *= 2.0;
    per_width_ = 1.0 / width_;
    limit_ = width_ * static_cast<double>(max_intervals_);
  }
}

double UtilisationAccumulator::Total(int resource) const {
  const auto begin = bins_.begin() + static_cast<std::ptrdiff_t>(resource) *
                                         static_cast<std::ptrdiff_t>(max_intervals_);
  return std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(max_intervals_), 0.0);
}

double UtilisationAccumulator::Until(int resource, double time) const {
  const double* bins = bins_.data() + static_cast<std::size_t>(resource) * max_intervals_;
  const double position = std::clamp(time * per_width_, 0.0, static_cast<double>(max_intervals_));
  const auto whole = static_cast<std::size_t>(position);
  const double sum = std::accumulate(bins, bins + whole, 0.0);
  return whole < max_intervals_ ? sum + bins[whole] * (position - static_cast<double>(whole)) : sum;
}

std::vector<double> UtilisationAccumulator::Share(int resource, double rate,
                                                  Seconds end_time) const {
  const double end = end_time.si();
  CHECK(rate > 0.0 && end > 0.0);
  // Ends of amounts and of the step are sums of the same terms in different orders.
  CHECK(latest_ <= end * (1.0 + 1e-6));
  CHECK(end <= limit_);
  // A last interval of a rounding error's length would divide by nearly nothing: leave it out.
  const double intervals = std::ceil(end / width_ - 1e-6);
  const auto count = static_cast<std::size_t>(std::max(1.0, intervals));
  const double* bins = bins_.data() + static_cast<std::size_t>(resource) * max_intervals_;
  std::vector<double> share(count, 0.0);
  for (std::size_t i = 0; i < max_intervals_; ++i) {
    share[std::min(i, count - 1)] += bins[i];
  }
  for (std::size_t i = 0; i + 1 < count; ++i) {
    share[i] /= rate * width_;
  }
  share.back() /= rate * (end - static_cast<double>(count - 1) * width_);
  return share;
}

UtilisationAccumulator Repeated(const UtilisationAccumulator& series, double step,
                                const Repeat& repeat, int intervals) {
  const double added = static_cast<double>(repeat.times) * repeat.length;
  const double end = step + added;
  UtilisationAccumulator out(series.resources(), intervals);
  out.ExtendTo(Seconds(end));
  const double width = out.interval().si();
  for (int r = 0; r < series.resources(); ++r) {
    const double amount = repeat.amounts[static_cast<std::size_t>(r)];
    const double before = series.Until(r, repeat.from);
    const double once = series.Until(r, repeat.from + repeat.length) - before;
    // Moved by a time of the whole step. The first run through the stretch is counted last, as it
    // was, so that the sum is exact although `once` is rounded to intervals.
    const auto moved = [&](double time) {
      if (time <= repeat.from) {
        return series.Until(r, time);
      }
      const double passed = time - repeat.from;
      if (passed >= added) {
        return series.Until(r, time - added) + static_cast<double>(repeat.times) * amount;
      }
      const double turns = std::floor(passed / repeat.length);
      const double within = passed - turns * repeat.length;
      const double part = series.Until(r, repeat.from + within) - before;
      return before + amount * (turns + (once > 0 ? part / once : within / repeat.length));
    };
    const double total = series.Total(r) + static_cast<double>(repeat.times) * amount;
    double done = 0;
    for (int i = 0; i < intervals && i * width < end; ++i) {
      const double to = std::min((i + 1) * width, end);
      const double now = to < end ? moved(to) : total;
      out.Add(r, i * width, to, now - done);
      done = now;
    }
  }
  return out;
}

double MeanShare(const std::vector<double>& share, Seconds interval, Seconds step_time) {
  CHECK(step_time.si() > 0.0);
  double used = 0.0;
  for (std::size_t i = 0; i < share.size(); ++i) {
    const bool last = i + 1 == share.size();
    const double width =
        last ? step_time.si() - static_cast<double>(i) * interval.si() : interval.si();
    used += share[i] * std::max(0.0, width);
  }
  return used / step_time.si();
}

}  // namespace gridlock
