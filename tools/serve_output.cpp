#include "tools/serve_output.h"

#include <cstdio>

#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/report/csv_of_json.h"

#include "tools/command.h"

namespace gridlock {

namespace {

// A file's name says what is in it.
std::string FormatOf(const ServeOptions& options) {
  return options.out.ends_with(".json")  ? "json"
         : options.out.ends_with(".csv") ? "csv"
                                         : options.format;
}

}  // namespace

void PrintServing(const ServeOptions& options, const std::string& rows,
                  const std::function<std::string(const std::string& format)>& write) {
  const std::string format = FormatOf(options);
  const std::string text = format == "csv" ? CsvOfJson(write("json"), rows) : write(format);
  if (options.out.empty()) {
    fmt::print("{}", text);
  } else {
    WriteFileAtomically(options.out, text);
  }
}

int WithServing(const std::string& command, const std::function<int()>& body) {
  try {
    return body();
  } catch (const UserError& error) {
    for (const Problem& problem : error.problems()) {
      fmt::print(stderr, "gridlock {}: {}\n", command, problem.message);
    }
    return kBadInput;
  } catch (const IoError& error) {
    fmt::print(stderr, "gridlock: {}\n", error.what());
    return kIoFailed;
  }
}

}  // namespace gridlock
