#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <google/protobuf/text_format.h>

#include "proto/sweep.pb.h"
#include "sim/schema/files.h"
#include "sim/schema/problems.h"
#include "sim/schema/rules.h"
#include "sim/schema/text_reader.h"
#include "sim/schema/written.h"
#include "sim/study/value_list.h"
#include "sim/sweep/formula.h"
#include "sim/sweep/outputs.h"
#include "sim/sweep/read_axis.h"
#include "sim/sweep/sweep.h"

namespace gridlock {
namespace {

std::string WithoutBlanks(const std::string& text) {
  std::string kept;
  for (const char c : text) {
    if (c != ' ' && c != '\t') {
      kept += c;
    }
  }
  return kept;
}

/// What formulas know of a sweep: the axes and the numbers of their choices.
struct Names {
  std::vector<std::string> axes;
  std::map<std::string, double> choices;  ///< but for names that stand for several numbers
};

Names NamesOf(const Grid& grid) {
  Names names;
  std::set<std::string> ambiguous;
  for (const GridAxis& axis : grid.axes()) {
    names.axes.push_back(axis.name);
    for (const Coordinate& coordinate : axis.coordinates) {
      if (axis.is_choice) {
        const std::string name = FormulaName(coordinate.label);
        const auto [known, is_new] = names.choices.emplace(name, coordinate.si);
        if (!is_new && known->second != coordinate.si) {
          ambiguous.insert(name);
        }
      }
    }
  }
  for (const std::string& name : ambiguous) {
    names.choices.erase(name);
  }
  return names;
}

class SweepReader {
 public:
  SweepReader(std::string file, const std::vector<std::string>& overrides) : overrides_(overrides) {
    sweep_.file = std::move(file);
  }

  Sweep Read(std::string_view text) {
    written_ = Written{{sweep_.file, 1, 1}, {sweep_.file, 1, 1}, {}};
    if (CheckEncoding(sweep_.file, text, problems_) &&
        ReadText(sweep_.file, text, message_, written_, problems_)) {
      CheckRules(message_, written_, "", problems_);
    }
    problems_.ThrowIfAny();
    sweep_.name = message_.name();
    sweep_.description = message_.description();
    (void)google::protobuf::TextFormat::PrintToString(message_, &sweep_.text);
    overrides_.insert(overrides_.begin(), message_.set().begin(), message_.set().end());
    ReadAxes();
    ReadFidelity();
    ReadOutputs();
    problems_.ThrowIfAny();
    for (int i = 0; i < message_.only_size(); ++i) {
      const Names names = NamesOf(sweep_.grid);
      Check(message_.only(i), written_.At("only", i).value, names.axes, names.choices);
      sweep_.only.push_back(message_.only(i));
    }
    for (int i = 0; i < message_.verdict_size(); ++i) {
      ReadVerdict(message_.verdict(i), written_.At("verdict", i));
    }
    CheckCoordinates();
    ThrowAll();
    return std::move(sweep_);
  }

 private:
  // The number of the scenario file in `bases`; read when it is new.
  std::size_t BaseOf(const std::string& name, const Position& where) {
    const std::string file =
        (std::filesystem::path(sweep_.file).parent_path() / name).lexically_normal().string();
    for (std::size_t i = 0; i < sweep_.bases.size(); ++i) {
      if (sweep_.bases[i].file == file) {
        return i;
      }
    }
    std::string text;
    if (ReadFile(file, where, text, problems_)) {
      sweep_.bases.push_back({name, file, ScenarioBase(file, text, overrides_)});
    }
    return sweep_.bases.empty() ? 0 : sweep_.bases.size() - 1;
  }

