#pragma once

// The bandwidth cap: one resource of a scenario at other values, everything else as it was. What
// can be capped is a table of names, each with the field of the scenario that it sets; every value
// becomes a point, so that it obeys the rules of `--set`.

#include <optional>
#include <string>
#include <vector>

#include "sim/scenario/point.h"

namespace gridlock {

/// Which elements of a scenario a cap sets.
enum class CapPlace {
  kSites,  ///< the sites that the job runs on
  kWans,   ///< the links between them
};

/// How the number in the field follows from the value of the cap.
enum class CapReading {
  kValue,           ///< the field takes the value
  kBothDirections,  ///< so it does, unless the value is of both directions added: see below
  kFactor,          ///< the field takes the value over that of the catalogue
  kCount,           ///< the field takes the whole number below the value
};

/// A field that a cap sets beside its own, and its value.
struct KeptField {
  const char* field;
  double si;
};

/// A resource that can be capped: one row of the table.
struct CapTarget {
  const char* name;      ///< "scale_up"
  const char* quantity;  ///< what its values are, for people
  const char* units;     ///< SI
  const char* resource;  ///< its share of the critical path tells whether the cap binds
  CapPlace place;
  CapReading reading;
  const char* field;                   ///< of a site or link: "override.hbm_bandwidth"
  std::optional<Dimension> dimension;  ///< of its values; none of a count
  /// The scenario's own value at a site or link, SI.
  double (*own)(const Scenario& scenario, std::size_t element);
  std::string (*format)(double si);
  /// What must be said to keep it as it is without the cap; null for nothing.
  KeptField (*keeps)(const Scenario& scenario, std::size_t element);
  const char* note;  ///< what a reader of the results must know; may be ""
};

/// One position on the cap axis.
struct CapPoint {
  Point point;
  double si = 0;         ///< what the scenario has at the point: byte/s, FLOP/s or W
  std::string label;     ///< for people: "scale_up 200 GB/s"
  std::string note;      ///< what was understood, when the text was of both directions; may be ""
  std::string as_typed;  ///< "900 GBps" of both directions, or "75 %"; "" for a plain value
};

/// The names of all targets, in the order of the table.
std::vector<std::string> CapTargetNames();

/// The target of that name. Throws UserError with the nearest name, or when the scenario has no
/// such resource.
const CapTarget& CapTargetOf(const std::string& name, const Scenario& scenario);

/// The scenario's own value, SI; the smallest where sites or links differ.
double CapBaseline(const CapTarget& target, const Scenario& scenario);

/// Reads a list such as "900,800,...,100GBps", "450 GB/s per direction", "50%,25%": see
/// value_list.h. A percentage is of each site's or link's own value. Scale-up figures are read as
/// vendors print them, both directions added, unless the text says "per direction" or "/dir"; all
/// others are per direction. Throws UserError with what is wrong with any of the points; where
/// `left_out` is given and some values do, it receives why the others do not.
std::vector<CapPoint> CapPoints(const CapTarget& target, const std::string& values,
                                const ScenarioBase& base,
                                std::vector<std::string>* left_out = nullptr);

/// What a reader of the table must know: how values were read, and what else a cap moves.
std::vector<std::string> CapNotes(const CapTarget& target, const std::vector<CapPoint>& points);

}  // namespace gridlock
