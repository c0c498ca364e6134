#include "sim/interop/astra_network.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/numbers.h"
#include "sim/interop/key_values.h"

namespace gridlock {

namespace {

constexpr double kGibi = 1024.0 * 1024 * 1024;

// Keys of today's YAML, and those of the older JSON in the same places.
struct KeyNames {
  const char *kinds, *npus, *bandwidth, *latency;
};

constexpr KeyNames kToday{"topology", "npus_count", "bandwidth", "latency"};
constexpr KeyNames kBefore{"topologies-per-dim", "units-count", "link-bandwidth", "link-latency"};

class AstraReader {
 public:
  AstraReader(AstraNetwork& network, std::string_view text, bool decimal, ProblemList& problems)
      : network_(network),
        problems_(problems),
        giga_(decimal ? 1e9 : kGibi),
        keys_(ReadKeyValues(network.file, text, problems)) {}

  void Read() {
    if (!problems_.empty()) {
      return;
    }
    const bool before = Find("units-count") != nullptr || Find("topology-name") != nullptr;
    CheckKeys(before);
    const KeyNames& names = before ? kBefore : kToday;
    const WrittenKey* kinds = before ? KindsOfBefore() : Need(names.kinds);
    const WrittenKey* npus = Need(names.npus);
    const WrittenKey* bandwidth = Need(names.bandwidth);
    const WrittenKey* latency = Need(names.latency);
    if (kinds == nullptr || npus == nullptr || bandwidth == nullptr || latency == nullptr) {
      return;
    }
    const std::size_t count = kinds->values.size();
    for (const WrittenKey* key : {npus, bandwidth, latency}) {
      CheckCount(*key, count, kinds->name);
    }
    if (!problems_.empty()) {
      return;
    }
    for (std::size_t i = 0; i < count; ++i) {
      AstraDimension& dimension = network_.dimensions.emplace_back();
      dimension.kind = KindOf(kinds->values[i]);
      dimension.npus = static_cast<int>(Number(npus->values[i], 1, 1 << 20, /*whole=*/true));
      dimension.link = BytesPerSecond(giga_ * Number(bandwidth->values[i], 1e-9, 1e9));
      dimension.latency = Seconds(1e-9 * Number(latency->values[i], 0, 1e12));
    }
    if (before) {
      AddLinksAndLatencies();
    }
    network_.notes.push_back(giga_ == kGibi ? "1 GB/s of the file is 2^30 B/s, as ASTRA-sim counts"
                                            : "1 GB/s of the file is 10^9 B/s");
    CheckSize(*npus);
  }

 private:
  const WrittenKey* Find(const std::string& name) const {
    const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const WrittenKey& key) {
      return key.name == name;
    });
    return found == keys_.end() ? nullptr : &*found;
  }

  const WrittenKey* Need(const std::string& name) {
    const WrittenKey* key = Find(name);
    if (key == nullptr) {
      problems_.Add(
          {network_.file, 1, 1}, "",
          Refusal("the key " + Quoted(name) + " is missing", "one value for each dimension"));
    }
    return key;
  }

  void CheckKeys(bool before) {
    static const std::vector<std::string> kKnown = {"topology", "npus_count", "bandwidth",
                                                    "latency"};
    static const std::vector<std::string> kKnownBefore = {
        "topology-name", "topologies-per-dim", "dimensions-count", "dimension-type",
        "units-count",   "links-count",        "link-latency",     "link-bandwidth",
        "nic-latency",   "router-latency",     "hbm-latency",      "hbm-bandwidth",
        "hbm-scale",     "use-fast-version"};
    const std::vector<std::string>& known = before ? kKnownBefore : kKnown;
    for (const WrittenKey& key : keys_) {
      if (std::find(known.begin(), known.end(), key.name) == known.end()) {
        problems_.Add(key.where, "",
                      Refusal("there is no key " + Quoted(key.name),
                              "topology, npus_count, "
                              "bandwidth and latency, or the keys of the older JSON",
                              NearestName(key.name, known)));
      } else if (key.name.starts_with("hbm-")) {
        left_out_ += (left_out_.empty() ? "" : ", ") + key.name;
      }
    }
    if (!left_out_.empty()) {
      network_.notes.push_back("left out: " + left_out_);
    }
  }

