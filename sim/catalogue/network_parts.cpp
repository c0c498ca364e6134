#include "sim/catalogue/network_parts.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "sim/catalogue/catalogue.h"
#include "sim/catalogue/sources.h"
#include "sim/schema/rules.h"

namespace gridlock {

namespace {

// Rounding of a bandwidth that was divided among parallel cables.
constexpr double kSlack = 1 + 1e-9;

bool IsEstimate(const google::protobuf::Message& entry, const std::string& field) {
  const proto::Source* const source = SourceOf(entry, field);
  return source == nullptr || source->estimate();
}

}  // namespace

std::optional<OpticsChoice> NetworkParts::OpticsFor(BytesPerSecond bandwidth) const {
  if (optics.empty()) {
    return std::nullopt;
  }
  for (const OpticsPart& part : optics) {
    if (part.bandwidth * kSlack >= bandwidth) {
      return OpticsChoice{part, 1};
    }
  }
  const OpticsPart& fastest = optics.back();
  return OpticsChoice{fastest,
                      static_cast<int>(std::ceil(bandwidth / (fastest.bandwidth * kSlack)))};
}

std::vector<OpticsUse> OpticsOf(const NetworkParts& parts,
                                const std::map<double, std::int64_t>& cables) {
  std::vector<OpticsUse> uses;
  for (const auto& [bandwidth, count] : cables) {
    const std::optional<OpticsChoice> choice = parts.OpticsFor(BytesPerSecond(bandwidth));
    if (!choice) {
      continue;
    }
    auto use = std::find_if(uses.begin(), uses.end(), [&](const OpticsUse& each) {
      return each.part.name == choice->part.name;
    });
    if (use == uses.end()) {
      use = uses.insert(use, {choice->part, 0});
    }
    use->links += count * choice->per_end;
  }
  return uses;
}

NetworkParts PartsOf(const Catalogue& catalogue) {
  return PartsWithOptics(catalogue, "");
}

NetworkParts PartsWithOptics(const Catalogue& catalogue, const std::string& named) {
  NetworkParts parts;
  for (const auto& [name, entry] : catalogue.switches) {
    const proto::Switch& part = *entry.message;
    parts.switches[name] = {part.ports(), part.price(),
                            part.price() > 0 && IsEstimate(part, "price")};
  }
  for (const auto& [name, entry] : catalogue.optics) {
    const proto::Optics& part = *entry.message;
    if (named.empty() ? part.price() > 0 && part.fibre_price() > 0 : name == named) {
      parts.optics.push_back({name, BytesPerSecond(SiOf(part.bandwidth(), Dimension::kBandwidth)),
                              Watts(SiOf(part.power(), Dimension::kPower)), part.price(),
                              part.fibre_price(),
                              IsEstimate(part, "price") || IsEstimate(part, "fibre_price")});
    }
  }
  std::sort(parts.optics.begin(), parts.optics.end(), [](const OpticsPart& a, const OpticsPart& b) {
    return std::make_tuple(a.bandwidth.si(), a.price_usd, a.name) <
           std::make_tuple(b.bandwidth.si(), b.price_usd, b.name);
  });
  return parts;
}

}  // namespace gridlock
