#include "sim/catalogue/serving_catalogue.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <sstream>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/names.h"
#include "sim/base/numbers.h"
#include "sim/catalogue/folders.h"
#include "sim/catalogue/serving_fields.h"
#include "sim/catalogue/serving_machines.h"
#include "sim/schema/csv.h"
#include "sim/schema/files.h"

namespace gridlock {

namespace {

const std::map<std::string, Batching> kBatchings = {{"static", Batching::kStatic},
                                                    {"prompts", Batching::kPrompts},
                                                    {"fused", Batching::kFused},
                                                    {"chunked", Batching::kChunked}};

std::optional<double> NumberOf(const std::string& text) {
  const std::optional<double> value = ParseNumber(text);
  return value && *value >= 0 ? value : std::nullopt;
}

std::vector<std::string> WordsOf(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) {
    words.push_back(word);
  }
  return words;
}

// Sets a number among `fields`; false when none has that name. A text that is no number adds a
// problem.
template <typename T, std::size_t N>
bool SetNumber(const NumberField<T> (&fields)[N], const std::string& name, const std::string& text,
               T& entry, std::string& problem) {
  for (const NumberField<T>& field : fields) {
    if (name == field.name) {
      const std::optional<double> value = NumberOf(text);
      if (value) {
        entry.*field.member = *value * field.unit;
      } else {
        problem = fmt::format("{} is {}; expected a number from 0", name, Quoted(text));
      }
      return true;
    }
  }
  return false;
}

// The same of what a part's experts reach.
bool SetExperts(const std::string& field, const std::string& text, InferencePart& part,
                std::string& problem) {
  for (std::size_t i = 0; i < part.experts.size(); ++i) {
    const std::string prefix = kExpertPrefixes[i];
    if (field.starts_with(prefix) &&
        SetNumber(kExpertFields, field.substr(prefix.size()), text, part.experts[i], problem)) {
      return true;
    }
  }
  return false;
}

void SetPart(const std::string& field, const std::string& text, const ServingMachines& machines,
             ServingCatalogue& catalogue, std::string& problem) {
  InferencePart& part = catalogue.parts.back();
  if (field == "server") {
    (void)machines.Fill(text, part);  // one that is not there has its problem already
    for (const std::string& name : machines.NamesOf(text)) {
      catalogue.aliases.emplace(name, part.name);
    }
  } else if (field == "alias") {
    for (const std::string& word : WordsOf(text)) {
      catalogue.aliases[word] = part.name;
    }
  } else if (field == "experts") {
    part.experts = {};  // of the entry that this one is like
    problem = text == "none" ? "" : fmt::format("experts is {}; expected none", Quoted(text));
  } else if (!SetNumber(kPartFields, field, text, part, problem) &&
             !SetExperts(field, text, part, problem)) {
    std::vector<std::string> names = {"like", "server", "alias", "experts"};
    for (const auto& each : kPartFields) {
      names.emplace_back(each.name);
    }
    for (const char* prefix : kExpertPrefixes) {
      for (const auto& each : kExpertFields) {
        names.push_back(std::string(prefix) + each.name);
      }
    }
    problem = fmt::format("parts have no field {}{}", Quoted(field), DidYouMean(field, names));
  }
}

void SetModel(const std::string& field, const std::string& text, ServingCatalogue& catalogue,
              std::string& problem) {
  InferenceModel& model = catalogue.models.back();
  const std::optional<double> value = NumberOf(text);
  for (const ModelField& each : kModelFields) {
    if (field == each.name) {
      model.*each.member = static_cast<int>(std::min(value.value_or(0), 1e7));
      problem = value ? "" : fmt::format("{} is {}; expected a number", field, Quoted(text));
      return;
    }
  }
  if (field == "alias") {
    for (const std::string& word : WordsOf(text)) {
      catalogue.model_aliases[word] = model.name;
    }
  } else if (field == "weights") {
    problem = WeightFormatByName(text, model.checkpoint)
                  ? ""
                  : fmt::format("weights is {}; expected a format such as fp8", Quoted(text));
  } else if (field == "ffn" || field == "windowed_share") {
    (field == "ffn" ? model.ffn : model.windowed_share) = value.value_or(0);
  } else if (field == "latent" || field == "gated" || field == "block_scales" || field == "tied" ||
             field == "encodes_alone") {
    (field == "latent"          ? model.latent
     : field == "gated"         ? model.gated
     : field == "tied"          ? model.tied
     : field == "encodes_alone" ? model.encodes_alone
                                : model.block_scales) = text == "true";
  } else {
    problem = fmt::format("models have no field {}", Quoted(field));
  }
}

void SetEngine(const std::string& field, const std::string& text, ServingCatalogue& catalogue,
               std::string& problem) {
  ServingEngineEntry& entry = catalogue.engines.back();
  const std::optional<double> value = NumberOf(text);
  if (field == "stands_for") {
    entry.names = WordsOf(text);
    return;
  }
  if (field == "from_version" || field == "from_year") {
    (field == "from_year" ? entry.from_year : entry.from_version) = value.value_or(0);
    return;
  }
  if (field == "batching") {
    const auto found = kBatchings.find(text);
    if (found == kBatchings.end()) {
      problem =
          fmt::format("batching is {}; expected static, prompts, fused or chunked", Quoted(text));
    } else {
      entry.engine.batching = found->second;
    }
    return;
  }
  for (const CountField& each : kCounts) {
    if (field == each.name) {
      const std::int64_t count = std::llround(std::min(value.value_or(-1), 1e9));
      problem = count >= each.least ? ""
                                    : fmt::format("{} is {}; expected a number from {}", field,
                                                  Quoted(text), each.least);
      entry.engine.*each.member = std::max(count, each.least);
      return;
    }
  }
  for (const FlagField& each : kFlags) {
    if (field == each.name) {
      entry.engine.*each.member = text == "true";
      return;
    }
  }
  if (!SetNumber(kEngineFields, field, text, entry.engine, problem)) {
    problem = fmt::format("engines have no field {}", Quoted(field));
  }
}

// What is an estimate of the entry `base` is one of `entry` too, until a line of it says otherwise.
void InheritEstimates(const std::string& base, const std::string& entry,
                      std::map<std::string, std::string>& estimates) {
  std::map<std::string, std::string> inherited;
  const std::string prefix = base + ".";
  for (auto at = estimates.lower_bound(prefix);
       at != estimates.end() && at->first.starts_with(prefix); ++at) {
    inherited[entry + "." + at->first.substr(prefix.size())] = at->second;
  }
  estimates.merge(inherited);
}

std::vector<CsvLine> LinesOf(const std::string& file, ProblemList& problems) {
  std::string text;
  return ReadFile(file, {file, 0, 0}, text, problems) ? ReadCsv(file, text, problems)
                                                      : std::vector<CsvLine>();
}

// The servers that parts stand in.
std::vector<std::string> ServersOf(const std::vector<CsvLine>& lines) {
  std::vector<std::string> names;
  for (const CsvLine& line : lines) {
    if (line.cells.size() == 5 && line.cells[1].text == "server") {
      names.push_back(line.cells[2].text);
    }
  }
  return names;
}

// Calls `start` with the name of each entry and of the one that it is like, and `set` with its
// fields. `start` returns that one's name in the table, "" for none.
template <typename Start, typename Set>
void ReadTable(const std::string& file, const std::vector<CsvLine>& lines, const Start& start,
               const Set& set, ServingCatalogue& catalogue, ProblemList& problems) {
  std::string present;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::vector<CsvCell>& cells = lines[i].cells;
    if (cells.size() != 5) {
      problems.Add({file, lines[i].line, 1}, "",
                   "a line has five cells: entry, field, value, estimate, source");
      continue;
    }
    const std::string &entry = cells[0].text, &field = cells[1].text, &value = cells[2].text;
    std::string problem;
    if (entry != present) {
      present = entry;
      const std::string base = start(entry, field == "like" ? value : "", problem);
      if (!base.empty()) {
        InheritEstimates(base, entry, catalogue.estimates);
      }
    }
    if (field != "like") {
      set(field, value, problem);
    }
    if (cells[3].text == "true") {
      catalogue.estimates[entry + "." + field] = cells[4].text;
    } else {
      catalogue.estimates.erase(entry + "." + field);
    }
    if (cells[4].text.empty()) {
      problem = "no source";
    }
    if (!problem.empty()) {
      problems.Add({file, lines[i].line, cells[1].column}, "", problem);
    }
  }
}

