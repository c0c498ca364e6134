#pragma once

// Which server stands for the one of a row of a table of published steps.

#include <string>

#include "sim/catalogue/list.h"
#include "sim/validation/case_table.h"

namespace gridlock {

/// The server that stands for the row: one of the catalogue, or one of the row's own.
struct RowServer {
  std::string name;
  std::string entry;  ///< text of the row's own server; "" for one of the catalogue
  int nics = 0;
  double nic_bandwidth = 0;  ///< bytes/s, of one
};

RowServer RowServerOf(const PublishedCase& row, const CatalogueList& catalogue);

/// What the row leaves open of its server, in words: "dgx_h100 with 4 accelerators"; "" when
/// nothing.
std::string AssumedServer(const PublishedCase& row, const CatalogueList& catalogue);

}  // namespace gridlock