  void ReadAxes() {
    if (written_.Has("scenario")) {
      BaseOf(message_.scenario(), written_.At("scenario").value);
      problems_.ThrowIfAny();
    }
    const bool own = written_.Has("scenario");
    std::vector<GridAxis> axes;
    double cells = 1;
    bool every_choice = false;
    for (int i = 0; i < message_.axis_size(); ++i) {
      const Written& written = written_.At("axis", i);
      axes.push_back(ReadAxis(
          message_.axis(i), written, fmt::format("axis[{}]", i),
          own ? &sweep_.bases[0].base : nullptr,
          [this](const std::string& name, const Position& where) {
            return BaseOf(name, where);
          },
          problems_));
      const std::vector<Coordinate>& on = axes.back().coordinates;
      every_choice =
          every_choice || (!on.empty() && std::all_of(on.begin(), on.end(), [](const auto& each) {
            return each.has_base;
          }));
      cells *= static_cast<double>(std::max<std::size_t>(1, on.size()));
      CheckOnce(axes, written);
    }
    if (!own && !every_choice) {
      problems_.Add(written_.name, "scenario",
                    Refusal("the sweep has no scenario to start from", "scenario: \"FILE\""));
    }
    if (cells > static_cast<double>(kSweepCellsMax)) {
      problems_.Add(written_.At("axis").name, "axis",
                    Refusal(fmt::format("the axes span {:.0f} points", cells),
                            fmt::format("at most {}", kSweepCellsMax)));
    }
    CheckOverrides(axes);
    CheckCaps(axes);
    sweep_.grid = Grid(std::move(axes));
  }

  // A cap is made from the machine of the sweep's scenario.
  void CheckCaps(const std::vector<GridAxis>& axes) {
    const auto changes_machine = [](const Coordinate& coordinate) {
      return coordinate.has_base ||
             std::any_of(coordinate.point.assignments.begin(), coordinate.point.assignments.end(),
                         [](const Assignment& assignment) {
                           return assignment.path.ends_with(".server") ||
                                  assignment.path.ends_with(".cluster");
                         });
    };
    for (int i = 0; i < message_.axis_size(); ++i) {
      for (const GridAxis& other : axes) {
        const bool changes =
            std::any_of(other.coordinates.begin(), other.coordinates.end(), changes_machine);
        if (!message_.axis(i).cap().empty() && changes) {
          problems_.Add(
              written_.At("axis", i).At("cap").value, "axis",
              Refusal(fmt::format("\"cap\" reads the machine of the sweep's scenario, and "
                                  "axis \"{}\" changes the machine",
                                  other.name),
                      "\"path\" with values for every machine"));
        }
      }
    }
  }

  // What is overwritten at every point would be of no effect, and results would be labelled
  // wrongly.
  void CheckOverrides(const std::vector<GridAxis>& axes) {
    for (const std::string& each : overrides_) {
      for (const GridAxis& axis : axes) {
        if (const std::string by = Overwriter(each.substr(0, each.find('=')), axis); !by.empty()) {
          problems_.Add({fmt::format("--set '{}'", each), 0, 0}, "",
                        Refusal(fmt::format("axis \"{}\" sets {} at every point", axis.name, by),
                                "a field that no axis sets"));
        }
      }
    }
    for (std::size_t later = 1; later < axes.size(); ++later) {
      for (std::size_t i = 0; i < later; ++i) {
        CheckAxes(axes[i], axes[later], static_cast<int>(later));
      }
    }
  }

  // A later axis may set fields in a block of an earlier one, and not the other way round.
  void CheckAxes(const GridAxis& earlier, const GridAxis& later, int number) {
    for (const Coordinate& coordinate : earlier.coordinates) {
      for (const Assignment& assignment : coordinate.point.assignments) {
        if (const std::string by = Overwriter(assignment.path, later); !by.empty()) {
          problems_.Add(
              written_.At("axis", number).At("name").value, "axis",
              Refusal(fmt::format("axis \"{}\" sets {}, and so overwrites what axis \"{}\" sets",
                                  later.name, by, earlier.name),
                      "axes of different fields, blocks before fields in them"));
          return;
        }
      }
    }
  }

  // The path with which a coordinate of the axis overwrites `path`: that of the field or of a block
  // around it; "" when none does.
  static std::string Overwriter(const std::string& path, const GridAxis& axis) {
    const std::string inside = WithoutFirstIndices(path) + ".";
    for (const Coordinate& coordinate : axis.coordinates) {
      for (const Assignment& assignment : coordinate.point.assignments) {
        if (inside.starts_with(WithoutFirstIndices(assignment.path) + ".")) {
          return assignment.path;
        }
      }
    }
    return "";
  }

  // "site[0].servers" and "site.servers" are one path.
  static std::string WithoutFirstIndices(std::string path) {
    for (std::size_t at = path.find("[0]"); at != std::string::npos; at = path.find("[0]")) {
      path.erase(at, 3);
    }
    return path;
  }