// 100 major + minor + patch / 1000 of "0.11.1", and the year of "2025-05"; 0 where there is none.
std::pair<double, double> VersionOf(const std::string& text) {
  double version = 0, year = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (std::isdigit(static_cast<unsigned char>(text[i])) == 0) {
      ++i;
      continue;
    }
    double number = 0;
    const auto end = std::from_chars(text.data() + i, text.data() + text.size(), number).ptr;
    const std::string digits(text.data() + i, end);
    if (number >= 2000 && number < 2100) {
      year = number;
    } else if (version == 0 && digits.find('.') != std::string::npos) {
      const std::size_t dot = digits.find('.');
      version = 100 * std::floor(number) + NumberOf(digits.substr(dot + 1)).value_or(0);
      double patch = 0;
      const char* const more = end + 1;
      if (more < text.data() + text.size() && *end == '.' &&
          std::from_chars(more, text.data() + text.size(), patch).ec == std::errc()) {
        version += std::min(patch, 999.0) / 1000;
      }
    } else if (version == 0) {
      version = 100 * number;
    }
    i = static_cast<std::size_t>(end - text.data());
  }
  return {version, year};
}

// The entry called `name`, by an alias, or as people write either.
template <typename T>
const T* FindNamed(const std::vector<T>& entries, const std::map<std::string, std::string>& aliases,
                   const std::string& name, NameKind kind) {
  const auto called = [&entries](const std::string& wanted) -> const T* {
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const T& each) {
      return each.name == wanted;
    });
    return found == entries.end() ? nullptr : &*found;
  };
  const auto alias = aliases.find(name);
  if (const T* const found = called(alias == aliases.end() ? name : alias->second)) {
    return found;
  }
  const std::string key = PlainKey(name, kind);
  for (const T& each : entries) {
    if (!key.empty() && PlainKey(each.name, kind) == key) {
      return &each;
    }
  }
  for (const auto& [other, entry] : aliases) {
    if (!key.empty() && PlainKey(other, kind) == key) {
      return called(entry);
    }
  }
  return nullptr;
}

}  // namespace

