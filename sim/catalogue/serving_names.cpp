#include "sim/catalogue/serving_names.h"

#include <cctype>
#include <map>
#include <vector>

#include "sim/catalogue/catalogue.h"
#include "sim/catalogue/parts.h"
#include "workloads/decode.h"

namespace gridlock {

namespace {

// Endings of names at Hugging Face that say how a model was tuned or packed.
const std::vector<std::string> kEndings = {"-instruct", "-chat",  "-it",   "-hf",   "-base",
                                           "-fp8",      "-awq",   "-gptq", "-bf16", "-dynamic",
                                           "-w4a16",    "-nvfp4", "-fp4"};

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

// The name without its organisation and without what changes no size.
std::string Plain(const std::string& name) {
  std::string plain = Folded(name.substr(name.rfind('/') + 1));
  for (const std::string& beginning : kBeginnings) {
    plain = plain.starts_with(beginning) ? plain.substr(beginning.size()) : plain;
  }
  for (bool cut = true; cut;) {
    std::size_t at = 0;
    cut = EndsWithRelease(plain, at);
    plain = cut ? plain.substr(0, at) : plain;
    for (const std::string& ending : kEndings) {
      if (plain.ends_with(ending)) {
        plain.resize(plain.size() - ending.size());
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
  for (const std::string& wanted : {name, Plain(name)}) {
    if (const InferenceModel* const known = catalogue.FindModel(wanted); known != nullptr) {
      return *known;
    }
  }
  for (const auto& [entry, message] : WholeCatalogue().models) {
    if (Folded(entry) == Folded(name) || Folded(entry) == Plain(name)) {
      return InferenceModelOf(MakeModel(entry, "--model", WholeCatalogue()));
    }
  }
  for (const auto& [alias, entry] : WholeCatalogue().models.aliases()) {
    if (Folded(alias) == Folded(name) || Folded(alias) == Plain(name)) {
      return InferenceModelOf(MakeModel(entry, "--model", WholeCatalogue()));
    }
  }
  return std::nullopt;
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

}  // namespace gridlock
