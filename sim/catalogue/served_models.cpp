#include "sim/catalogue/served_models.h"

#include "sim/base/check.h"
#include "sim/catalogue/catalogue.h"
#include "sim/catalogue/parts.h"
#include "sim/schema/text_reader.h"
#include "workloads/decode.h"

namespace gridlock {

namespace {

InferenceModel ServedOf(const std::string& name, const Catalogue& catalogue) {
  return InferenceModelOf(MakeModel(name, "", catalogue));
}

}  // namespace

std::optional<InferenceModel> ServedModelOf(const std::string& name) {
  ProblemList problems;
  const Catalogue catalogue(proto::Scenario(), Written(), CatalogueExtent::kWhole, problems);
  problems.ThrowIfAny();
  const auto found = catalogue.models.find(name);
  return found == catalogue.models.end() ? std::nullopt
                                         : std::optional(ServedOf(found->first, catalogue));
}

InferenceModel ServedModelOfText(const std::string& file, const std::string& text) {
  ProblemList problems;
  proto::Scenario scenario;
  Written written;
  (void)ReadText(file, text, scenario, written, problems);
  problems.ThrowIfAny();
  CHECK(scenario.catalog().model_size() == 1);
  const Catalogue catalogue(scenario, written, CatalogueExtent::kNamed, problems);
  problems.ThrowIfAny();
  return ServedOf(scenario.catalog().model(0).name(), catalogue);
}

std::vector<std::string> ServedModelNames() {
  ProblemList problems;
  const Catalogue catalogue(proto::Scenario(), Written(), CatalogueExtent::kWhole, problems);
  problems.ThrowIfAny();
  std::vector<std::string> names;
  for (const auto& [name, model] : catalogue.models) {
    names.push_back(name);
  }
  return names;
}

}  // namespace gridlock
