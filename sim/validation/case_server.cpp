#include "sim/validation/case_server.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>

namespace gridlock {

namespace {

// The server with the accelerator of the row whose scale-up domain is nearest to the row's, or
// null.
const CatalogueServer* ServerOf(const PublishedCase& row, const CatalogueList& catalogue) {
  const CatalogueServer* best = nullptr;
  const auto distance = [&row](const CatalogueServer& server) {
    return std::abs(std::log(static_cast<double>(server.accelerators) /
                             static_cast<double>(std::max<std::int64_t>(1, row.domain))));
  };
  for (const CatalogueServer& server : catalogue.servers) {
    if (server.accelerator == row.accelerator &&
        (best == nullptr || distance(server) < distance(*best))) {
      best = &server;
    }
  }
  return best;
}

}  // namespace

RowServer RowServerOf(const PublishedCase& row, const CatalogueList& catalogue) {
  const CatalogueServer* const base = ServerOf(row, catalogue);
  if (base != nullptr && base->accelerators == row.domain) {
    return {base->name, "", base->nics, base->nic_bandwidth.si()};
  }
  const std::int64_t domain = row.domain;
  if (base != nullptr) {
    const auto nics = static_cast<int>(
        std::max<std::int64_t>(1, base->nics * domain / std::max(1, base->accelerators)));
    return {"published",
            fmt::format("  server {{ name: \"published\" like: \"{}\" accelerators: {} nics: {} "
                        "source {{ text: \"the row\" }} }}\n",
                        base->name, domain, nics),
            nics, base->nic_bandwidth.si()};
  }
  return {"published",
          fmt::format("  server {{ name: \"published\" accelerator: \"{}\" accelerators: {} nics: "
                      "{} nic_bandwidth: \"400 Gbps\" scale_up {{ transport: \"nvlink_4\" }} "
                      "scale_out {{ transport: \"infiniband\" }} overhead_power: \"1 kW\" source "
                      "{{ text: \"Assumed: a server of its own\" estimate: true }} }}\n",
                      row.accelerator, domain, domain),
          static_cast<int>(domain), 50e9};
}

std::string AssumedServer(const PublishedCase& row, const CatalogueList& catalogue) {
  const CatalogueServer* const server = ServerOf(row, catalogue);
  if (server == nullptr) {
    return fmt::format("a server of {} {} as one switched domain", row.domain, row.accelerator);
  }
  return server->accelerators == row.domain
             ? ""
             : fmt::format("{} with {} accelerators", server->name, row.domain);
}

}  // namespace gridlock
