#include "sim/pages/compare.h"

#include <memory>

#include <CLI/CLI.hpp>

#include "sim/record/dataset.h"

#include "tools/command.h"
#include "tools/screen.h"
#include "tools/sweep_files.h"

namespace gridlock {

namespace {

struct CompareOptions {
  std::string a, b;
  std::string format = "text";
};

}  // namespace

void AddCompareCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<CompareOptions>();
  CLI::App* command = app.add_subcommand(
      "compare", "What differs in the input of two results, and what that did to the output");
  command->add_option("A", options->a, "trace.h5 or results.h5, or a folder with one")->required();
  command->add_option("B", options->b, "Another of the same kind")->required();
  command->add_option("--format", options->format, "What is printed on the screen")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  gridlock compare out/two-servers out/slow-nics\n"
      "  gridlock compare out/two-servers/trace.h5 out/slow-nics/trace.h5 --format json\n"
      "Of a cap the first row counts, the step without a cap. gridlock report A B -o PAGE.html "
      "draws it.");
  command->callback([options, &code] {
    code = WithMessages("compare", [&] {
      const Comparison comparison = Compare(ReadDataset(options->a), ReadDataset(options->b));
      PrintText(options->format == "json" ? CompareJson(comparison) : CompareText(comparison));
      return kSuccess;
    });
  });
}

}  // namespace gridlock
