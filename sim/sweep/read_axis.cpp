#include "sim/sweep/read_axis.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "proto/sweep.pb.h"
#include "sim/base/numbers.h"
#include "sim/study/cap.h"
#include "sim/study/value_list.h"
#include "sim/sweep/formula.h"

namespace gridlock {
namespace {

struct AxisUnit {
  Dimension dimension;
  const char* si;
};

constexpr AxisUnit kAxisUnits[] = {{Dimension::kBandwidth, "byte/s"}, {Dimension::kData, "byte"},
                                   {Dimension::kTime, "s"},           {Dimension::kPower, "W"},
                                   {Dimension::kCompute, "FLOP/s"},   {Dimension::kLength, "m"}};

/// A text as a number in SI units, with the unit; nothing when it is no quantity.
std::optional<std::pair<double, std::string>> QuantityOf(const std::string& text) {
  std::string_view rest = text;
  const std::optional<double> number = TakeNumber(rest);
  if (!number) {
    return std::nullopt;
  }
  if (rest.empty()) {
    return std::pair(*number, std::string("1"));
  }
  for (const AxisUnit& unit : kAxisUnits) {
    if (const ParsedQuantity parsed = ParseQuantity(text, unit.dimension); parsed.si) {
      return std::pair(*parsed.si, std::string(unit.si));
    }
  }
  return std::nullopt;
}

/// "1, 8, 64" as texts: lists of numbers with their units and "...", or names.
std::vector<std::string> ItemsOf(const std::string& list) {
  std::vector<std::string> items;
  try {
    for (const ListedValue& value : ParseValueList(list, "")) {
      items.push_back(value.text());
    }
    return items;
  } catch (const UserError&) {
    if (list.find("...") != std::string::npos) {
      throw;
    }
  }
  std::size_t from = 0;
  while (from <= list.size()) {
    const std::size_t comma = std::min(list.find(',', from), list.size());
    items.push_back(Trimmed(list.substr(from, comma - from)));
    from = comma + 1;
  }
  return items;
}

/// The message of `gridlock cap` without the option that it begins with: "--values '100': ".
std::string WithoutOption(const std::string& message) {
  const std::size_t colon = message.find(": ");
  return message.starts_with("--") && colon != std::string::npos ? message.substr(colon + 2)
                                                                 : message;
}

/// A number times a factor, with its unit behind it: "8 GB" times 0.5.
std::string Multiplied(const std::string& text, double times) {
  std::string_view rest = text;
  const std::optional<double> number = TakeNumber(rest);
  if (!number) {
    throw UserError("", Refusal(fmt::format("\"{}\" is not a number", text),
                                "an axis of numbers where \"times\" is written"));
  }
  // 100 times 0.07 is 7, and not 7.000000000000001.
  return fmt::format("{:.15g}{}", *number * times, rest);
}

/// What a cap of so many bytes, FLOP or joules a second sets.
Coordinate CapCoordinate(const CapTarget& target, const ScenarioBase& base, double si) {
  const char* const unit = std::string_view(target.units) == "byte/s"   ? "B/s"
                           : std::string_view(target.units) == "FLOP/s" ? "FLOPS"
                                                                        : target.units;
  // Three digits are enough for a place on a curve.
  const double scale = std::pow(10, std::floor(std::log10(si)) - 2);
  const bool one_way = target.reading == CapReading::kBothDirections;
  std::vector<CapPoint> made = CapPoints(target,
                                         fmt::format("{:.0f} {}{}", std::round(si / scale) * scale,
                                                     unit, one_way ? " per direction" : ""),
                                         base);
  Coordinate coordinate;
  coordinate.label = target.format(made[0].si);
  coordinate.si = made[0].si;
  coordinate.point = std::move(made[0].point);
  return coordinate;
}

class AxisReader {
 public:
  AxisReader(const proto::Axis& axis, const Written& written, std::string path,
             const ScenarioBase* base, ProblemList& problems)
      : axis_(axis), written_(written), path_(std::move(path)), base_(base), problems_(problems) {}

