#include "sim/pages/explain.h"

#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>

#include "sim/pages/confirmation.h"
#include "sim/pages/glossary.h"
#include "sim/pages/listing.h"
#include "sim/record/dataset.h"

#include "tools/command.h"
#include "tools/confirm.h"
#include "tools/explain_names.h"
#include "tools/screen.h"
#include "tools/sweep_files.h"

namespace gridlock {
namespace {

struct ExplainOptions {
  std::vector<std::string> words;
  std::string format = "text";
  bool glossary = false, confirm = false, quiet = false;
};

/// What is no word of the glossary: a field, an output, or an entry of the catalogue.
int ExplainName(const std::string& name, bool json) {
  const std::vector<Explanation> parts = MeaningsOf(name);
  if (parts.empty()) {
    throw UserError("", UnknownTerm(name));
  }
  PrintText(json ? JsonOfParts(name, "name", parts.front().lines.front(), parts)
                 : TextOfParts(name, "", parts));
  return kSuccess;
}

int ExplainWhat(const ExplainOptions& options) {
  std::string what;
  for (const std::string& word : options.words) {
    what += (what.empty() ? "" : " ") + word;
  }
  if (options.glossary || what.empty()) {
    PrintText(options.glossary ? GlossaryMarkdown() : TermListText());
    return kSuccess;
  }
  // A file wins over a word, and a word over a folder that happens to have its name.
  std::error_code ignored;
  const Term* const term = TermByName(what);
  if (term != nullptr && !std::filesystem::is_regular_file(what, ignored)) {
    PrintText(options.format == "json" ? TermJson(*term) : TermText(*term));
    return kSuccess;
  }
  if (!std::filesystem::exists(what, ignored) && what.find('/') == std::string::npos &&
      !what.ends_with(".h5") && !what.ends_with(".json")) {
    return ExplainName(what, options.format == "json");
  }
  if (HoldsJson(what)) {
    const Listing listing = ReadListing(what);
    PrintText(options.format == "json" ? ExplanationJson(listing) : ExplanationText(listing));
    return kSuccess;
  }
  const Dataset dataset = ReadDataset(what);
  std::vector<Explanation> more;
  if (options.confirm) {
    more.push_back(ConfirmedPart(dataset, 0, Confirm(dataset, options.quiet)));
  }
  PrintText(options.format == "json" ? ExplanationJson(dataset, more)
                                     : ExplanationText(dataset, more));
  return kSuccess;
}

}  // namespace

void AddExplainCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* command = app.add_subcommand(
      "explain",
      "Say what results mean: which wall, why, what would move it; or what a word means");
  command->add_option(
      "WHAT", options->words,
      "trace.h5, results.h5 or a folder with one; JSON of plan, build, serve, serve-plan, flows or "
      "topo; or a word: bubble, MFU, all-reduce, a field, an output, a name of the catalogue");
  command->add_option("--format", options->format, "Of a file: what is printed on the screen")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->add_flag("--confirm", options->confirm,
                    "Of a step: simulate ten per cent more of what paces it");
  AddQuietOption(*command, options->quiet);
  command->add_flag("--glossary", options->glossary, "All words as Markdown: docs/glossary.md");
  command->footer(
      "Examples:\n"
      "  gridlock explain bubble\n"
      "  gridlock explain TTFT\n"
      "  gridlock explain out/two-servers --confirm\n"
      "  gridlock explain out/two-servers/trace.h5 --format json\n"
      "Without an argument the words are listed.");
  command->callback([options, &code] {
    code = WithMessages("explain", [&] {
      return ExplainWhat(*options);
    });
  });
}

}  // namespace gridlock
