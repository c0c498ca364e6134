#pragma once

// The shipped catalogue and the user's own entries in one name space per kind.

#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proto/catalog.pb.h"
#include "proto/scenario.pb.h"
#include "sim/base/check.h"
#include "sim/base/names.h"
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

/// What names of entries carry beside what tells them apart.
template <typename T>
inline constexpr NameKind kNamedLike = NameKind::kOther;
template <>
inline constexpr NameKind kNamedLike<proto::Accelerator> = NameKind::kPart;
template <>
inline constexpr NameKind kNamedLike<proto::Server> = NameKind::kPart;
template <>
inline constexpr NameKind kNamedLike<proto::Model> = NameKind::kModel;

/// The entries of one kind. They are found by name or alias, a name before an alias, or as people
/// write either (PlainKey) where that is one entry; iteration goes over names alone. They remember
/// whether more entries could have given another answer.
template <typename T>
class Entries {
 public:
  using Map = std::map<std::string, Entry<T>>;
  using const_iterator = typename Map::const_iterator;

  [[nodiscard]] const_iterator begin() const { return entries_.begin(); }

  [[nodiscard]] const_iterator end() const { return entries_.end(); }

  [[nodiscard]] const_iterator find(const std::string& name) const {
    const const_iterator found = entries_.find(name);
    const auto alias = found == end() ? aliases_.find(name) : aliases_.end();
    if (found != end() || alias != aliases_.end()) {
      return found != end() ? found : entries_.find(alias->second);
    }
    wants_more_ = true;
    return FindSpelled(name);
  }

  /// What was found by another spelling than a name or an alias, and the names that it meant.
  [[nodiscard]] const std::map<std::string, std::string>& spelled() const { return spelled_; }

  /// All of them, for a message that lists them.
  [[nodiscard]] const Entries& All() const {
    wants_more_ = true;
    return *this;
  }

  /// Whether a name was not found, or all entries were asked for.
  [[nodiscard]] bool wants_more() const { return wants_more_; }

  [[nodiscard]] const Entry<T>& at(const std::string& name) const {
    const const_iterator found = find(name);
    CHECK(found != end());
    return found->second;
  }

  /// Returns the entry of that name, and whether it is the new one.
  std::pair<const_iterator, bool> emplace(const std::string& name, const Entry<T>& entry) {
    return entries_.emplace(name, entry);
  }

  /// Returns the name that the alias stands for, which is another one when it is taken.
  const std::string& AddAlias(const std::string& alias, const std::string& name) {
    return aliases_.emplace(alias, name).first->second;
  }

  /// The entry of a name that is there becomes another one.
  void Replace(const std::string& name, const Entry<T>& entry) { entries_.at(name) = entry; }

  /// Names of entries by their aliases.
  [[nodiscard]] const std::map<std::string, std::string>& aliases() const { return aliases_; }

 private:
  /// The one entry whose name or alias has the same key; none where several have.
  [[nodiscard]] const_iterator FindSpelled(const std::string& name) const {
    const std::string key = PlainKey(name, kNamedLike<T>);
    std::set<std::string> meant;
    for (const auto& [each, entry] : entries_) {
      if (PlainKey(each, kNamedLike<T>) == key) {
        meant.insert(each);
      }
    }
    for (const auto& [alias, each] : aliases_) {
      if (PlainKey(alias, kNamedLike<T>) == key) {
        meant.insert(each);
      }
    }
    if (key.empty() || meant.size() != 1) {
      return end();
    }
    spelled_[name] = *meant.begin();
    return entries_.find(*meant.begin());
  }

  Map entries_;
  std::map<std::string, std::string> aliases_;
  mutable std::map<std::string, std::string> spelled_;
  mutable bool wants_more_ = false;
};

/// How much of the catalogue is read.
enum class CatalogueExtent {
  kWhole,  ///< every entry, with all its mistakes
  /// Of the shipped catalogue only the entries that the scenario names, and the entries that those
  /// name in turn; its tests read it whole. A catalogue of the user's own is read whole once.
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
  Entries<proto::Storage> storages;

  /// Networks that sites of the scenario read from files.
  ListedGraphs graphs;

  /// Whether a catalogue with more entries could have answered otherwise: a name was not found, or
  /// all entries were asked for. Where neither was, the named entries say what the whole would say.
  [[nodiscard]] bool wants_more() const;

  /// Adds which entries were meant by names that are neither theirs nor an alias.
  void NoteSpellings(std::vector<std::string>& notes) const;

  /// How entries of the scenario were understood, for the output.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  struct File {
    proto::Catalog message;
    Written written;
  };

  /// Reads the text of one file; one that holds nothing is left out.
  void Read(const std::string& name, const std::string& text, ProblemList& problems);
  void Index(const proto::Catalog& catalog, const Written& written, Sourcing sourcing,
             ProblemList& problems);
  void CheckNamesInEntries(ProblemList& problems);

  std::deque<File> files_;  ///< a deque: entries point into it
  File own_;                ///< the entries of the scenario
  std::vector<std::string> notes_;
};

/// The entry whose name or alias is `name`, or null after adding a problem with the nearest or all
/// names. `kind` is "server" and so on.
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

/// What entries of one kind are called.
struct EntryNames {
  std::vector<std::string> names, aliases;
};

/// Adds the problem that no `kind` is called `name`.
void RefuseName(const std::string& kind, const std::string& name, const EntryNames& known,
                const Position& where, ProblemList& problems);

template <typename T>
const Entry<T>* Find(const Entries<T>& entries, const std::string& kind, const std::string& name,
                     const Position& where, ProblemList& problems) {
  const auto found = entries.find(name);
  if (found != entries.end()) {
    return &found->second;
  }
  EntryNames known;
  for (const auto& [each, entry] : entries) {
    known.names.push_back(each);
  }
  for (const auto& [alias, each] : entries.aliases()) {
    known.aliases.push_back(alias);
  }
  RefuseName(kind, name, known, where, problems);
  return nullptr;
}

}  // namespace gridlock
