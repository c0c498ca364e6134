// gridlock catalog: what the catalogue holds, field by field with sources, and what export rules
// say about its accelerators.

#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/describe/catalogue_text.h"

#include "tools/command.h"
#include "tools/screen.h"

namespace gridlock {
namespace {

struct CatalogOptions {
  std::string kind;
  std::string name;
  std::string other;
  std::vector<std::string> own;  // files with entries of the user's own
  std::string format = "text";
};

using Show = std::string(const CatalogueView& view, const CatalogOptions& options, bool json);

std::string List(const CatalogueView& view, const CatalogOptions& options, bool json) {
  return json ? EntriesJson(view, options.kind) : EntriesText(view, options.kind);
}

std::string ShowOne(const CatalogueView& view, const CatalogOptions& options, bool json) {
  return json ? EntryJson(view, options.name) : EntryText(view, options.name);
}

std::string Diff(const CatalogueView& view, const CatalogOptions& options, bool json) {
  return json ? DifferencesJson(view, options.name, options.other)
              : DifferencesText(view, options.name, options.other);
}

std::string Rules(const CatalogueView& view, const CatalogOptions& options, bool json) {
  return json ? RulesJson(view, options.name) : RulesText(view, options.name);
}

int Run(const CatalogOptions& options, Show* show) {
  try {
    PrintText(show(ReadCatalogue(options.own), options, options.format == "json"));
    return kSuccess;
  } catch (const UserError& error) {
    for (const Problem& problem : error.problems()) {
      fmt::print(stderr, "{}\n", problem.message);
    }
    return kBadInput;
  }
}

}  // namespace

void AddCatalogCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<CatalogOptions>();
  CLI::App* command =
      app.add_subcommand("catalog", "Show the catalogue with its sources, and export rules");
  command->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, Show* show, const char* examples) {
    CLI::App* sub = command->add_subcommand(name, what);
    sub->add_option("--with", options->own,
                    "Also the entries of this file: a scenario, or entries alone; repeatable")
        ->type_name("FILE")
        ->allow_extra_args(false);
    sub->add_option("--format", options->format, "What is printed")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
    sub->footer(std::string("Examples:\n") + examples);
    sub->callback([options, show, &code] {
      code = Run(*options, show);
    });
    return sub;
  };
  add("list", "Every entry: kind, name, title", List,
      "  gridlock catalog list\n"
      "  gridlock catalog list accelerator\n"
      "  gridlock catalog list server --with my.textproto")
      ->add_option("KIND", options->kind, "Only entries of this kind, e.g. accelerator");
  add("show", "Every field of an entry with its value and source", ShowOne,
      "  gridlock catalog show h100_sxm\n"
      "  gridlock catalog show my_h100 --with my.textproto\n"
      "  gridlock catalog show llama_3.1_405b --format json")
      ->add_option("NAME", options->name, "Name of the entry")
      ->required();
  CLI::App* diff = add("diff", "The fields in which two entries of one kind differ", Diff,
                       "  gridlock catalog diff h100_sxm h800_sxm\n"
                       "  gridlock catalog diff h100_sxm my_h100 --with my.textproto");
  diff->add_option("A", options->name, "Name of an entry")->required();
  diff->add_option("B", options->other, "Name of another")->required();
  add("rules", "What US export rules measure on accelerators, and what they say", Rules,
      "  gridlock catalog rules\n"
      "  gridlock catalog rules h20\n"
      "  gridlock catalog rules my_h100 --with my.textproto")
      ->add_option("PART", options->name, "Only this accelerator");
  command->footer(
      "Examples:\n"
      "  gridlock catalog list accelerator\n"
      "  gridlock catalog show h100_sxm\n"
      "  gridlock catalog diff h100_sxm h800_sxm\n"
      "  gridlock catalog rules\n"
      "Entries are found by their aliases, too: gridlock catalog show h100.\n"
      "An entry of your own can start from one of these: accelerator { name: \"my_h100\"\n"
      "like: \"h100_sxm\" hbm_bandwidth: \"4 TB/s\" }, in catalog { ... } of a scenario or alone "
      "in a\n"
      "file. --with FILE shows it beside the others.");
}

}  // namespace gridlock
