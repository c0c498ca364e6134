#pragma once

// The shipped catalogue and the user's own entries in one name space per kind.

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "proto/catalog.pb.h"
#include "proto/scenario.pb.h"
#include "sim/catalogue/graphs.h"
#include "sim/schema/problems.h"
#include "sim/schema/written.h"

namespace gridlock {

/// An entry and where it was written.
template <typename T>
struct Entry {
  const T* message = nullptr;
  const Written* written = nullptr;
};

template <typename T>
using Entries = std::map<std::string, Entry<T>>;

/// How much of the catalogue is read.
enum class CatalogueExtent {
  kWhole,  ///< every entry, with all its mistakes
  /// Of the shipped catalogue only the entries that the scenario names, and the entries that those
  /// name in turn; its tests read it whole. A catalogue of the user's own is read whole.
  kNamed,
};

/// Whether the numbers of an entry must have a source.
enum class Sourcing { kRequired, kOptional };

/// All entries by name. Entries point into the catalogue itself, so it is neither copied nor moved.
class Catalogue {
 public:
  /// Reads the files of the catalogue, adds the entries of `scenario`, completes those that start
  /// from another one, and checks every entry: the rules, unique names, sources, names of other
  /// entries. Entries of the files must have a source for every number; those of the scenario are
  /// the user's own, and may have numbers without one. Mistakes go to `problems`; an entry that
  /// cannot be completed ends the reading with UserError.
  Catalogue(const proto::Scenario& scenario, const Written& written, CatalogueExtent extent,
            ProblemList& problems);

  /// Puts the entries of the scenario, which are complete now, in their place.
  void PutOwnEntries(proto::Scenario& scenario, Written& written) const;

  Catalogue(const Catalogue&) = delete;
  Catalogue& operator=(const Catalogue&) = delete;

  Entries<proto::Accelerator> accelerators;
  Entries<proto::Server> servers;
  Entries<proto::Transport> transports;
  Entries<proto::Switch> switches;
  Entries<proto::Optics> optics;
  Entries<proto::Model> models;
  Entries<proto::Stack> stacks;
  Entries<proto::Memory> memories;
  Entries<proto::Building> buildings;
  Entries<proto::WanOptics> wan_optics;
  Entries<proto::FailureRate> failure_rates;
  Entries<proto::Cluster> clusters;

  /// Networks that sites of the scenario read from files.
  ListedGraphs graphs;

 private:
  struct File {
    proto::Catalog message;
    Written written;
  };

  /// Reads the text of one file; one that holds nothing is left out.
  void Read(const std::string& name, const std::string& text, ProblemList& problems);
  void Index(const proto::Catalog& catalog, const Written& written, Sourcing sourcing,
             ProblemList& problems);
  void CheckNamesInEntries(ProblemList& problems) const;

  std::deque<File> files_;  ///< a deque: entries point into it
  File own_;                ///< the entries of the scenario
};

/// The entry called `name`, or null after adding a problem with the nearest or all names. `kind` is
/// "server" and so on.
template <typename T>
const Entry<T>* Find(const Entries<T>& entries, const std::string& kind, const std::string& name,
                     const Position& where, ProblemList& problems);

/// A switch that a fabric names: `field` of its `kind`, e.g. "leaf_switch" of "clos".
struct SwitchName {
  std::string kind, field, name;
};

/// All switches that a fabric names, in the order of the schema. Every field of a network whose
/// name ends in "_switch" holds the catalogue name of a switch.
std::vector<SwitchName> SwitchNames(const proto::Fabric& fabric);

/// Adds a problem for each switch that a fabric names and the catalogue does not have.
void CheckSwitchNames(const proto::Fabric& fabric, const Written& place, const Catalogue& catalogue,
                      ProblemList& problems);

/// Adds the problem that no `kind` is called `name`.
void RefuseName(const std::string& kind, const std::string& name,
                const std::vector<std::string>& names, const Position& where,
                ProblemList& problems);

template <typename T>
const Entry<T>* Find(const Entries<T>& entries, const std::string& kind, const std::string& name,
                     const Position& where, ProblemList& problems) {
  const auto found = entries.find(name);
  if (found != entries.end()) {
    return &found->second;
  }
  std::vector<std::string> names;
  for (const auto& [each, entry] : entries) {
    names.push_back(each);
  }
  RefuseName(kind, name, names, where, problems);
  return nullptr;
}

}  // namespace gridlock
