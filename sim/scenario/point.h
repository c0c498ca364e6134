#pragma once

// Points: scenarios that differ from one base in few fields. A command that looks at one scenario
// and a study that looks at thousands both say what is different as a list of path = value.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/catalogue/network_parts.h"
#include "sim/scenario/scenario.h"
#include "sim/schema/assignment.h"

namespace gridlock {

/// What a scenario says differently from its base. Of two assignments of one field the later holds.
struct Point {
  std::vector<Assignment> assignments;
};

/// One "path=value" a line: each is what `--set` takes.
std::string LinesOf(const Point& point);

/// A scenario that has been read and merged, but not yet checked or converted, because its points
/// may still change any field. Reading happens once; a point costs the checks and the conversion.
class ScenarioBase {
 public:
  /// Reads a file and its includes and puts the overrides, "path=value" texts, on top. Throws
  /// UserError with every mistake of the texts.
  static ScenarioBase FromFile(const std::string& file, const std::vector<std::string>& overrides);

  /// The same of a text in memory. `name` stands for the file in positions; includes are looked for
  /// beside it.
  ScenarioBase(const std::string& name, std::string_view text,
               const std::vector<std::string>& overrides);

  /// Keeps the sites, links, seed and catalogue, and puts a test of a collective in the place of
  /// all jobs and of everything that needs a horizon. Throws UserError when a field cannot be read.
  /// @param fields of a CollectiveTest: "algorithm" = "ring"
  void TestCollective(std::vector<Assignment> fields);

  ScenarioBase(ScenarioBase&& other) noexcept;
  ScenarioBase& operator=(ScenarioBase&& other) noexcept;
  ~ScenarioBase();

  /// The scenario at a point, with all checks of the loader; the base itself at an empty one.
  /// Throws UserError with every problem found, each with its position.
  [[nodiscard]] Scenario At(const Point& point) const;

  /// The sites and links of the scenario at a point; see LoadSites.
  [[nodiscard]] Scenario SitesAt(const Point& point) const;

  /// The parts of networks that the catalogue has, the scenario's own among them.
  [[nodiscard]] NetworkParts PartsOfNetworks() const;

  /// What is wrong with values by themselves at a point: units, ranges, names of choices. Whether
  /// the scenario can be simulated is another matter: At says it. Throws UserError as TextAt does.
  [[nodiscard]] std::vector<Problem> WrongValuesAt(const Point& point) const;

  /// The text of the scenario at a point, without the checks: for one that is refused, too. Throws
  /// UserError when a path leads nowhere or a value cannot be read.
  [[nodiscard]] std::string TextAt(const Point& point) const;

 private:
  struct Read;  ///< messages are known inside the loader alone
  std::unique_ptr<Read> read_;
};

}  // namespace gridlock