const InferencePart* ServingCatalogue::FindPart(const std::string& name) const {
  return FindNamed(parts, aliases, name, NameKind::kPart);
}

const InferenceModel* ServingCatalogue::FindModel(const std::string& name) const {
  return FindNamed(models, model_aliases, name, NameKind::kModel);
}

const InferenceEngine* ServingCatalogue::FindEngine(const std::string& name) const {
  const std::string key = PlainKey(name, NameKind::kOther);
  for (const bool exact : {true, false}) {
    for (const ServingEngineEntry& each : engines) {
      const std::string& known = each.engine.name;
      if (exact ? known == name : PlainKey(known, NameKind::kOther) == key) {
        return &each.engine;
      }
    }
  }
  return EngineOf(name, "");
}

const InferenceEngine* ServingCatalogue::EngineOf(const std::string& name,
                                                  const std::string& version) const {
  const auto [number, year] = VersionOf(version);
  const ServingEngineEntry* best = nullptr;
  for (const ServingEngineEntry& each : engines) {
    if (std::find(each.names.begin(), each.names.end(), name) == each.names.end()) {
      continue;
    }
    // A year decides where the source gives one, a number where it gives that alone.
    const bool not_newer = year > 0     ? each.from_year <= year
                           : number > 0 ? each.from_version <= number
                                        : true;
    if (best == nullptr || not_newer) {
      best = &each;
    }
  }
  return best == nullptr ? nullptr : &best->engine;
}

