// gridlock import: what other programs wrote, as scenarios.

#include "tools/import.h"

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

void ImportAstra(const ImportOptions& options) {
  ProblemList problems;
  const AstraNetwork network = ReadAstraNetwork(
      options.file, ImportedText(options.file, kLargestFile), options.decimal, problems);
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
}

}  // namespace

int Importing(const std::function<void()>& import) {
  try {
    import();
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

std::string ImportedText(const std::string& file, std::size_t largest) {
  ProblemList problems;
  std::string text;
  (void)ReadFile(file, {file, 0, 0}, text, problems, largest);
  problems.ThrowIfAny();
  return text;
}

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
    code = Importing([&options] {
      ImportAstra(*options);
    });
  });
  AddImportHf(*command, code);
  AddImportPeft(*command, code);
  AddImportMegatron(*command, code);
  AddImportTorchtitan(*command, code);
  AddImportJobs(*command, code);
  command->footer(
      "Examples:\n"
      "  gridlock import astra network.yml -o astra.textproto\n"
      "  gridlock import hf config.json\n"
      "  gridlock import peft adapter_config.json\n"
      "  gridlock import megatron pretrain.sh --cluster meta_16k_h100 -o job.textproto\n"
      "  gridlock import torchtitan llama3_8b.toml --accelerator h100_sxm --accelerators 64\n"
      "  gridlock import jobs log.swf -o log.textproto");
}

}  // namespace gridlock
