#include "sim/sweep/verdict.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "sim/report/layout.h"
#include "sim/sweep/formula.h"
#include "sim/sweep/journal.h"
#include "sim/sweep/lookup.h"
#include "sim/sweep/point_record.h"

namespace gridlock {
namespace {

/// What the points that belong to one value of a verdict add up to.
struct Gathered {
  std::int64_t count = 0;
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();
  double sum = 0;

  void Add(double value) {
    ++count;
    least = std::min(least, value);
    most = std::max(most, value);
    sum += value;
  }

  [[nodiscard]] double Picked(SweepPick pick) const {
    switch (pick) {
      case SweepPick::kLeast:
        return count > 0 ? least : std::nan("");
      case SweepPick::kMost:
        return count > 0 ? most : std::nan("");
      case SweepPick::kMean:
        return sum / static_cast<double>(count);
      case SweepPick::kTheOnly:
        break;
    }
    return count == 1 ? sum : std::nan("");
  }
};

/// Gathers the values of one verdict and decides it.
class VerdictCase {
 public:
  /// `labels`: where it is decided; one "" when it is decided once.
  VerdictCase(const SweepVerdict& verdict, std::vector<std::string> labels)
      : verdict_(verdict), labels_(std::move(labels)) {
    gathered_.assign(labels_.size(), std::vector<Gathered>(verdict.values.size()));
    seen_.assign(labels_.size(), false);
  }

  void Take(const PointRecord& record, const std::map<std::string, std::string>& at,
            const Sweep& sweep) {
    const std::size_t slot = Slot(at, sweep);
    seen_[slot] = true;
    for (std::size_t i = 0; i < verdict_.values.size(); ++i) {
      const SweepValue& value = verdict_.values[i];
      const bool here = std::all_of(value.at.begin(), value.at.end(), [&](const auto& place) {
        const GridAxis& axis = sweep.grid.axes()[place.first];
        return at.at(axis.name) == axis.coordinates[place.second].label;
      });
      const double number = here ? ValueIn(record, value.output, value.element) : std::nan("");
      if (!std::isnan(number)) {
        gathered_[slot][i].Add(number);
      }
    }
  }

  [[nodiscard]] VerdictResult Result() const {
    VerdictResult result{verdict_.claim, Ruling::kOpen, verdict_.unit, {}};
    std::vector<std::string> names;
    for (const SweepValue& value : verdict_.values) {
      names.push_back(value.name);
    }
    Formula holds(verdict_.holds, names);
    Formula number(verdict_.number.empty() ? verdict_.holds : verdict_.number, names);
    std::map<Ruling, int> count;
    for (std::size_t slot = 0; slot < labels_.size(); ++slot) {
      if (!seen_[slot] && labels_.size() > 1) {
        continue;  // the sweep leaves it out
      }
      std::vector<double> values;
      for (std::size_t i = 0; i < verdict_.values.size(); ++i) {
        values.push_back(gathered_[slot][i].Picked(verdict_.values[i].pick));
      }
      const bool open = std::any_of(values.begin(), values.end(), [](double value) {
        return std::isnan(value);
      });
      const double held = open ? std::nan("") : holds.At(values);
      RulingAt at{labels_[slot], Ruling::kOpen, open ? std::nan("") : number.At(values)};
      if (!std::isnan(held) && !std::isnan(at.number)) {
        at.ruling = held != 0 ? Ruling::kHolds : Ruling::kFails;
      }
      ++count[at.ruling];
      result.decisions.push_back(std::move(at));
    }
    if (count[Ruling::kHolds] > 0 && count[Ruling::kFails] > 0) {
      result.ruling = Ruling::kDepends;
    } else if (count[Ruling::kHolds] + count[Ruling::kFails] > 0) {
      result.ruling = count[Ruling::kHolds] > 0 ? Ruling::kHolds : Ruling::kFails;
    }
    return result;
  }

 private:
  [[nodiscard]] std::size_t Slot(const std::map<std::string, std::string>& at,
                                 const Sweep& sweep) const {
    if (verdict_.each < 0) {
      return 0;
    }
    const std::string& label =
        at.at(sweep.grid.axes()[static_cast<std::size_t>(verdict_.each)].name);
    return static_cast<std::size_t>(std::find(labels_.begin(), labels_.end(), label) -
                                    labels_.begin());
  }

  const SweepVerdict& verdict_;
  std::vector<std::string> labels_;
  std::vector<std::vector<Gathered>> gathered_;  ///< by label and value
  std::vector<bool> seen_;                       ///< by label: some point is there
};

}  // namespace

std::vector<VerdictResult> Decide(const Sweep& sweep, const Grid& grid,
                                  const std::string& journal) {
  std::vector<VerdictCase> decisions;
  for (const SweepVerdict& verdict : sweep.verdicts) {
    std::vector<std::string> labels;
    if (verdict.each >= 0) {
      for (const Coordinate& each :
           grid.axes()[static_cast<std::size_t>(verdict.each)].coordinates) {
        labels.push_back(each.label);
      }
    } else {
      labels.emplace_back();
    }
    decisions.emplace_back(verdict, std::move(labels));
  }
  if (decisions.empty()) {
    return {};
  }
  ForEachLine(journal, [&](std::string_view line) {
    const PointRecord record = RecordOf(line);
    const std::map<std::string, std::string> at(record.at.begin(), record.at.end());
    for (VerdictCase& decision : decisions) {
      decision.Take(record, at, sweep);
    }
  });
  std::vector<VerdictResult> results;
  for (const VerdictCase& decision : decisions) {
    results.push_back(decision.Result());
  }
  return results;
}

std::string VerdictText(const VerdictResult& result) {
  const auto number = [&](double value) {
    if (std::isnan(value)) {
      return std::string("no number");
    }
    const bool percent = result.unit == "%";
    return fmt::format("{:.4g}{}{}", percent ? 100 * value : value, result.unit.empty() ? "" : " ",
                       result.unit);
  };
  std::string text = Wrapped("  - ", result.claim, 4);
  if (result.decisions.size() == 1) {
    return text +
           fmt::format("      {}: {}\n", NameOf(result.ruling), number(result.decisions[0].number));
  }
  const bool some_open =
      std::any_of(result.decisions.begin(), result.decisions.end(), [](const RulingAt& each) {
        return each.ruling == Ruling::kOpen;
      });
  text += fmt::format("      {}{}\n", NameOf(result.ruling),
                      some_open && result.ruling != Ruling::kOpen ? " where it was decided" : "");
  for (const RulingAt& each : result.decisions) {
    text += fmt::format("        {:<24} {:<6} {}\n", each.label, NameOf(each.ruling),
                        number(each.number));
  }
  return text;
}

}  // namespace gridlock