std::vector<std::string> ServingCatalogue::PartNames() const {
  std::vector<std::string> names;
  for (const InferencePart& part : parts) {
    names.push_back(part.name);
  }
  return names;
}

std::vector<std::string> ServingCatalogue::ModelNames() const {
  std::vector<std::string> names;
  for (const InferenceModel& model : models) {
    names.push_back(model.name);
  }
  return names;
}

std::vector<std::string> ServingCatalogue::EngineNames() const {
  std::vector<std::string> names;
  for (const ServingEngineEntry& each : engines) {
    names.push_back(each.engine.name);
  }
  return names;
}

ServingCatalogue ReadServingCatalogue(const std::string& parts_file,
                                      const std::string& engines_file,
                                      const std::string& models_file) {
  ServingCatalogue catalogue;
  ProblemList problems;
  const std::vector<CsvLine> parts = LinesOf(parts_file, problems);
  const ServingMachines machines(ServersOf(parts), problems);
  ReadTable(
      parts_file, parts,
      [&](const std::string& name, const std::string& like, std::string& problem) {
        const InferencePart* base = catalogue.FindPart(like);
        InferencePart part = base == nullptr ? InferencePart() : *base;
        problem = base == nullptr && !like.empty() ? "no part above is called " + Quoted(like) : "";
        std::string found = part.name;
        part.name = name;
        catalogue.parts.push_back(part);
        return found;
      },
      [&](const std::string& field, const std::string& value, std::string& problem) {
        SetPart(field, value, machines, catalogue, problem);
      },
      catalogue, problems);
  ReadTable(
      engines_file, LinesOf(engines_file, problems),
      [&](const std::string& name, const std::string& like, std::string& problem) {
        const InferenceEngine* base = catalogue.FindEngine(like);
        ServingEngineEntry entry;
        entry.engine = base == nullptr ? InferenceEngine() : *base;
        problem =
            base == nullptr && !like.empty() ? "no engine above is called " + Quoted(like) : "";
        std::string found = entry.engine.name;
        entry.engine.name = name;
        catalogue.engines.push_back(entry);
        return found;
      },
      [&](const std::string& field, const std::string& value, std::string& problem) {
        SetEngine(field, value, catalogue, problem);
      },
      catalogue, problems);
  ReadTable(
      models_file, LinesOf(models_file, problems),
      [&](const std::string& name, const std::string& like, std::string& problem) {
        const InferenceModel* base = catalogue.FindModel(like);
        InferenceModel model = base == nullptr ? InferenceModel() : *base;
        problem =
            base == nullptr && !like.empty() ? "no model above is called " + Quoted(like) : "";
        std::string found = model.name;
        model.name = name;
        catalogue.models.push_back(model);
        return found;
      },
      [&](const std::string& field, const std::string& value, std::string& problem) {
        SetModel(field, value, catalogue, problem);
      },
      catalogue, problems);
  std::erase_if(catalogue.parts, [](const InferencePart& part) {
    return part.hbm_capacity <= 0;  // its server is not in the user's own catalogue
  });
  problems.ThrowIfAny();
  return catalogue;
}

ServingCatalogue ShippedServingCatalogue() {
  const auto& [parts, engines, models] = kServingTables;
  return ReadServingCatalogue(CatalogueTable(parts), CatalogueTable(engines),
                              CatalogueTable(models));
}

}  // namespace gridlock
