#include "sim/catalogue/serving_names.h"

#include <cctype>
#include <map>
#include <string_view>
#include <vector>

#include "sim/catalogue/catalogue.h"
#include "sim/catalogue/parts.h"
#include "workloads/decode.h"

namespace gridlock {

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

std::string Folded(const std::string& name) {
  std::string folded;
  for (const char c : name) {
    folded += c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return folded;
}

// A name without its organisation and without what changes no size, and the format of the weights
// that it says: the last one, as in "-GPTQ-Int8".
struct PlainName {
  std::string text;
  std::optional<WeightFormat> format;
};

PlainName PlainOf(const std::string& name) {
  PlainName plain{Folded(name.substr(name.rfind('/') + 1)), {}};
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
        plain.format = plain.format ? plain.format : ending.format;
        cut = true;
      }
    }
  }
  return plain;
}

// All that is shipped, read once.
const Catalogue& WholeCatalogue() {
  static const proto::Scenario empty;
  static const Written nowhere;
  static ProblemList problems;
  static const Catalogue catalogue(empty, nowhere, CatalogueExtent::kWhole, problems);
  return catalogue;
}

}  // namespace

std::optional<InferenceModel> ModelByName(const std::string& name,
                                          const ServingCatalogue& catalogue) {
  const PlainName plain = PlainOf(name);
  std::optional<InferenceModel> model;
  for (const std::string& wanted : {name, plain.text}) {
    const InferenceModel* const known = model ? nullptr : catalogue.FindModel(wanted);
    model = known != nullptr ? *known : model;
  }
  for (const auto& [entry, message] : WholeCatalogue().models) {
    if (!model && (Folded(entry) == Folded(name) || Folded(entry) == plain.text)) {
      const ModelSpec found = MakeModel(entry, "--model", WholeCatalogue());
      CheckThatItDecodes(found, "");
      model = InferenceModelOf(found);
    }
  }
  for (const auto& [alias, entry] : WholeCatalogue().models.aliases()) {
    if (!model && (Folded(alias) == Folded(name) || Folded(alias) == plain.text)) {
      model = InferenceModelOf(MakeModel(entry, "--model", WholeCatalogue()));
    }
  }
  if (model && plain.format) {
    model->checkpoint = *plain.format;
  }
  return model;
}

std::optional<InferencePart> PartByName(const std::string& name,
                                        const ServingCatalogue& catalogue) {
  if (const InferencePart* const known = catalogue.FindPart(name); known != nullptr) {
    return *known;
  }
  std::map<std::string, InferencePart> measured;
  for (const InferencePart& part : catalogue.parts) {
    measured.emplace(part.name, part);
  }
  for (const auto& [entry, server] : WholeCatalogue().servers) {
    if (Folded(entry) == Folded(name) || Folded(server.message->accelerator()) == Folded(name)) {
      std::vector<std::string> notes;
      return InferencePartOf(MakeServer(server, WholeCatalogue(), "", notes), measured);
    }
  }
  return std::nullopt;
}

std::vector<std::string> PartsOfCatalogues(const ServingCatalogue& catalogue) {
  std::vector<std::string> names = catalogue.PartNames();
  for (const auto& [entry, server] : WholeCatalogue().servers) {
    names.push_back(server.message->accelerator());
  }
  return names;
}

}  // namespace gridlock
