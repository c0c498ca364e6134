// gridlock import: what other programs wrote, as scenarios.

#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/interop/astra_network.h"
#include "sim/schema/files.h"

#include "tools/command.h"

namespace gridlock {

namespace {

struct ImportOptions {
  std::string file;
  std::string out;
  bool decimal = false;
};

int ImportAstra(const ImportOptions& options) {
  try {
    ProblemList problems;
    std::string text;
    AstraNetwork network;
    if (ReadFile(options.file, {options.file, 0, 0}, text, problems)) {
      network = ReadAstraNetwork(options.file, text, options.decimal, problems);
    }
    problems.ThrowIfAny();
    const std::filesystem::path out(options.out);
    std::filesystem::path graph = out;
    graph.replace_extension(".graphml");
    const ImportedScenario scenario =
        ScenarioOf(network, out.stem().string(), graph.filename().string());
    WriteFileAtomically(options.out, scenario.text);
    if (!scenario.graph.empty()) {
      WriteFileAtomically(graph.string(), scenario.graph);
    }
    fmt::print("{} NPUs in {} {}\n", network.npus(), network.dimensions.size(),
               network.dimensions.size() == 1 ? "dimension" : "dimensions");
    for (const std::string& note : scenario.notes) {
      fmt::print("note: {}\n", note);
    }
    fmt::print("written: {}{}\n", options.out, scenario.graph.empty() ? "" : ", " + graph.string());
    return kSuccess;
  } catch (const UserError& error) {
    for (const Problem& problem : error.problems()) {
      fmt::print(stderr, "{}\n", problem.message);
    }
    return kBadInput;
  } catch (const IoError& error) {
    fmt::print(stderr, "gridlock: {}\n", error.what());
    return kIoFailed;
  }
}

}  // namespace

void AddImportCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App* command = app.add_subcommand("import", "Turn files of other programs into scenarios");
  command->require_subcommand(1);
  CLI::App* astra =
      command->add_subcommand("astra", "Network configuration of ASTRA-sim (YAML or JSON)");
  astra->add_option("FILE", options->file, "Network configuration of ASTRA-sim")->required();
  astra
      ->add_option("-o,--output", options->out,
                   "Scenario to write; a graph, where it needs one, goes beside it")
      ->required()
      ->type_name("FILE");
  astra->add_flag("--decimal", options->decimal,
                  "A GB/s of the file is 10^9 B/s (default: 2^30, as ASTRA-sim counts)");
  astra->footer(
      "Examples:\n"
      "  gridlock import astra Ring_FullyConnected_Switch.yml -o astra.textproto\n"
      "Then gridlock run astra.textproto, gridlock topo astra.textproto, or any other command.");
  astra->callback([options, &code] {
    code = ImportAstra(*options);
  });
  command->footer("Examples:\n  gridlock import astra network.yml -o astra.textproto");
}

}  // namespace gridlock