  GridAxis Read(const std::function<std::size_t(const std::string&, const Position&)>& base_of) {
    out_.name = axis_.name();
    CheckName();
    if (!OneKind()) {
      return out_;
    }
    if (axis_.choice_size() > 0) {
      ReadChoices(base_of);
    } else if (written_.Has("cap")) {
      ReadCaps();
    } else {
      ReadValues();
    }
    AddFollowers();
    CheckDifferent();
    if (problems_.empty()) {
      AddMaker();
    }
    return out_;
  }

 private:
  void Add(const char* field, const std::string& message) {
    problems_.Add(written_.At(field).value, FieldPath(path_, field), message);
  }

  void CheckName() {
    if (out_.name.empty() || FormulaName(out_.name) == out_.name) {
      return;
    }
    Add("name", Refusal(Quoted(out_.name) + " is not a name of formulas and files",
                        "letters, digits and underscores: " + Quoted(FormulaName(out_.name))));
    out_.name = FormulaName(out_.name);
  }

  bool OneKind() {
    int kinds = 0;
    for (const char* const kind : {"values", "log", "seeds", "choice"}) {
      kinds += written_.Has(kind) ? 1 : 0;
    }
    if (kinds != 1) {
      Add("name", Refusal(fmt::format("axis {} has {}", Quoted(axis_.name()),
                                      kinds == 0 ? "no values" : "values of several kinds"),
                          "one of values, log, seeds or choice { ... }"));
      return false;
    }
    if (written_.Has("cap") && written_.Has("path")) {
      Add("cap",
          Refusal("an axis has \"cap\" or \"path\", and this one has both", "one of the two"));
      return false;
    }
    if (written_.Has("choice") && (written_.Has("cap") || written_.Has("path"))) {
      Add(written_.Has("cap") ? "cap" : "path",
          Refusal("choices say themselves what they set", "set: \"path=value\" in each choice"));
      return false;
    }
    if (written_.Has("cap") && written_.Has("seeds")) {
      Add("cap", Refusal("seeds cap nothing", "values or log beside \"cap\""));
      return false;
    }
    const bool sets = written_.Has("cap") || axis_.path_size() > 0 || axis_.with_size() > 0;
    if (!sets && !written_.Has("seeds") && !written_.Has("choice")) {
      Add("name", Refusal(fmt::format("nothing follows from axis {}", Quoted(axis_.name())),
                          "path: \"site[0].servers\", cap: \"nic\" or with { ... }"));
      return false;
    }
    return true;
  }

  Assignment Set(const std::string& path, const Position& where_path, const std::string& value,
                 const Position& where_value) const {
    return {path, value, where_path, where_value};
  }

  // "path=value" of a choice.
  void AddSet(const std::string& text, const Position& where, Point& point) {
    ProblemList found;
    std::optional<Assignment> assignment = ParseAssignment(text, found);
    if (!assignment) {
      problems_.Add(where, FieldPath(path_, "choice"),
                    Refusal(Quoted(text) + " sets nothing", "\"path=value\""));
      return;
    }
    assignment->where_path = where;
    assignment->where_value = where;
    point.assignments.push_back(*std::move(assignment));
  }

  void ReadChoices(const std::function<std::size_t(const std::string&, const Position&)>& base_of) {
    out_.is_choice = true;
    out_.units = "1";
    out_.long_name = "choice of " + out_.name;
    for (int i = 0; i < axis_.choice_size(); ++i) {
      const proto::Choice& choice = axis_.choice(i);
      const Written& written = written_.At("choice", i);
      Coordinate& coordinate = out_.coordinates.emplace_back();
      coordinate.label = choice.name();
      coordinate.si = i;
      for (int k = 0; k < choice.set_size(); ++k) {
        AddSet(choice.set(k), written.At("set", k).value, coordinate.point);
      }
      if (written.Has("scenario")) {
        coordinate.has_base = true;
        coordinate.base = base_of(choice.scenario(), written.At("scenario").value);
      }
    }
  }

