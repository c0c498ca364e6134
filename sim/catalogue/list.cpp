#include "sim/catalogue/list.h"

#include "sim/catalogue/catalogue.h"
#include "sim/schema/rules.h"

namespace gridlock {

CatalogueList ListCatalogue() {
  const proto::Scenario nothing;
  const Written nowhere;
  ProblemList problems;
  const Catalogue catalogue(nothing, nowhere, CatalogueExtent::kWhole, problems);
  problems.ThrowIfAny();
  CatalogueList list;
  for (const auto& [name, stack] : catalogue.stacks) {
    list.stacks.push_back(name);
    list.stack_kinds[name] = stack.message->family();
    for (const std::string& prefix : stack.message->stands_for()) {
      list.families.push_back({name, stack.message->family(), prefix});
    }
  }
  for (const auto& [name, accelerator] : catalogue.accelerators) {
    list.accelerators.push_back(name);
  }
  list.accelerator_aliases = catalogue.accelerators.aliases();
  for (const auto& [name, entry] : catalogue.models) {
    const proto::Model& model = *entry.message;
    if (model.has_mixture()) {
      list.mixtures.push_back({name, model.layers(), model.hidden(), model.heads(),
                               model.vocabulary(), model.mixture().experts(),
                               model.mixture().experts_per_token(), model.mixture().expert_ffn()});
    }
  }
  for (const auto& [name, entry] : catalogue.servers) {
    const proto::Server& message = *entry.message;
    CatalogueServer& server = list.servers.emplace_back();
    server.name = name;
    server.accelerator = message.accelerator();
    server.accelerators = message.accelerators();
    server.nics = message.nics();
    server.nic_bandwidth = BytesPerSecond(SiOf(message.nic_bandwidth(), Dimension::kBandwidth));
    for (const proto::MatrixRate& rate :
         catalogue.accelerators.at(message.accelerator()).message->rate()) {
      // FP32 is 1 in the schema and 0 in the struct.
      server.peak[rate.precision() - 1] = FlopPerSecond(SiOf(rate.peak(), Dimension::kCompute));
    }
  }
  return list;
}

}  // namespace gridlock
