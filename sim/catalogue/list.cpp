#include "sim/catalogue/list.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/names.h"
#include "sim/catalogue/catalogue.h"
#include "sim/catalogue/parts.h"
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
    if (!stack.message->when_short().empty()) {
      list.when_short[name] = stack.message->when_short();
    }
    for (const std::string& prefix : stack.message->stands_for()) {
      list.families.push_back({name, stack.message->family(), prefix});
    }
  }
  for (const auto& [name, accelerator] : catalogue.accelerators) {
    list.accelerators.push_back(name);
    for (const proto::MatrixRate& rate : accelerator.message->rate()) {
      for (const proto::Precision format : FormatsAt(MakePrecision(rate.precision()))) {
        list.formats[name].insert(proto::Precision_Name(format));
      }
    }
  }
  list.accelerator_aliases = catalogue.accelerators.aliases();
  for (const auto& [name, entry] : catalogue.models) {
    const proto::Model& model = *entry.message;
    const int head_dim = model.head_dim() > 0 ? model.head_dim() : model.hidden() / model.heads();
    if (model.has_mixture()) {
      const proto::LatentAttention& latent = model.latent_attention();
      list.mixtures.push_back(
          {name, model.layers(), model.hidden(), model.heads(), model.vocabulary(),
           model.mixture().experts(), model.mixture().experts_per_token(),
           model.mixture().expert_ffn(), head_dim, model.query_key_norms(), latent.query_rank(),
           latent.key_value_rank(), latent.plain_head_dim(), latent.rotary_head_dim(),
           latent.value_head_dim(), model.prediction_modules()});
    } else {
      const int kv_heads = model.kv_heads() > 0 ? model.kv_heads() : model.heads();
      list.shapes.push_back({name, model.layers(), model.hidden(), model.heads(), kv_heads,
                             model.ffn(), head_dim, model.vocabulary(), model.tied_embeddings(),
                             model.query_key_norms()});
    }
  }
  for (const auto& [name, entry] : catalogue.servers) {
    const proto::Server& message = *entry.message;
    CatalogueServer& server = list.servers.emplace_back();
    server.name = name;
    server.accelerator = message.accelerator();
    server.accelerators = message.accelerators();
    server.nics = message.nics();
    server.transport = message.scale_out().transport();
    const proto::Mesh& mesh = message.network().mesh();
    server.torus.assign(mesh.torus().begin(), mesh.torus().end());
    server.cores = std::max(1, mesh.cores());
    server.core_link = mesh.core_link().ShortDebugString();
    server.switch_group = message.network().switches().group();
    server.through_host = message.network().pcie().through_host();
    server.numbered_pairs = mesh.pair_size() > 0;
    server.nic_bandwidth = BytesPerSecond(SiOf(message.nic_bandwidth(), Dimension::kBandwidth));
    for (const proto::MatrixRate& rate :
         catalogue.accelerators.at(message.accelerator()).message->rate()) {
      server.peak[static_cast<int>(MakePrecision(rate.precision()))] =
          FlopPerSecond(SiOf(rate.peak(), Dimension::kCompute));
    }
  }
  return list;
}

namespace {

// The nearest name, else those that begin alike: "a100" of "a100-80g".
std::string Similar(const std::string& name, const std::vector<std::string>& names) {
  const std::string near = DidYouMean(name, names);
  std::size_t digits = name.find_first_of("0123456789");
  if (!near.empty() || digits == std::string::npos) {
    return near;
  }
  digits = std::min(name.find_first_not_of("0123456789", digits), name.size());
  std::string alike;
  for (const std::string& each : names) {
    if (each.starts_with(name.substr(0, digits))) {
      alike += (alike.empty() ? "; expected one such as " : ", ") + each;
    }
  }
  return alike;
}

}  // namespace

std::string AcceleratorNamed(const CatalogueList& catalogue, const std::string& name) {
  return MeantName(name, catalogue.accelerators, catalogue.accelerator_aliases, NameKind::kPart);
}

const CatalogueServer& UsualServer(const CatalogueList& catalogue, const std::string& accelerator) {
  const std::string name = AcceleratorNamed(catalogue, accelerator);
  const auto worse = [](const CatalogueServer& server) {
    return std::pair(std::abs(std::log(server.accelerators / 8.0)),
                     -server.nics * server.nic_bandwidth.si() / server.accelerators);
  };
  const CatalogueServer* best = nullptr;
  for (const CatalogueServer& server : catalogue.servers) {
    if (server.accelerator == name && (best == nullptr || worse(server) < worse(*best))) {
      best = &server;
    }
  }
  if (best != nullptr) {
    return *best;
  }
  const bool known = std::find(catalogue.accelerators.begin(), catalogue.accelerators.end(),
                               name) != catalogue.accelerators.end();
  throw UserError("", known ? fmt::format("no server of the catalogue has the accelerator {}; "
                                          "expected one of a server that gridlock catalog list "
                                          "server shows",
                                          Quoted(name))
                            : fmt::format("no accelerator {} in the catalogue{}", Quoted(name),
                                          Similar(name, catalogue.accelerators)));
}

}  // namespace gridlock