  void ReadCaps() {
    if (base_ == nullptr) {
      Add("cap", Refusal("\"cap\" reads the machine of the sweep's scenario, and there is none",
                         "scenario: \"FILE\" in the sweep"));
      return;
    }
    try {
      const Scenario scenario = base_->At({});
      const CapTarget& target = CapTargetOf(axis_.cap(), scenario);
      out_.units = target.units;
      out_.long_name = target.quantity;
      std::string list = axis_.values();
      if (written_.Has("log")) {
        list = fmt::format("{}", fmt::join(LogItems(), ","));
      }
      for (CapPoint& cap : CapPoints(target, list, *base_)) {
        Coordinate& coordinate = out_.coordinates.emplace_back();
        coordinate.label = target.format(cap.si);
        coordinate.si = cap.si;
        coordinate.point = std::move(cap.point);
      }
    } catch (const UserError& error) {
      for (const Problem& problem : error.problems()) {
        Add("cap", WithoutOption(problem.message));
      }
    }
  }

  std::vector<std::string> LogItems() {
    const proto::LogRange& range = axis_.log();
    const auto first = QuantityOf(range.from()), last = QuantityOf(range.to());
    const Written& written = written_.At("log");
    if (!first || !last || first->second != last->second || first->first <= 0 || last->first <= 0) {
      problems_.Add(
          written.At("to").value, FieldPath(path_, "log.to"),
          Refusal(fmt::format("\"{}\" to \"{}\" is not a range", range.from(), range.to()),
                  "two positive values in one unit, such as \"50 Gbps\" and \"1600 Gbps\""));
      return {};
    }
    std::string_view unit = range.from();
    const double from = TakeNumber(unit).value_or(0);
    const double to = from * (last->first / first->first);
    const bool whole = first->second == "1" && std::round(from) == from && std::round(to) == to;
    std::vector<std::string> items;
    for (int i = 0; i < range.points(); ++i) {
      const double value = from * std::pow(to / from, i / (range.points() - 1.0));
      const double text = whole ? std::round(value) : value;
      items.push_back(fmt::format("{:.9g}{}", text, unit));
    }
    return items;
  }

  std::vector<std::string> Items(const char*& field) {
    if (written_.Has("seeds")) {
      field = "seeds";
      std::vector<std::string> items;
      for (int i = 0; i < axis_.seeds().count(); ++i) {
        items.push_back(std::to_string(std::int64_t{axis_.seeds().first()} + i));
      }
      return items;
    }
    if (written_.Has("log")) {
      field = "log";
      return LogItems();
    }
    try {
      return ItemsOf(axis_.values());
    } catch (const UserError& error) {
      std::string message = error.problems().front().message;
      message.erase(0, message.starts_with(": ") ? 2 : 0);
      Add("values", message);
      return {};
    }
  }

  void ReadValues() {
    const char* field = "values";
    const std::vector<std::string> items = Items(field);
    const Position where = written_.At(field).value;
    bool numbers = true;
    for (const std::string& item : items) {
      Coordinate& coordinate = out_.coordinates.emplace_back();
      coordinate.label = item;
      const auto quantity = QuantityOf(item);
      numbers = numbers && quantity && (out_.units.empty() || out_.units == quantity->second);
      coordinate.si = quantity ? quantity->first : 0;
      out_.units = quantity ? quantity->second : "1";
      for (int k = 0; k < axis_.path_size(); ++k) {
        coordinate.point.assignments.push_back(
            Set(axis_.path(k), written_.At("path", k).value, item, where));
      }
      if (written_.Has("seeds")) {
        coordinate.point.assignments.push_back(Set("seed", where, item, where));
      }
    }
    out_.long_name = axis_.path_size() > 0 ? axis_.path(0) : out_.name;
    out_.is_choice = !numbers;
    for (std::size_t i = 0; !numbers && i < out_.coordinates.size(); ++i) {
      out_.coordinates[i].si = static_cast<double>(i);
      out_.units = "1";
    }
  }

  void AddFollowers() {
    for (int i = 0; i < axis_.with_size(); ++i) {
      const proto::With& with = axis_.with(i);
      const Written& written = written_.At("with", i);
      const std::string path = FieldPath(path_, fmt::format("with[{}]", i));
      if (written.Has("values") == written.Has("times")) {
        problems_.Add(
            written.name, path,
            Refusal("\"with\" has " + std::string(written.Has("values") ? "both" : "neither") +
                        " of \"values\" and \"times\"",
                    "one of the two"));
        continue;
      }
      try {
        AddFollower(with, written);
      } catch (const UserError& error) {
        problems_.Add(written.name, path, error.problems().front().message);
      }
    }
  }