  void CheckOnce(const std::vector<GridAxis>& axes, const Written& written) {
    const std::string& name = axes.back().name;
    for (std::size_t k = 0; k + 1 < axes.size(); ++k) {
      if (axes[k].name == name) {
        problems_.Add(written.At("name").value, "axis",
                      Refusal(Quoted(name) + " is the name of two axes", "different names"));
      }
      if (axes[k].name == name + "_label" || axes[k].name + "_label" == name) {
        problems_.Add(
            written.At("name").value, "axis",
            Refusal(Quoted(std::max(name, axes[k].name)) + " is what the texts of the values of " +
                        Quoted(std::min(name, axes[k].name)) + " are called",
                    "another name for the axis"));
      }
    }
    static const std::set<std::string> kTaken = {
        "point",         "status",      "message",          "overrides",
        "scenario_file", "fingerprint", "point_fingerprint"};
    if (kTaken.contains(name)) {
      problems_.Add(written.At("name").value, "axis",
                    Refusal(Quoted(name) + " is a variable of every results.h5",
                            "another name for the axis"));
    }
  }

  void ReadFidelity() {
    if (!written_.Has("fidelity")) {
      return;
    }
    if (const auto fidelity = FidelityByName(message_.fidelity())) {
      sweep_.fidelity = *fidelity;
      return;
    }
    problems_.Add(written_.At("fidelity").value, "fidelity",
                  Refusal(Quoted(message_.fidelity()) + " is not a fidelity",
                          "\"full\", \"folded\", \"sampled\" or \"analytic\""));
  }

  // "breakdown.data_comm" is an element of "breakdown". Verdicts need a number.
  void CheckOutput(const std::string& name, const Position& where, bool number) {
    try {
      CheckOutputName(name, number);
    } catch (const UserError& error) {
      problems_.Add(where, "", error.problems().front().message);
    }
  }

  void ReadOutputs() {
    for (int i = 0; i < message_.show_size(); ++i) {
      CheckOutput(message_.show(i), written_.At("show", i).value, /*number=*/false);
      sweep_.show.push_back(message_.show(i));
    }
  }

  void Check(const std::string& formula, const Position& where,
             const std::vector<std::string>& names,
             const std::map<std::string, double>& constants = {}) {
    try {
      Formula(formula, names, constants);
    } catch (const UserError& error) {
      problems_.Add(where, "", error.problems().front().message);
    }
  }

  int AxisOf(const std::string& name, const Position& where) {
    const std::vector<std::string> names = NamesOf(sweep_.grid).axes;
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      problems_.Add(
          where, "",
          Refusal(Quoted(name) + " is not an axis", OneOf(names), NearestName(name, names)));
      return -1;
    }
    return static_cast<int>(found - names.begin());
  }

