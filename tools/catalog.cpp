// gridlock catalog: what the catalogue holds, field by field with sources, and what export rules
// say about its accelerators.

#include <algorithm>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/catalogue/view.h"
#include "sim/policy/diffusion.h"
#include "sim/policy/export_rules.h"
#include "sim/report/json.h"
#include "sim/report/layout.h"

#include "tools/command.h"

namespace gridlock {
namespace {

constexpr double kGiga = 1e9;

struct CatalogOptions {
  std::string kind;
  std::string name;
  std::string other;
  std::string format = "text";
};

/// One problem, in the words of the loader.
[[noreturn]] void Refuse(const std::string& what, const std::string& name,
                         const std::vector<std::string>& names) {
  std::string nearest = NearestName(name, names);
  // "a100" is far from "a100_sxm_80gb" by letters, and means it.
  for (std::size_t i = 0; nearest.empty() && i < names.size(); ++i) {
    nearest = names[i].starts_with(name) ? names[i] : "";
  }
  throw UserError("", fmt::format("there is no {} \"{}\"; {}", what, name,
                                  nearest.empty() ? "gridlock catalog list shows what there is"
                                                  : "did you mean \"" + nearest + "\"?"));
}

/// The kinds in the order of the schema.
std::vector<std::string> Kinds(const CatalogueView& view) {
  std::vector<std::string> kinds;
  for (const CatalogueEntry& entry : view.entries) {
    if (kinds.empty() || kinds.back() != entry.kind) {
      kinds.push_back(entry.kind);
    }
  }
  return kinds;
}

const CatalogueEntry& EntryOf(const CatalogueView& view, const std::string& name) {
  std::vector<std::string> names;
  for (const CatalogueEntry& entry : view.entries) {
    if (entry.name == name) {
      return entry;
    }
    names.push_back(entry.name);
  }
  Refuse("entry", name, names);
}

void List(const CatalogueView& view, const CatalogOptions& options) {
  const std::vector<std::string> kinds = Kinds(view);
  if (!options.kind.empty() && std::find(kinds.begin(), kinds.end(), options.kind) == kinds.end()) {
    Refuse("kind", options.kind, kinds);
  }
  JsonWriter json;
  json.BeginArray();
  for (const CatalogueEntry& entry : view.entries) {
    if (!options.kind.empty() && entry.kind != options.kind) {
      continue;
    }
    if (options.format == "text") {
      fmt::print("{:<13} {:<27} {}\n", entry.kind, entry.name, entry.title);
      continue;
    }
    json.BeginObject();
    json.Member("kind", entry.kind);
    json.Member("name", entry.name);
    json.Member("title", entry.title);
    json.EndObject();
  }
  json.EndArray();
  if (options.format == "json") {
    fmt::print("{}", json.Finish());
  }
}

void ShowJson(const CatalogueEntry& entry) {
  JsonWriter json;
  json.BeginObject();
  json.Member("kind", entry.kind);
  json.Member("name", entry.name);
  json.Key("fields");
  json.BeginArray();
  for (const CatalogueField& field : entry.fields) {
    json.BeginObject();
    json.Member("field", field.path);
    json.Member("value", field.value);
    json.Member("source", field.source);
    json.Member("estimate", field.estimate);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  fmt::print("{}", json.Finish());
}

/// Sources are long and shared: fields carry a number, and the texts stand below once each.
void Show(const CatalogueView& view, const CatalogOptions& options) {
  const CatalogueEntry& entry = EntryOf(view, options.name);
  if (options.format == "json") {
    ShowJson(entry);
    return;
  }
  fmt::print("{} {}\n", entry.kind, entry.name);
  std::vector<std::string> sources;
  for (const CatalogueField& field : entry.fields) {
    std::string mark;
    if (!field.source.empty()) {
      const std::string text = field.source + (field.estimate ? " (estimate)" : "");
      const auto found = std::find(sources.begin(), sources.end(), text);
      mark = fmt::format("[{}]{}", found - sources.begin() + 1, field.estimate ? " estimate" : "");
      if (found == sources.end()) {
        sources.push_back(text);
      }
    }
    const std::string line = fmt::format("  {:<44} {:<26} {}", field.path, field.value, mark);
    fmt::print("{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
  }
  fmt::print("sources\n");
  for (std::size_t i = 0; i < sources.size(); ++i) {
    fmt::print("  [{}] {}\n", i + 1, sources[i]);
  }
}

/// The paths of both entries: those of `a` in their order, then what only `b` has.
std::vector<std::string> PathsOf(const CatalogueEntry& a, const CatalogueEntry& b) {
  std::vector<std::string> paths;
  for (const CatalogueEntry* entry : {&a, &b}) {
    for (const CatalogueField& field : entry->fields) {
      if (std::find(paths.begin(), paths.end(), field.path) == paths.end()) {
        paths.push_back(field.path);
      }
    }
  }
  return paths;
}

void Diff(const CatalogueView& view, const CatalogOptions& options) {
  const CatalogueEntry& a = EntryOf(view, options.name);
  const CatalogueEntry& b = EntryOf(view, options.other);
  if (a.kind != b.kind) {
    throw UserError(
        "", fmt::format("{} is of kind {} and {} of kind {}; expected two entries of one kind",
                        a.name, a.kind, b.name, b.kind));
  }
  const auto field_of = [](const CatalogueEntry& entry, const std::string& path) {
    const auto found =
        std::find_if(entry.fields.begin(), entry.fields.end(), [&](const CatalogueField& field) {
          return field.path == path;
        });
    return found == entry.fields.end() ? CatalogueField{path, "-", "", false} : *found;
  };
  const auto marked = [](const CatalogueField& field) {
    return field.value + (field.estimate ? " (estimate)" : "");
  };
  const bool text = options.format == "text";
  JsonWriter json;
  json.BeginArray();
  int differing = 0;
  for (const std::string& path : PathsOf(a, b)) {
    const CatalogueField of_a = field_of(a, path);
    const CatalogueField of_b = field_of(b, path);
    if (of_a.value == of_b.value || path == "name") {
      continue;
    }
    const std::string left = marked(of_a);
    const std::string right = marked(of_b);
    ++differing;
    if (text) {
      fmt::print("{:<44} {:<30} {}\n", path, left, right);
    } else {
      json.BeginObject();
      json.Member("field", path);
      json.Member(a.name, left);
      json.Member(b.name, right);
      json.EndObject();
    }
  }
  json.EndArray();
  fmt::print("{}", text ? fmt::format("{} fields differ\n", differing) : json.Finish());
}

constexpr ExportRule kRules[kExportRules] = {ExportRule::kOctober2022, ExportRule::kOctober2023,
                                             ExportRule::kDecember2024, ExportRule::kJanuary2025,
                                             ExportRule::kJanuary2026};

std::string NumberOrDash(std::optional<double> value, int digits) {
  return value.has_value() ? fmt::format("{:.{}f}", *value, digits) : "-";
}

void RulesJson(const std::vector<const AcceleratorFacts*>& parts) {
  JsonWriter json;
  const auto member = [&](const char* key, std::optional<double> value) {
    if (value.has_value()) {
      json.Member(key, *value);
    }
  };
  json.BeginArray();
  for (const AcceleratorFacts* part : parts) {
    json.BeginObject();
    json.Member("name", part->name);
    json.Member("total_processing_performance", TotalProcessingPerformance(*part));
    member("performance_density", PerformanceDensity(*part));
    json.Member("io_gb_per_s", InputOutput(*part).si() / kGiga);
    member("stack_density_gb_per_s_mm2", StackBandwidthDensity(*part));
    for (const ExportRule rule : kRules) {
      json.Member(ExportRuleName(rule), StatusText(rule, *part));
    }
    json.EndObject();
  }
  json.EndArray();
  fmt::print("{}", json.Finish());
}

void RulesOfOne(const AcceleratorFacts& part) {
  fmt::print("{}\n", part.name);
  fmt::print("  {:<36} {:.0f}\n", "total processing performance (TPP)",
             TotalProcessingPerformance(part));
  fmt::print("  {:<36} {}\n", "performance density, TPP/mm2",
             NumberOrDash(PerformanceDensity(part), 2));
  fmt::print("  {:<36} {:.0f}\n", "I/O, both directions, GB/s", InputOutput(part).si() / kGiga);
  fmt::print("  {:<36} {}\n", "HBM stack, GB/s per mm2",
             NumberOrDash(StackBandwidthDensity(part), 1));
  for (const ExportRule rule : kRules) {
    fmt::print("  {:<36} {}\n", ExportRuleName(rule), StatusText(rule, part));
  }
}

std::string MillionTpp(DiffusionTier tier, QuotaKind kind) {
  return fmt::format("{:.4g} million", TppQuota(tier, kind).value_or(0.0) / 1e6);
}

std::string CountriesText(DiffusionTier tier) {
  const auto countries = CountriesOf(tier);
  return countries.empty() ? "all others" : fmt::format("{}", fmt::join(countries, " "));
}

/// The tiers of the rule of January 2025, which measures countries and not parts.
void QuotasOfTiers() {
  fmt::print("January 2025 (AI Diffusion, 90 FR 4544, withdrawn in May 2025): TPP by country\n");
  const auto quota = [](DiffusionTier tier) {
    if (tier != DiffusionTier::kQuota) {
      return tier == DiffusionTier::kAllies ? std::string("no quota") : std::string("none");
    }
    return fmt::format(
        "{} from 2025 to 2027, {} per receiver and year without a licence, {} per "
        "validated company at the end of 2027",
        MillionTpp(tier, QuotaKind::kCountry), MillionTpp(tier, QuotaKind::kSmallOrder),
        MillionTpp(tier, QuotaKind::kValidated));
  };
  int number = 1;
  for (const DiffusionTier tier :
       {DiffusionTier::kAllies, DiffusionTier::kQuota, DiffusionTier::kEmbargoed}) {
    fmt::print("{}", Wrapped(fmt::format("  tier {}: ", number++),
                             CountriesText(tier) + ": " + quota(tier), 10));
  }
  fmt::print("\n");
}

void Rules(const CatalogueView& view, const CatalogOptions& options) {
  std::vector<const AcceleratorFacts*> parts;
  std::vector<std::string> names;
  for (const AcceleratorFacts& part : view.accelerators) {
    names.push_back(part.name);
    if (options.name.empty() || part.name == options.name) {
      parts.push_back(&part);
    }
  }
  if (parts.empty()) {
    Refuse("accelerator", options.name, names);
  }
  if (options.format == "json") {
    RulesJson(parts);
    return;
  }
  if (!options.name.empty()) {
    RulesOfOne(*parts.front());
    return;
  }
  QuotasOfTiers();
  const auto row = [](const auto&... cells) {
    fmt::print("{:<19}{:>8}{:>7}{:>6}{:>6}  {:<15}{:<15}{:<35}{:<22}{}\n", cells...);
  };
  row("accelerator", "TPP", "PD", "I/O", "HBM", "October 2022", "October 2023", "December 2024",
      "January 2025", "January 2026");
  for (const AcceleratorFacts* part : parts) {
    row(part->name, fmt::format("{:.0f}", TotalProcessingPerformance(*part)),
        NumberOrDash(PerformanceDensity(*part), 2),
        fmt::format("{:.0f}", InputOutput(*part).si() / kGiga),
        NumberOrDash(StackBandwidthDensity(*part), 1), StatusText(kRules[0], *part),
        StatusText(kRules[1], *part), StatusText(kRules[2], *part), StatusText(kRules[3], *part),
        StatusText(kRules[4], *part));
  }
}

using View = void(const CatalogueView&, const CatalogOptions&);

int Run(const CatalogOptions& options, View* show) {
  try {
    show(ReadCatalogue(), options);
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
  const auto add = [&](const char* name, const char* what, View* show) {
    CLI::App* sub = command->add_subcommand(name, what);
    sub->add_option("--format", options->format, "What is printed")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
    sub->callback([options, show, &code] {
      code = Run(*options, show);
    });
    return sub;
  };
  add("list", "Every entry: kind, name, title", List)
      ->add_option("KIND", options->kind, "Only entries of this kind, e.g. accelerator");
  add("show", "Every field of an entry with its value and source", Show)
      ->add_option("NAME", options->name, "Name of the entry")
      ->required();
  CLI::App* diff = add("diff", "The fields in which two entries of one kind differ", Diff);
  diff->add_option("A", options->name, "Name of an entry")->required();
  diff->add_option("B", options->other, "Name of another")->required();
  add("rules", "What US export rules measure on accelerators, and what they say", Rules)
      ->add_option("PART", options->name, "Only this accelerator");
  command->footer(
      "Examples:\n"
      "  gridlock catalog list accelerator\n"
      "  gridlock catalog show h100_sxm\n"
      "  gridlock catalog diff h100_sxm h800_sxm\n"
      "  gridlock catalog rules");
}

}  // namespace gridlock
