#pragma once

#include <string>
#include <vector>

#include "sim/pages/confirmation.h"
#include "sim/pages/listing.h"
#include "sim/record/dataset.h"

namespace gridlock {

/// One self-contained HTML page about some files: what explain says of each, its pictures and its
/// tables, and, of two steps, where they differ. It makes no request. Throws UserError when the
/// program was built without charts.
/// @param summaries  summary.json of each file, "" for none: verdicts of a sweep stand there
/// @param confirmed  of each file what a simulation of each wall that moves gave; may be empty
/// @param listings   results that are JSON; they come behind the files
std::string PageHtml(const std::vector<Dataset>& files, const std::vector<std::string>& summaries,
                     const std::vector<std::vector<Confirmation>>& confirmed = {},
                     const std::vector<Listing>& listings = {});

/// Throws UserError when the program was built without charts.
/// @param otherwise  what can be had without them: ", or --csv"
void RequireCharts(const std::string& otherwise);

/// One self-contained HTML page on which sliders move through the points of a sweep. Throws
/// UserError for what is no sweep, and when the program was built without charts.
std::string ExplorePage(const Dataset& sweep);

}  // namespace gridlock