  // "scale_up = 900 GBps"
  void ReadPlace(const std::string& text, const Position& where, SweepValue& value) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
      problems_.Add(where, "", Refusal(Quoted(text) + " is not a place", "\"axis = value\""));
      return;
    }
    std::string name = text.substr(0, equals), wanted = text.substr(equals + 1);
    name = WithoutBlanks(name);
    wanted = WithoutBlanks(wanted);
    const int axis = AxisOf(name, where);
    if (axis < 0) {
      return;
    }
    for (const auto& [other, coordinate] : value.at) {
      if (other == static_cast<std::size_t>(axis)) {
        problems_.Add(where, "", Refusal(Quoted(name) + " has a value already", "each axis once"));
        return;
      }
    }
    std::vector<std::string> labels;
    const std::vector<Coordinate>& on =
        sweep_.grid.axes()[static_cast<std::size_t>(axis)].coordinates;
    for (std::size_t i = 0; i < on.size(); ++i) {
      labels.push_back(on[i].label);
      if (WithoutBlanks(on[i].label) == wanted) {
        value.at.emplace_back(axis, i);
        return;
      }
    }
    problems_.Add(
        where, "",
        Refusal(fmt::format("\"{}\" is not on axis \"{}\"", Trimmed(text.substr(equals + 1)), name),
                OneOf(labels), NearestName(wanted, labels)));
  }

  void ReadVerdict(const proto::Verdict& from, const Written& written) {
    SweepVerdict verdict{from.claim(), {}, from.holds_when(), from.number(), from.unit()};
    std::vector<std::string> names;
    for (int i = 0; i < from.value_size(); ++i) {
      const proto::Value& each = from.value(i);
      const Written& place = written.At("value", i);
      SweepValue value;
      value.name = each.name();
      if (std::find(names.begin(), names.end(), value.name) != names.end()) {
        problems_.Add(
            place.At("name").value, "",
            Refusal(Quoted(value.name) + " is the name of two values", "different names"));
      }
      names.push_back(value.name);
      CheckOutput(each.output(), place.At("output").value, /*number=*/true);
      value.output = each.output().substr(0, each.output().find('.'));
      value.element =
          each.output() == value.output ? "" : each.output().substr(value.output.size() + 1);
      for (int k = 0; k < each.at_size(); ++k) {
        ReadPlace(each.at(k), place.At("at", k).value, value);
      }
      value.pick = static_cast<SweepPick>(each.pick());
      verdict.values.push_back(std::move(value));
    }
    Check(verdict.holds, written.At("holds_when").value, names);
    if (!verdict.number.empty()) {
      Check(verdict.number, written.At("number").value, names);
    }
    if (written.Has("each")) {
      verdict.each = AxisOf(from.each(), written.At("each").value);
    }
    sweep_.verdicts.push_back(std::move(verdict));
  }

  // Paths that lead nowhere and values that cannot be read are mistakes of the file, not of points.
  void CheckCoordinates() {
    constexpr std::size_t kAll = 256;
    for (const GridAxis& axis : sweep_.grid.axes()) {
      for (std::size_t i = 0; i < axis.coordinates.size(); ++i) {
        if (i > 0 && i + 1 < axis.coordinates.size() && axis.coordinates.size() > kAll) {
          continue;
        }
        CheckCoordinate(axis.coordinates[i]);
      }
    }
  }

  void CheckCoordinate(const Coordinate& coordinate) {
    const ScenarioBase& base = sweep_.bases[coordinate.has_base ? coordinate.base : 0].base;
    try {
      for (const Problem& problem : base.WrongValuesAt(coordinate.point)) {
        const bool own =  // what is wrong elsewhere, another axis may mend
            std::any_of(coordinate.point.assignments.begin(), coordinate.point.assignments.end(),
                        [&](const Assignment& assignment) {
                          return problem.message.starts_with(assignment.where_value.Text() + ": ");
                        });
        if (own) {
          AddLocated(problem);
        }
      }
    } catch (const UserError& error) {
      for (const Problem& problem : error.problems()) {
        AddLocated(problem);
      }
    }
  }

  // A path that leads nowhere does so for every value: once is enough.
  void AddLocated(const Problem& problem) {
    const bool known = std::any_of(located_.begin(), located_.end(), [&](const Problem& other) {
      return other.message == problem.message;
    });
    if (!known) {
      located_.push_back(problem);
    }
  }

  // The problems of this file, then those that coordinates have with the scenario.
  void ThrowAll() {
    try {
      problems_.ThrowIfAny();
    } catch (const UserError& error) {
      located_.insert(located_.begin(), error.problems().begin(), error.problems().end());
    }
    if (!located_.empty()) {
      throw LocatedError(std::move(located_));
    }
  }

  Sweep sweep_;
  std::vector<std::string> overrides_;
  proto::Sweep message_;
  Written written_;
  ProblemList problems_;
  std::vector<Problem> located_;
};

}  // namespace

Sweep ReadSweepText(const std::string& file, std::string_view text,
                    const std::vector<std::string>& overrides) {
  return SweepReader(file, overrides).Read(text);
}

Sweep ReadSweep(const std::string& file, const std::vector<std::string>& overrides) {
  ProblemList problems;
  std::string text;
  if (!ReadFile(file, {file, 0, 0}, text, problems)) {
    problems.ThrowIfAny();
  }
  return ReadSweepText(file, text, overrides);
}

PointFilter::PointFilter(const Sweep& sweep) {
  const Names names = NamesOf(sweep.grid);
  for (const std::string& text : sweep.only) {
    formulas_.emplace_back(text, names.axes, names.choices);
  }
}

PointFilter::~PointFilter() = default;

bool PointFilter::Keeps(const std::vector<double>& values) {
  return std::all_of(formulas_.begin(), formulas_.end(), [&](Formula& formula) {
    const double value = formula.At(values);
    return !std::isnan(value) && value != 0.0;
  });
}

std::vector<std::uint64_t> CellsOf(const Sweep& sweep) {
  PointFilter filter(sweep);
  std::vector<std::uint64_t> cells;
  for (std::uint64_t number = 0; number < sweep.grid.cells(); ++number) {
    if (filter.Keeps(sweep.grid.ValuesAt(sweep.grid.At(number)))) {
      cells.push_back(number);
    }
  }
  return cells;
}

}  // namespace gridlock
