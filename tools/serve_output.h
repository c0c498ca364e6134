#pragma once

// Where serve commands put their results, and how they refuse.

#include <functional>
#include <string>

#include "tools/serve_options.h"

namespace gridlock {

/// Prints what `write` makes of "text" or "json"; CSV is the latter, flat, with a row for each of
/// its list `rows`. With -o it goes to that file instead. Throws IoError.
void PrintServing(const ServeOptions& options, const std::string& rows,
                  const std::function<std::string(const std::string& format)>& write);

/// Runs `body`; says what was wrong with the command line or the disk. The exit code.
int WithServing(const std::string& command, const std::function<int()>& body);

}  // namespace gridlock
