#pragma once

// The catalogue as text to read: every field with its value and its source. The entries are the
// shipped ones and, when asked for, those of the user's own files.

#include <string>
#include <vector>

#include "sim/policy/facts.h"
#include "sim/schema/problems.h"

namespace gridlock {

/// One number of an entry.
struct CatalogueField {
  std::string path;  ///< "rate[BF16].peak", as sources name it
  std::string value;
  std::string source;  ///< "" for labels such as names, and for what the user gave without one
  bool estimate = false;
  bool unsourced = false;  ///< given by the user, no source
};

struct CatalogueEntry {
  std::string kind;  ///< "accelerator"
  std::string name;
  std::string title;  ///< "like h100_sxm" for an entry that starts from another and has no title
  std::string file;   ///< of the user's own, as it was named; "" for entries of the catalogue
  Position where;     ///< of the entry in its file
  std::vector<CatalogueField> fields;  ///< in the order of the schema
};

struct CatalogueView {
  std::vector<CatalogueEntry> entries;         ///< by kind in the order of the schema, then by name
  std::vector<AcceleratorFacts> accelerators;  ///< by name
};

/// Reads the catalogue, and the entries of the files `own`, each of which is a scenario or a file
/// of entries alone. Of a scenario only the entries are looked at. Throws UserError when there are
/// mistakes.
CatalogueView ReadCatalogue(const std::vector<std::string>& own = {});

/// The entry of that kind ("" for any) whose name, or else whose alias, is `name`; null without
/// one.
const CatalogueEntry* FindEntry(const CatalogueView& view, const std::string& kind,
                                const std::string& name);

}  // namespace gridlock
