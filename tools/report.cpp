#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/pages/chrome_trace.h"
#include "sim/pages/csv_tables.h"
#include "sim/pages/listing.h"
#include "sim/pages/page.h"
#include "sim/record/dataset.h"

#include "tools/command.h"
#include "tools/confirm.h"
#include "tools/screen.h"
#include "tools/sweep_files.h"

namespace gridlock {
namespace {

struct ReportOptions {
  std::vector<std::string> files;
  std::string page, perfetto, csv;
  bool confirm = false, quiet = false;
};

/// The summary.json beside the results of a sweep, where its verdicts stand; "" beside others.
std::string SummaryOf(const Dataset& dataset) {
  if (dataset.kind != "sweep") {
    return "";
  }
  const auto folder = std::filesystem::path(dataset.file).parent_path();
  std::ifstream file(folder / "summary.json");
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteTables(const std::vector<Dataset>& files, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw IoError(fmt::format("{}: cannot create this folder: {}", folder, error.message()));
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string number = files.size() == 1 ? "" : std::to_string(i + 1) + "-";
    for (const auto& [name, table] : CsvTables(files[i])) {
      WriteFileAtomically(fmt::format("{}/{}{}.csv", folder, number, name), table);
    }
  }
}

void RefuseExports(const std::string& path, const ReportOptions& options) {
  if (!options.perfetto.empty() || !options.csv.empty()) {
    throw UserError("", path +
                            ": --perfetto and --csv are of traces; expected the command that "
                            "wrote this JSON with --format csv");
  }
}

int Report(const ReportOptions& options) {
  if (options.page.empty() && options.perfetto.empty() && options.csv.empty()) {
    throw UserError("",
                    "nothing to write; expected -o PAGE.html, --perfetto FILE.json or --csv DIR");
  }
  if (!options.perfetto.empty() && options.files.size() > 1) {
    throw UserError("", "--perfetto is of one file; expected one FILE");
  }
  std::vector<Dataset> files;
  std::vector<Listing> listings;
  std::vector<std::string> summaries;
  for (const std::string& path : options.files) {
    if (HoldsJson(path)) {
      RefuseExports(path, options);
      listings.push_back(ReadListing(path));
      continue;
    }
    files.push_back(ReadDataset(path));
    summaries.push_back(SummaryOf(files.back()));
  }
  std::string written;
  const auto write = [&](const std::string& path, const std::string& text) {
    WriteFileAtomically(path, text);
    written += (written.empty() ? "" : ", ") + path;
  };
  if (!options.page.empty()) {
    std::vector<std::vector<Confirmation>> confirmed;
    for (const Dataset& file : files) {
      confirmed.push_back(options.confirm ? Confirm(file, options.quiet)
                                          : std::vector<Confirmation>());
    }
    write(options.page, PageHtml(files, summaries, confirmed, listings));
  }
  if (!options.perfetto.empty()) {
    write(options.perfetto, ChromeTraceJson(files.front()));
  }
  if (!options.csv.empty()) {
    WriteTables(files, options.csv);
    written += (written.empty() ? "" : ", ") + options.csv + "/*.csv";
  }
  PrintText("written: " + written + "\n");
  return kSuccess;
}

}  // namespace

void AddReportCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* command = app.add_subcommand(
      "report", "Write one HTML page with pictures of results, a trace for Perfetto, or tables");
  command
      ->add_option("FILE", options->files,
                   "trace.h5 or results.h5, or a folder with one, or what plan, build, serve, "
                   "serve-plan, flows and topo write with --format json; repeatable. Two traces of "
                   "one kind are compared")
      ->required();
  command
      ->add_option("-o,--output", options->page, "Page to write; it needs no server and no network")
      ->type_name("PAGE.html");
  command->add_flag("--confirm", options->confirm,
                    "Of steps: simulate ten per cent more of what paces them, for the page");
  AddQuietOption(*command, options->quiet);
  command
      ->add_option("--perfetto", options->perfetto,
                   "Also write the timeline for ui.perfetto.dev and chrome://tracing")
      ->type_name("FILE.json");
  command->add_option("--csv", options->csv, "Also write every table as CSV into this folder")
      ->type_name("DIR");
  command->footer(
      "Examples:\n"
      "  gridlock report out/two-servers -o step.html --confirm\n"
      "  gridlock report out/two-servers out/llama-405b-16k -o both.html\n"
      "  gridlock report out/llama-405b-16k --perfetto timeline.json\n"
      "  gridlock report out/a-week-of-a-fleet -o week.html --csv tables\n"
      "  gridlock report plan.json -o plan.html   # of gridlock plan ... --format json -o "
      "plan.json\n"
      "The folders are those that gridlock run, cap and sweep write.");
  command->callback([options, &code] {
    code = WithMessages("report", [&] {
      return Report(*options);
    });
  });
}

}  // namespace gridlock
