#pragma once

// The shipped catalogue as text to read: every field with its value and its source.

#include <string>
#include <vector>

#include "sim/policy/facts.h"

namespace gridlock {

/// One number of an entry.
struct CatalogueField {
  std::string path;  ///< "rate[BF16].peak", as sources name it
  std::string value;
  std::string source;  ///< "" for labels such as names
  bool estimate = false;
};

struct CatalogueEntry {
  std::string kind;  ///< "accelerator"
  std::string name;
  std::string title;
  std::vector<CatalogueField> fields;  ///< in the order of the schema
};

struct CatalogueView {
  std::vector<CatalogueEntry> entries;         ///< by kind in the order of the schema, then by name
  std::vector<AcceleratorFacts> accelerators;  ///< by name
};

/// Reads the catalogue. Throws UserError when it has mistakes.
CatalogueView ReadCatalogue();

}  // namespace gridlock