  // "Torus2D" and the like name all dimensions at once; "Hierarchical" names them one by one.
  const WrittenKey* KindsOfBefore() {
    const WrittenKey* each = Find("topologies-per-dim");
    const WrittenKey* whole = Find("topology-name");
    if (each != nullptr || whole == nullptr || whole->values.empty()) {
      return each != nullptr ? each : Need("topologies-per-dim");
    }
    const WrittenKey* npus = Need("units-count");
    if (npus == nullptr) {
      return nullptr;
    }
    KeyedValue kind = whole->values.front();
    if (kind.text == "Torus2D" || kind.text == "Torus3D") {
      kind.text = "Ring";
    }
    implied_ = *whole;
    implied_.values.assign(npus->values.size(), kind);
    return &implied_;
  }

  void CheckCount(const WrittenKey& key, std::size_t count, const std::string& of) {
    if (key.values.size() != count) {
      problems_.Add(key.where, "",
                    Refusal(fmt::format("{} has {} values and {} has {}", key.name,
                                        key.values.size(), of, count),
                            "one for each dimension"));
    }
  }

  AstraDimension::Kind KindOf(const KeyedValue& value) {
    if (value.text == "Ring") {
      return AstraDimension::Kind::kRingLinks;
    }
    if (value.text == "FullyConnected" || value.text == "AllToAll") {
      return AstraDimension::Kind::kPairLinks;
    }
    if (value.text != "Switch") {
      problems_.Add(
          value.where, "",
          Refusal("there is no topology " + Quoted(value.text), "Ring, FullyConnected or Switch",
                  NearestName(value.text, {"Ring", "FullyConnected", "Switch"})));
    }
    return AstraDimension::Kind::kSwitchLinks;
  }

  double Number(const KeyedValue& value, double least, double most, bool whole = false) {
    const std::optional<double> number = ParseNumber(value.text);
    const bool good =
        number && *number >= least && *number <= most && (!whole || *number == std::floor(*number));
    if (!good) {
      problems_.Add(
          value.where, "",
          Refusal(Quoted(value.text) + " is out of range or no number",
                  fmt::format("a {}number from {} to {}", whole ? "whole " : "", least, most)));
    }
    return good ? *number : least;
  }

  // The older files give the links of an NPU in each dimension, and what cards and routers add.
  void AddLinksAndLatencies() {
    const std::size_t count = network_.dimensions.size();
    for (const char* name : {"nic-latency", "router-latency"}) {
      const WrittenKey* key = Find(name);
      for (std::size_t i = 0; key != nullptr && i < std::min(count, key->values.size()); ++i) {
        network_.dimensions[i].latency += Seconds(1e-9 * Number(key->values[i], 0, 1e12));
      }
    }
    const WrittenKey* links = Find("links-count");
    if (links == nullptr) {
      return;
    }
    CheckCount(*links, count, "units-count");
    for (std::size_t i = 0; i < std::min(count, links->values.size()); ++i) {
      AstraDimension& dimension = network_.dimensions[i];
      const double own = dimension.kind == AstraDimension::Kind::kRingLinks ? 2
                         : dimension.kind == AstraDimension::Kind::kSwitchLinks
                             ? 1
                             : dimension.npus - 1;
      const double given = Number(links->values[i], 1, 1e6, /*whole=*/true);
      dimension.link = dimension.link * (given / std::max(own, 1.0));
    }
  }

  void CheckSize(const WrittenKey& npus) {
    double product = 1;
    for (const AstraDimension& dimension : network_.dimensions) {
      product *= dimension.npus;
    }
    if (product < 2 || product > 1 << 20) {
      problems_.Add(npus.where, "",
                    Refusal(fmt::format("there are {:.0f} NPUs", product), "2 to 1048576"));
    }
  }

  AstraNetwork& network_;
  ProblemList& problems_;
  double giga_;
  std::vector<WrittenKey> keys_;
  WrittenKey implied_;
  std::string left_out_;
};

}  // namespace

int AstraNetwork::npus() const {
  int product = 1;
  for (const AstraDimension& dimension : dimensions) {
    product *= dimension.npus;
  }
  return product;
}

AstraNetwork ReadAstraNetwork(const std::string& file, std::string_view text, bool decimal,
                              ProblemList& problems) {
  AstraNetwork network;
  network.file = file;
  AstraReader(network, text, decimal, problems).Read();
  return network;
}

}  // namespace gridlock
