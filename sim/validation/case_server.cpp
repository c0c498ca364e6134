#include "sim/validation/case_server.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <vector>

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

std::int64_t Product(const std::vector<std::int64_t>& sides) {
  return std::accumulate(sides.begin(), sides.end(), std::int64_t{1}, std::multiplies<>());
}

// Sides of a torus of `accelerators`, as equal as can be: 4 x 6 x 8 for 192. Empty when there are
// none: every side is at least 2.
std::vector<std::int64_t> TorusSides(std::int64_t accelerators, int dimensions) {
  if (dimensions <= 1) {
    return accelerators >= 2 ? std::vector<std::int64_t>{accelerators}
                             : std::vector<std::int64_t>{};
  }
  const auto even = static_cast<std::int64_t>(
      std::floor(std::pow(static_cast<double>(accelerators), 1.0 / dimensions) + 1e-9));
  for (std::int64_t side = even; side >= 2; --side) {
    std::vector<std::int64_t> rest;
    if (accelerators % side == 0) {
      rest = TorusSides(accelerators / side, dimensions - 1);
    }
    if (!rest.empty()) {
      rest.insert(rest.begin(), side);
      return rest;
    }
  }
  return {};
}

// Sides of a slice of the base's chips.
std::vector<std::int64_t> SliceSides(const CatalogueServer& base, std::int64_t chips) {
  const std::vector<std::int64_t> sides = TorusSides(chips, static_cast<int>(base.torus.size()));
  return sides.empty() ? TorusSides(chips, 2) : sides;
}

// Axes of a TPU slice that do not close to rings: all of one that is smaller than a cube, whose
// faces optical switches join, and of a flat pod those that are shorter than the pod (Google Cloud
// documentation, TPU v4; J. Austin et al., "How to scale your model", TPUs).
std::string OpenAxesText(const CatalogueServer& base, const std::vector<std::int64_t>& sides) {
  std::string text;
  for (std::size_t d = 0; base.accelerator.starts_with("tpu") && d < sides.size(); ++d) {
    const bool cube = base.torus.size() > 2;
    const bool open = cube ? Product(sides) < Product(base.torus) : sides[d] < base.torus[d];
    text += open ? fmt::format("open: {} ", d) : "";
  }
  return text;
}

// The links of a server like `base` with other sides. One that the first tier of two holds has
// halves there, which links as wide join.
std::string NetworkText(const CatalogueServer& base, std::int64_t domain) {
  if (base.torus.empty()) {
    return base.switch_group < domain || domain < 2
               ? ""
               : fmt::format("network {{ switches {{ group: {} oversubscription: 1 }} }} ",
                             domain / 2);
  }
  const std::vector<std::int64_t> sides = domain % base.cores == 0
                                              ? SliceSides(base, domain / base.cores)
                                              : std::vector<std::int64_t>{};
  std::string text = "network { mesh { ";
  for (const std::int64_t side : sides) {
    text += fmt::format("torus: {} ", side);
  }
  text += OpenAxesText(base, sides);
  if (base.cores > 1) {
    text += fmt::format("cores: {} core_link {{ {} }} ", base.cores, base.core_link);
  }
  return sides.empty() ? "" : text + "} } ";
}

// The largest torus that servers have link by link. Larger slices stand as one switched domain with
// the bandwidth that an accelerator has into the torus.
constexpr std::int64_t kLargestTorus = 256;
constexpr std::int64_t kMostNics = 128;  // of such a slice, so that switches hold its ports

// Shares and latencies of the shipped tori (topologies/catalog/servers_estimated.textproto).
constexpr const char* kTorusScaleUp =
    "all_reduce_efficiency: 0.8 all_gather_efficiency: 0.8 reduce_scatter_efficiency: 0.8 "
    "send_efficiency: 0.9 all_to_all_efficiency: 0.69 step_latency: \"1 us\" base_latency: \"5 "
    "us\"";

// A smaller or larger server of the kind is one with the same links.
bool Resizes(const CatalogueServer& base, std::int64_t domain) {
  if (base.torus.empty()) {
    return !base.numbered_pairs;
  }
  return domain <= kLargestTorus && !NetworkText(base, domain).empty();
}

}  // namespace

RowServer RowServerOf(const PublishedCase& row, const CatalogueList& catalogue) {
  const CatalogueServer* const base = ServerOf(row, catalogue);
  if (base != nullptr && base->accelerators == row.domain) {
    return {base->name, "", base->nics, base->nic_bandwidth.si()};
  }
  const std::int64_t domain = row.domain;
  if (base != nullptr && Resizes(*base, domain)) {
    const auto nics = static_cast<int>(
        std::max<std::int64_t>(1, base->nics * domain / std::max(1, base->accelerators)));
    return {"published",
            fmt::format("  server {{ name: \"published\" like: \"{}\" accelerators: {} nics: {} "
                        "{}source {{ text: \"the row\" }} }}\n",
                        base->name, domain, nics, NetworkText(*base, domain)),
            nics, base->nic_bandwidth.si()};
  }
  const bool torus = base != nullptr && !base->torus.empty();
  const std::int64_t nics =
      torus ? std::clamp<std::int64_t>(base->nics * domain / base->accelerators, 1, kMostNics)
            : domain;
  return {
      "published",
      fmt::format("  server {{ name: \"published\" accelerator: \"{}\" accelerators: {} nics: "
                  "{} nic_bandwidth: \"400 Gbps\" scale_up {{ {} }} "
                  "scale_out {{ transport: \"infiniband\" }} overhead_power: \"1 kW\" source "
                  "{{ text: \"Assumed: a server of its own\" estimate: true }} }}\n",
                  row.accelerator, domain, nics, torus ? kTorusScaleUp : "transport: \"nvlink_4\""),
      static_cast<int>(nics), 50e9};
}

std::string AssumedServer(const PublishedCase& row, const CatalogueList& catalogue) {
  const CatalogueServer* const server = ServerOf(row, catalogue);
  if (server == nullptr || (server->accelerators != row.domain && !Resizes(*server, row.domain))) {
    return fmt::format("a server of {} {} as one switched domain", row.domain, row.accelerator);
  }
  return server->accelerators == row.domain
             ? ""
             : fmt::format("{} with {} accelerators", server->name, row.domain);
}

}  // namespace gridlock
