#pragma once

// What stands for a row of a table of published steps: the entries of the catalogue for its stack
// and its server.

#include <string>

#include "sim/catalogue/list.h"
#include "sim/validation/case_table.h"

namespace gridlock {

/// Names that tables may use: those of the catalogue, and the table's own names of stacks.
KnownNames NamesOf(const CatalogueList& catalogue);

/// Catalogue stack that stands for the row's: its own, or that of the nearest kind; "" when the
/// catalogue has neither.
std::string StackOf(const PublishedCase& row, const CatalogueList& catalogue);

/// The server that stands for the row: one of the catalogue, or one of the row's own.
struct RowServer {
  std::string name;
  std::string entry;  ///< text of the row's own server; "" for one of the catalogue
  int nics = 0;
  double nic_bandwidth = 0;  ///< bytes/s, of one
};

RowServer RowServerOf(const PublishedCase& row, const CatalogueList& catalogue);

/// What the row leaves to us, in words: "stack nemo is Megatron-like: as megatron_core"; "" when
/// nothing.
std::string AssumedOf(const PublishedCase& row, const CatalogueList& catalogue);

}  // namespace gridlock
