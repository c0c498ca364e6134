#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/catalogue/folders.h"
#include "sim/pages/page.h"
#include "sim/record/dataset.h"

#include "tools/command.h"
#include "tools/screen.h"
#include "tools/sweep_files.h"

namespace gridlock {
namespace {

struct ExploreOptions {
  std::string what;    ///< results of a sweep, a sweep file, or "" for the one that is shipped
  std::string folder;  ///< -o
  int jobs = 0;
  bool quiet = false;
};

constexpr const char* kShipped = "/pages/explore";

/// The folder that has the results: the user's, or `folder`/sweep, where the sweep is run first.
std::string ResultsOf(const ExploreOptions& options, const std::string& command_line) {
  std::error_code ignored;
  const std::filesystem::path given = options.what;
  if (given.extension() == ".h5" || std::filesystem::exists(given / "results.h5", ignored)) {
    return options.what;
  }
  const std::string file = options.what.empty() ? ShippedRoot() + kShipped : options.what;
  SweepOptions sweep;
  sweep.folder = options.folder + "/sweep";
  sweep.mode = JournalMode::kResume;
  sweep.parallel = options.jobs;
  RunSweepFiles(ReadSweep(SweepFileOf(file), {}), sweep, command_line, options.quiet);
  return sweep.folder;
}

int Explore(const ExploreOptions& options, const std::string& command_line) {
  RequireCharts(", or gridlock sweep, whose results.csv needs none");
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error) {
    throw IoError(
        fmt::format("{}: cannot create this folder: {}", options.folder, error.message()));
  }
  const std::string page = options.folder + "/index.html";
  WriteFileAtomically(page, ExplorePage(ReadDataset(ResultsOf(options, command_line))));
  PrintText("written: " + page + "\n");
  return kSuccess;
}

}  // namespace

void AddExploreCommand(CLI::App& app, const std::string& command_line, int& code) {
  auto options = std::make_shared<ExploreOptions>();
  CLI::App* command = app.add_subcommand(
      "explore", "Write a page on which sliders move through the points of a sweep");
  command->add_option("WHAT", options->what,
                      "Folder with the results of a sweep, or a sweep file, which is run first "
                      "(default: a shipped sweep of six axes)");
  command
      ->add_option("-o,--output", options->folder,
                   "Folder for index.html, which needs no server and no network, and for what is "
                   "run")
      ->type_name("DIR")
      ->required();
  command
      ->add_option("-j,--jobs", options->jobs, "Points simulated at a time (default: one per core)")
      ->check(CLI::Range(1, 1024));
  AddQuietOption(*command, options->quiet);
  command->footer(
      "Examples:\n"
      "  gridlock explore -o page\n"
      "  gridlock explore out/nic-scale-oversubscription-sweep -o page\n"
      "  gridlock explore my.textproto -o page\n"
      "The results that -o keeps are taken again where the sweep is the same.");
  command->callback([options, command_line, &code] {
    code = WithMessages("explore", [&] {
      return Explore(*options, command_line);
    });
  });
}

}  // namespace gridlock