  void AddFollower(const proto::With& with, const Written& written) {
    const bool listed = written.Has("values");
    const Position& where = written.At(listed ? "values" : "times").value;
    const std::vector<std::string> items =
        listed ? ItemsOf(with.values()) : std::vector<std::string>();
    if (listed && items.size() != out_.coordinates.size()) {
      throw UserError("", Refusal(fmt::format("\"values\" has {} {}, and axis \"{}\" has {}",
                                              items.size(), items.size() == 1 ? "value" : "values",
                                              out_.name, out_.coordinates.size()),
                                  "one for each"));
    }
    for (std::size_t k = 0; k < out_.coordinates.size(); ++k) {
      Coordinate& coordinate = out_.coordinates[k];
      coordinate.point.assignments.push_back(
          Set(with.path(), written.At("path").value,
              listed ? items[k] : Multiplied(coordinate.label, with.times()), where));
    }
  }

  // Lets values be chosen between those that are written.
  void AddMaker() {
    const bool listed = std::any_of(axis_.with().begin(), axis_.with().end(), [](const auto& with) {
      return !with.values().empty();
    });
    if (out_.is_choice || listed || written_.Has("seeds") || out_.coordinates.empty()) {
      return;
    }
    if (!written_.Has("cap")) {
      out_.make = MakerOfValues();
    } else if (axis_.with_size() == 0) {
      out_.make = [base = base_, &target = CapTargetOf(axis_.cap(), base_->At({}))](double si) {
        return CapCoordinate(target, *base, si);
      };
    }
  }

  // Values as the first is written: in its unit, and whole when all are.
  [[nodiscard]] std::function<Coordinate(double)> MakerOfValues() const {
    const Coordinate& first = out_.coordinates[0];
    double number = 0;
    const char* const end = first.label.data() + first.label.size();
    const auto [unit, error] = std::from_chars(first.label.data(), end, number);
    if (error != std::errc() || number == 0) {
      return {};
    }
    const bool whole = unit == end && std::all_of(out_.coordinates.begin(), out_.coordinates.end(),
                                                  [](const Coordinate& each) {
                                                    return std::round(each.si) == each.si;
                                                  });
    std::vector<double> times(first.point.assignments.size(), 1.0);
    for (int i = 0; i < axis_.with_size(); ++i) {
      times[times.size() - static_cast<std::size_t>(axis_.with_size() - i)] = axis_.with(i).times();
    }
    return [point = first.point, times, whole, si_per_number = first.si / number,
            unit = std::string(unit, end)](double si) {
      const double value = whole ? std::round(si) : si / si_per_number;
      Coordinate made;
      made.label = fmt::format("{:.4g}{}", value, unit);
      if (whole) {
        made.label = fmt::format("{:.0f}", value);
      }
      made.si = QuantityOf(made.label)->first;
      made.point = point;
      for (std::size_t i = 0; i < times.size(); ++i) {
        made.point.assignments[i].value =
            times[i] == 1.0 ? made.label : Multiplied(made.label, times[i]);
      }
      return made;
    };
  }

  void CheckDifferent() {
    std::set<std::string> labels;
    std::set<double> values;
    for (const Coordinate& each : out_.coordinates) {
      const bool new_label = labels.insert(each.label).second;
      if (!values.insert(each.si).second || !new_label) {
        Add("name", Refusal(fmt::format("axis \"{}\" has \"{}\" twice", out_.name, each.label),
                            "each value once"));
        return;
      }
    }
  }

  const proto::Axis& axis_;
  const Written& written_;
  std::string path_;
  const ScenarioBase* base_;
  ProblemList& problems_;
  GridAxis out_;
};

}  // namespace

GridAxis ReadAxis(
    const proto::Axis& axis, const Written& written, const std::string& path,
    const ScenarioBase* base,
    const std::function<std::size_t(const std::string& file, const Position& where)>& base_of,
    ProblemList& problems) {
  return AxisReader(axis, written, path, base, problems).Read(base_of);
}

}  // namespace gridlock
