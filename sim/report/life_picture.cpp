#include "sim/report/life_picture.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "sim/report/layout.h"
#include "sim/report/life_figures.h"

namespace gridlock {
namespace {

constexpr int kIntervals = 48;
constexpr int kRows = 8;

/// One class of accelerators and the character that it is drawn with.
struct Layer {
  char mark;
  const std::vector<double>* series;
};

/// Means of a series over each column.
std::vector<double> MeansOf(const LifeRecord& record, const std::vector<double>& series) {
  std::vector<double> means;
  for (int column = 0; column < kIntervals; ++column) {
    const Seconds width = record.horizon / kIntervals;
    means.push_back(MeanBetween(record, series, column * width, (column + 1) * width));
  }
  return means;
}

/// A row of the picture: `head`, and one character for each column.
template <typename Mark>
std::string Row(const std::string& head, Mark mark, const std::string& tail = "") {
  std::string marks;
  for (std::size_t column = 0; column < kIntervals; ++column) {
    marks += mark(column);
  }
  return fmt::format("  {:>20}   |{}|{}\n", head, marks, tail);
}

std::string Stack(const LifeRecord& record, const LifeSite& site) {
  const Layer layers[] = {{'#', &site.busy[0]},
                          {'+', &site.busy[1]},
                          {'o', &site.busy[2]},
                          {'.', &site.idle},
                          {'x', &site.down}};
  std::vector<std::vector<double>> means;
  for (const Layer& layer : layers) {
    means.push_back(MeansOf(record, *layer.series));
  }
  const auto mark_at = [&](std::size_t column, double height) {
    double top = 0.0;
    for (std::size_t i = 0; i < means.size(); ++i) {
      top += means[i][column];
      if (height < top) {
        return layers[i].mark;
      }
    }
    return ' ';
  };
  std::string out;
  for (int row = kRows - 1; row >= 0; --row) {
    const double height = (row + 0.5) / kRows * static_cast<double>(site.accelerators);
    out += Row(row == kRows - 1 ? "100 %" : "", [&](std::size_t column) {
      return mark_at(column, height);
    });
  }
  return out;
}

std::string Power(const LifeRecord& record, const LifeSite& site) {
  if (!(site.peak_power > Watts(0.0))) {
    return "";
  }
  const std::vector<double> power = MeansOf(record, site.power);
  std::string out = Row(
      "power",
      [&](std::size_t column) {
        const double tenths = 10.0 * power[column] / site.peak_power.si();
        return std::isnan(tenths)
                   ? ' '
                   : static_cast<char>('0' + static_cast<int>(std::clamp(tenths, 0.0, 9.0)));
      },
      fmt::format(" tenths of {}", FormatWatts(Watts(ThreeDigits(site.peak_power.si())))));
  const std::vector<double> at_cap = MeansOf(record, AtCap(site));
  if (std::any_of(at_cap.begin(), at_cap.end(), [](double share) {
        return std::isfinite(share);
      })) {
    out += Row(
        "at the cap",
        [&](std::size_t column) {
          return std::isnan(at_cap[column]) ? ' ' : at_cap[column] >= 0.5 ? '^' : '-';
        },
        " ^ yes, - below");
  }
  return out;
}

}  // namespace

std::string LifePicture(const LifeRecord& record, const LifeSite& site) {
  if (site.idle.empty()) {
    return "";
  }
  return Stack(record, site) + Power(record, site) +
         fmt::format("  {:>20}    {:<{}}{:>{}}\n", "", "0", kIntervals / 2,
                     FormatSeconds(record.horizon), kIntervals / 2);
}

}  // namespace gridlock
