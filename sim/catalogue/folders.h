#pragma once

// Where the catalogue lies, and what of it a scenario uses.

#include <string>
#include <vector>

#include "sim/schema/problems.h"

namespace gridlock {

/// The folder that holds what is shipped with the program: topologies, workloads, examples. That of
/// the installation, else that of the sources.
std::string ShippedRoot();

/// Whether $GRIDLOCK_CATALOG names folders to read instead of the catalogue that is shipped.
bool UsersOwnCatalogue();

/// The files of the catalogue: those under $GRIDLOCK_CATALOG (folders separated by ":") when it is
/// set, else those in ../share/gridlock beside the program, else those of the source tree.
std::vector<std::string> CatalogueFiles(ProblemList& problems);

/// What serving knows of parts, engines and models.
inline constexpr const char* kServingTables[] = {"serving_parts.csv", "serving_engines.csv",
                                                 "serving_models.csv"};

/// The file of a table of the catalogue: the first in the folders of $GRIDLOCK_CATALOG, or the one
/// that is shipped where none of them has it.
std::string CatalogueTable(const std::string& name);

/// What a scenario uses of the catalogue's files.
struct CatalogueUse {
  std::string origin;  ///< "shipped", or "GRIDLOCK_CATALOG=" and the user's folders
  /// The entries that it names and those that these name, as they are written; with fleets, the
  /// tables of serving, too.
  std::string entries;
};

/// Of a scenario that was loaded, from its canonical text.
CatalogueUse CatalogueUsedBy(const std::string& scenario);

}  // namespace gridlock
