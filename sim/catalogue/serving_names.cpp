#include "sim/catalogue/serving_names.h"

#include <cctype>
#include <map>
#include <string_view>
#include <vector>

#include "sim/base/names.h"
#include "sim/catalogue/catalogue.h"
#include "sim/catalogue/own_entries.h"
#include "sim/catalogue/parts.h"
#include "sim/schema/rules.h"
#include "workloads/decode.h"

namespace gridlock {

struct OwnServingEntries {
  OwnEntries mine;                          // first: the catalogue points into it
  std::map<std::string, std::string> like;  // of own accelerators
  Catalogue catalogue;

  OwnServingEntries(OwnEntries read, ProblemList& problems)
      : mine(std::move(read)),
        like(LikeOf(mine.scenario.catalog())),
        catalogue(mine.scenario, mine.written, CatalogueExtent::kWhole, problems) {}

  static std::map<std::string, std::string> LikeOf(const proto::Catalog& entries) {
    std::map<std::string, std::string> like;
    for (const proto::Accelerator& each : entries.accelerator()) {
      like[each.name()] = each.like();
    }
    return like;
  }
};

namespace {

// Endings of names at Hugging Face that say how a model was tuned or packed.
struct Ending {
  const char* text;
  std::optional<WeightFormat> format;  ///< of its weights; nothing: it says nothing of them
};

const std::vector<Ending> kEndings = {
    {"-instruct", {}},
    {"-chat", {}},
    {"-it", {}},
    {"-hf", {}},
    {"-base", {}},
    {"-dynamic", {}},
    {"-block", {}},
    {"-kv", {}},
    {"-quantized", {}},
    {"-preview", {}},
    {"-bf16", WeightFormat::kBf16},
    {"-fp8", WeightFormat::kFp8},
    {"-int8", WeightFormat::kInt8},
    {"-8bit", WeightFormat::kInt8},
    {"-w8a8", WeightFormat::kInt8},
    {"-w8a16", WeightFormat::kInt8},
    {".w8a8", WeightFormat::kInt8},
    {".w8a16", WeightFormat::kInt8},
    {"-awq", WeightFormat::kInt4},
    {"-gptq", WeightFormat::kInt4},
    {"-int4", WeightFormat::kInt4},
    {"-4bit", WeightFormat::kInt4},
    {"-bnb", WeightFormat::kInt4},
    {"-autoround", WeightFormat::kInt4},
    {"-w4a16", WeightFormat::kInt4},
    {".w4a16", WeightFormat::kInt4},
    {"-nvfp4", WeightFormat::kNvfp4},
    {"-fp4", WeightFormat::kNvfp4},
    {"-mxfp4", WeightFormat::kMxfp4},
    {"-gguf", {}},
    {".gguf", {}},
    {"q8-0", WeightFormat::kQ80},
    {"q6-k", WeightFormat::kQ6K},
    {"q5-k-m", WeightFormat::kQ5KM},
    {"q4-k-m", WeightFormat::kQ4KM},
    {"q4-0", WeightFormat::kQ40},
    {"q3-k-m", WeightFormat::kQ3KM},
    {"q2-k", WeightFormat::kQ2K},
};

// "-2507", "-v0.3": a date or a release.
bool EndsWithRelease(const std::string& name, std::size_t& cut) {
  cut = name.rfind('-');
  const std::string last = cut == std::string::npos ? "" : name.substr(cut + 1);
  const bool digits = last.size() == 4 && last.find_first_not_of("0123456789") == std::string::npos;
  return digits || last.starts_with("v0.");
}

// Beginnings that repeat who made it.
const std::vector<std::string> kBeginnings = {"meta-", "nvidia-"};

// A name without its organisation and without what changes no size, and the format of the weights
// that it says: the last one, as in "-GPTQ-Int8".
struct NameAndFormat {
  std::string text;
  std::optional<WeightFormat> format;
};

NameAndFormat PlainOf(const std::string& name) {
  NameAndFormat plain{LowerCase(name.substr(name.rfind('/') + 1), '-'), {}};
  for (const std::string_view what : {"-embedding", "-reranker"}) {
    // What a decoder's last hidden state is used for: Qwen3-Embedding-8B has the shape of Qwen3-8B.
    if (const std::size_t at = plain.text.find(what); at != std::string::npos) {
      plain.text.erase(at, what.size());
    }
  }
  for (const std::string& beginning : kBeginnings) {
    plain.text =
        plain.text.starts_with(beginning) ? plain.text.substr(beginning.size()) : plain.text;
  }
  for (bool cut = true; cut;) {
    std::size_t at = 0;
    cut = EndsWithRelease(plain.text, at);
    plain.text = cut ? plain.text.substr(0, at) : plain.text;
    for (const Ending& ending : kEndings) {
      if (plain.text.ends_with(ending.text)) {
        plain.text.resize(plain.text.size() - std::string_view(ending.text).size());
        while (!plain.text.empty() &&
               std::string_view("-:.").find(plain.text.back()) != std::string_view::npos) {
          plain.text.pop_back();  // ":Q4_K_M" and "-Q4_K_M.gguf" of llama.cpp
        }
        plain.format = plain.format ? plain.format : ending.format;
        cut = true;
      }
    }
  }
  return plain;
}

// All that is shipped, read once.
const Catalogue& ShippedCatalogue() {
  static const proto::Scenario empty;
  static const Written nowhere;
  static ProblemList problems;
  static const Catalogue catalogue(empty, nowhere, CatalogueExtent::kWhole, problems);
  return catalogue;
}

const Catalogue& WholeCatalogue(const ServingCatalogue& tables) {
  return tables.own ? tables.own->catalogue : ShippedCatalogue();
}

// The server of that name, or the first that has an accelerator of that name or alias.
const Entry<proto::Server>* ServerOf(const Catalogue& catalogue, const std::string& name) {
  for (const auto& [entry, server] : catalogue.servers) {
    if (LowerCase(entry, '-') == LowerCase(name, '-') ||
        LowerCase(server.message->accelerator(), '-') == LowerCase(name, '-')) {
      return &server;
    }
  }
  for (const auto& [alias, entry] : catalogue.accelerators.aliases()) {
    if (LowerCase(alias, '-') == LowerCase(name, '-') &&
        LowerCase(entry, '-') != LowerCase(name, '-')) {
      return ServerOf(catalogue, entry);
    }
  }
  return nullptr;
}

// The accelerator of the shipped catalogue that one of the user's own started from; "" where it
// started from none.
std::string BaseOf(const OwnServingEntries& own, const std::string& name) {
  std::string base = name;
  for (auto at = own.like.find(base); at != own.like.end(); at = own.like.find(base)) {
    base = at->second;
  }
  const auto found = own.catalogue.accelerators.find(base);
  return found == own.catalogue.accelerators.end() ? "" : found->first;
}

// A part whose entry, or whose server's, is of the user's own.
std::optional<InferencePart> OwnPart(const std::string& name, const ServingCatalogue& tables,
                                     std::map<std::string, InferencePart> measured) {
  const OwnServingEntries& own = *tables.own;
  for (const auto& [each, like] : own.like) {
    if (const InferencePart* const base = tables.FindPart(BaseOf(own, each)); base != nullptr) {
      measured[each] = *base;
    }
  }
  const Entry<proto::Server>* found = ServerOf(own.catalogue, name);
  const bool chip = own.like.count(name) > 0;
  if (found == nullptr && chip) {
    found = ServerOf(own.catalogue, BaseOf(own, name));
  }
  if (found == nullptr) {
    return std::nullopt;
  }
  proto::Server server = *found->message;
  if (chip) {
    server.set_accelerator(name);
  }
  std::vector<std::string> notes;
  return InferencePartOf(MakeServer({&server, found->written}, own.catalogue, "", notes), measured);
}

}  // namespace

void AddOwnEntries(const std::vector<std::string>& files, ServingCatalogue& catalogue) {
  if (files.empty()) {
    return;
  }
  ProblemList problems;
  OwnEntries mine = ReadOwnEntries(files, problems);
  problems.ThrowIfAny();
  auto own = std::make_shared<OwnServingEntries>(std::move(mine), problems);
  own->catalogue.PutOwnEntries(own->mine.scenario, own->mine.written);
  CheckRules(own->mine.scenario.catalog(), own->mine.written.At("catalog"), "catalog", problems);
  problems.ThrowIfAny();
  catalogue.own = std::move(own);
}

std::optional<InferenceModel> ModelByName(const std::string& name,
                                          const ServingCatalogue& catalogue) {
  const NameAndFormat plain = PlainOf(name);
  std::optional<InferenceModel> model;
  for (const std::string& wanted : {name, plain.text}) {
    const InferenceModel* const known = model ? nullptr : catalogue.FindModel(wanted);
    model = known != nullptr ? *known : model;
  }
  const auto take = [&](const std::string& known, const std::string& entry) {
    if (!model &&
        (LowerCase(known, '-') == LowerCase(name, '-') || LowerCase(known, '-') == plain.text)) {
      const ModelSpec found = MakeModel(entry, "--model", WholeCatalogue(catalogue));
      CheckThatItServes(found, "", true);
      model = InferenceModelOf(found);
    }
  };
  for (const auto& [entry, message] : WholeCatalogue(catalogue).models) {
    take(entry, entry);
  }
  for (const auto& [alias, entry] : WholeCatalogue(catalogue).models.aliases()) {
    take(alias, entry);
  }
  if (model && plain.format) {
    model->checkpoint = *plain.format;
  }
  return model;
}

std::optional<InferencePart> PartByName(const std::string& name,
                                        const ServingCatalogue& catalogue) {
  std::map<std::string, InferencePart> measured;
  for (const InferencePart& part : catalogue.parts) {
    measured.emplace(part.name, part);
  }
  // Entries of the user's own have names that no shipped one has.
  const bool shipped = ServerOf(ShippedCatalogue(), name) != nullptr;
  if (catalogue.own && !shipped) {
    if (std::optional<InferencePart> own = OwnPart(name, catalogue, measured)) {
      return own;
    }
  }
  if (const InferencePart* const known = catalogue.FindPart(name); known != nullptr) {
    return *known;
  }
  const Catalogue& whole = ShippedCatalogue();
  const Entry<proto::Server>* const server = ServerOf(whole, name);
  if (server == nullptr) {
    return std::nullopt;
  }
  std::vector<std::string> notes;
  return InferencePartOf(MakeServer(*server, whole, "", notes), measured);
}

std::vector<std::string> PartsOfCatalogues(const ServingCatalogue& catalogue) {
  std::vector<std::string> names = catalogue.PartNames();
  for (const auto& [entry, server] : WholeCatalogue(catalogue).servers) {
    names.push_back(server.message->accelerator());
  }
  return names;
}

std::string DriverOf(const std::string& part) {
  return part.starts_with("mi")                                   ? "-rocm"
         : part.starts_with("apple") || part.starts_with("strix") ? "-metal"
                                                                  : "";
}

const InferenceEngine* EngineOnPart(const std::string& name, const std::string& part,
                                    const ServingCatalogue& catalogue) {
  const InferenceEngine* const found = catalogue.FindEngine(name);
  const std::string driver = DriverOf(part);
  const bool exact = found != nullptr && found->name == name;
  const InferenceEngine* const own =
      exact || driver.empty() ? nullptr : catalogue.EngineOf(name + driver, "");
  return own == nullptr ? found : own;
}

}  // namespace gridlock
