#pragma once

#include <string>
#include <vector>

#include "sim/record/dataset.h"

namespace gridlock {

/// One self-contained HTML page about some files: what explain says of each, its pictures and its
/// tables, and, of two steps, where they differ. It makes no request. Throws UserError when the
/// program was built without charts.
/// @param summaries  summary.json of each file, "" for none: verdicts of a sweep stand there
std::string PageHtml(const std::vector<Dataset>& files, const std::vector<std::string>& summaries);

}  // namespace gridlock
