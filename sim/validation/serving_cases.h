#pragma once

// Measured operating points of serving engines against the simulation: every row of a table, in the
// unit of its metric (serving_row.h), and pairs of rows as ratios.

#include <functional>
#include <string>
#include <vector>

#include "sim/catalogue/serving_catalogue.h"
#include "sim/validation/measured.h"

namespace gridlock {

struct ServingValidation {
  std::string role;   ///< only rows of this role; "": all
  std::string id;     ///< only rows whose id matches, with * and ?; "": all
  std::string pairs;  ///< a table of pairs of these rows: they are reported, as ratios b / a
  std::function<void(std::size_t done, std::size_t all, double fraction)> progress;
};

/// One result for each row, whatever is wrong with it. Groups by source, engine, part, model and
/// metric; pairs by factor. Throws UserError when a table cannot be read.
MeasuredReport ValidateServing(const std::vector<std::string>& tables,
                               const ServingCatalogue& catalogue, const ServingValidation& options);

}  // namespace gridlock
