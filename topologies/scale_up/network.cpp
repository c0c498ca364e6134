#include "topologies/scale_up/network.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/scale_up/check.h"
#include "topologies/scale_up/torus.h"

namespace gridlock {

ServerNetwork::ServerNetwork(const ServerSpec& server) : server_(CheckedNetwork(server)) {
  links_.SetNodes(Machine::kAccelerator, server_.accelerators);
  links_.SetNodes(Machine::kNic, server_.nics_seen());
  links_.SetNodes(Machine::kSpine, has_ports() && spec_.group > 0 ? 1 : 0);
  if (has_pcie()) {
    links_.SetNodes(Machine::kPcieSwitch, spec_.pcie.switches);
    links_.SetNodes(Machine::kSocket, spec_.pcie.sockets);
  }
  links_.SetNodes(Machine::kChip, has_chips() ? chips() : 0);
  switch (spec_.links) {
    case ScaleUpSpec::Links::kSwitch:
      AddSwitch();
      break;
    case ScaleUpSpec::Links::kMesh:
      AddMesh();
      AddCores();
      break;
    case ScaleUpSpec::Links::kNone:
      break;
  }
  if (has_pcie()) {
    pcie_.emplace(server_, links_);
  }
  if (spec_.is_torus()) {
    relay_ = TorusRelays(spec_, chips());
  } else if (spec_.links == ScaleUpSpec::Links::kMesh && !has_pcie()) {
    FindWays();
  }
}

int ServerNetwork::nic_of(int accelerator) const {
  const std::int64_t nics = nodes(Machine::kNic);
  return static_cast<int>(accelerator * nics / server_.accelerators);
}

// The ports of a switch whose chips stand side by side; its machine is not numbered here, because
// every topology draws it already.
void ServerNetwork::AddSwitch() {
  const BytesPerSecond port = server_.accelerator.scale_up_bandwidth;
  for (int a = 0; a < server_.accelerators; ++a) {
    links_.AddBothWays({Kind::kPort, port, "scale_up_out", Machine::kAccelerator, a, -1, a, -1},
                       "scale_up_in");
  }
  for (int first = 0, g = 0; spec_.group > 0 && first < server_.accelerators;
       first += spec_.group, ++g) {
    // The links of a full group, also where the last one has free places.
    const BytesPerSecond up = port * (spec_.group / spec_.oversubscription);
    links_.AddBothWays({Kind::kSpine, up, "scale_up_spine_out", Machine::kSpine, g, -1, -1,
                        node(Machine::kSpine, 0)},
                       "scale_up_spine_in");
  }
}

// The links of pairs that differ, and the speed of each.
void ServerNetwork::ReadPairs(std::vector<double>& speed) {
  const int n = chips();
  for (const MeshPair& pair : spec_.pairs) {
    const int there = counts_.links[pair.a * n + pair.b];
    if (spec_.is_torus() && pair.links != there) {
      throw UserError(
          spec_.path + ".mesh.pair",
          fmt::format("{} links join accelerators {} and {}, and in the torus there are "
                      "{}; expected links: {}, with a speed",
                      pair.links, pair.a, pair.b, there, there));
    }
    for (const int at : {pair.a * n + pair.b, pair.b * n + pair.a}) {
      counts_.links[at] = pair.links;
      speed[at] = pair.speed;
    }
  }
}

void ServerNetwork::AddMesh() {
  const int n = chips();
  counts_ = CountsWithoutPairs(spec_, n);
  std::vector<double> speed(counts_.links.size(), 1.0);
  int each = spec_.links_each;
  if (spec_.is_torus()) {
    CountTorusLinks(spec_, counts_);
    each = 2 * static_cast<int>(spec_.torus.size());
  }
  ReadPairs(speed);
  for (int a = 0; spec_.links_each == 0 && !spec_.is_torus() && a < n; ++a) {
    each = std::max(each, counts_.Of(a));
  }
  const Machine ends = has_chips() ? Machine::kChip : Machine::kAccelerator;
  mesh_.assign(counts_.links.size(), -1);
  for (int a = 0; a < n; ++a) {
    for (int b = 0; b < n; ++b) {
      const int at = a * n + b;
      if (counts_.links[at] > 0) {
        const BytesPerSecond capacity = server_.accelerator.scale_up_bandwidth *
                                        (speed[at] * counts_.links[at] * spec_.cores / each);
        mesh_[at] = links_.Add({Kind::kMesh, capacity, "mesh", ends, a, b, node(ends, a),
                                node(ends, b), counts_.links[at]});
      }
    }
  }
}

void ServerNetwork::AddCores() {
  cores_first_ = links_.next();
  for (int a = 0; has_chips() && a < server_.accelerators; ++a) {
    links_.AddBothWays({Kind::kChip, spec_.core_link, "chip_out", Machine::kAccelerator, a, -1, a,
                        node(Machine::kChip, chip_of(a))},
                       "chip_in");
  }
}

// Every two accelerators of a mesh without PCIe beside it reach each other.
void ServerNetwork::FindWays() {
  ways_.emplace(counts_);
  const int n = chips();
  for (int to = 0; to < n; ++to) {
    for (int from = 0; from < n; ++from) {
      if (from != to && ways_->Of(from, to).empty()) {
        throw UserError(spec_.path + ".mesh",
                        fmt::format("no way over links leads from accelerator {} to accelerator "
                                    "{}; expected a mesh in one piece, or pcie beside it",
                                    from, to));
      }
    }
  }
}

void ServerNetwork::AppendRelayed(int from, int to, std::vector<int>& route) const {
  const int n = chips();
  if (ways_) {
    for (const int next : ways_->Of(from, to)) {
      route.push_back(mesh_[from * n + next]);
      from = next;
    }
    return;
  }
  while (from != to) {
    const int next = relay_[from * n + to];
    route.push_back(mesh_[from * n + next]);
    from = next;
  }
}

void ServerNetwork::AppendRoute(int from, int to, std::vector<int>& route) const {
  if (!has_chips()) {
    return AppendBetween(from, to, route);
  }
  route.push_back(core_link(from, /*out=*/true));
  if (chip_of(from) != chip_of(to)) {
    AppendBetween(chip_of(from), chip_of(to), route);
  }
  route.push_back(core_link(to, /*out=*/false));
}

// Between two accelerators that have links of their own, or between two chips.
void ServerNetwork::AppendBetween(int from, int to, std::vector<int>& route) const {
  if (has_ports()) {
    route.push_back(port(from, /*out=*/true));
    if (spec_.group > 0 && from / spec_.group != to / spec_.group) {
      const int first = 2 * server_.accelerators;
      route.push_back(first + 2 * (from / spec_.group));
      route.push_back(first + 2 * (to / spec_.group) + 1);
    }
    route.push_back(port(to, /*out=*/false));
    return;
  }
  const int link = mesh_.empty() ? -1 : mesh_[from * chips() + to];
  if (link >= 0) {
    route.push_back(link);
  } else if (relay_.empty() && !ways_) {
    pcie_->AppendRoute(from, to, route);
  } else {
    AppendRelayed(from, to, route);
  }
}

void ServerNetwork::AppendToNic(int accelerator, std::vector<int>& route) const {
  if (has_pcie()) {
    pcie_->AppendToNic(accelerator, nic_of(accelerator), route);
  }
}

void ServerNetwork::AppendFromNic(int accelerator, std::vector<int>& route) const {
  if (has_pcie()) {
    pcie_->AppendFromNic(nic_of(accelerator), accelerator, route);
  }
}

const ServerNetwork::Ring& ServerNetwork::RingOf(const std::vector<int>& members) const {
  CHECK(members.size() > 1);
  const auto known = rings_.find(members);
  if (known != rings_.end()) {
    return known->second;
  }
  return rings_.emplace(members, has_chips() ? CoreRing(members) : NodeRing(members)).first->second;
}

// All that goes round leaves each chip once, and each core of it.
ServerNetwork::Ring ServerNetwork::CoreRing(const std::vector<int>& members) const {
  std::vector<int> chips;
  int most = 0;  // cores of one chip
  int here = 0;
  for (const int core : members) {
    if (chips.empty() || chips.back() != chip_of(core)) {
      chips.push_back(chip_of(core));
      here = 0;
    }
    most = std::max(most, ++here);
  }
  Ring ring;
  if (chips.size() > 1) {
    ring = NodeRing(chips);
  }
  for (const int core : members) {
    ring.loads.emplace_back(core_link(core, /*out=*/true), ring.parts);
    ring.loads.emplace_back(core_link(core, /*out=*/false), ring.parts);
  }
  ring.steps = (ring.steps > 0 ? ring.steps : static_cast<int>(chips.size()) - 1) + most - 1;
  return ring;
}

ServerNetwork::Ring ServerNetwork::NodeRing(const std::vector<int>& members) const {
  Ring ring;
  if (spec_.is_torus()) {
    ring = TorusRing(members, spec_, mesh_, chips());
  }
  if (ring.loads.empty() && !mesh_.empty()) {
    ring = MeshRing(members);
  }
  if (ring.loads.empty() && has_pcie() && !has_ports() && !spec_.is_torus()) {
    ring = PcieRing(members);
  }
  if (ring.loads.empty()) {
    ring = RoutedRing(members);
  }
  return ring;
}

ServerNetwork::Ring ServerNetwork::MeshRing(const std::vector<int>& members) const {
  const auto n = static_cast<int>(members.size());
  LinkCounts counts{n, {}};
  for (const int a : members) {
    for (const int b : members) {
      counts.links.push_back(LinksBetween(a, b));
    }
  }
  RingSet set;
  if (!spec_.is_torus() || n <= kSearchedMost) {
    set = PackRings(counts);
  }
  Ring ring;
  ring.parts = std::max(set.rings, 1);
  for (int i = 0; set.rings > 0 && i < n; ++i) {
    for (int k = 0; k < n; ++k) {
      if (set.uses[i * n + k] > 0) {
        ring.loads.emplace_back(mesh_[members[i] * chips() + members[k]], set.uses[i * n + k]);
      }
    }
  }
  return ring;
}

// Members that mesh links join to each other, all with equally many links, in the order of the
// tree: socket by socket, switch by switch. Empty where links join some members of a piece only.
std::vector<std::vector<int>> ServerNetwork::Pieces(std::vector<int> members) const {
  std::stable_sort(members.begin(), members.end(), [this](int a, int b) {
    return pcie_->ComesBefore(a, b);
  });
  std::vector<std::vector<int>> pieces;
  for (const int a : members) {
    const auto joined = [&](int b) {
      return !mesh_.empty() && LinksBetween(a, b) > 0;
    };
    const auto piece = std::find_if(pieces.begin(), pieces.end(), [&](const auto& each) {
      return std::any_of(each.begin(), each.end(), joined);
    });
    if (piece == pieces.end()) {
      pieces.push_back({a});
      continue;
    }
    const int first = LinksBetween(a, piece->front());
    for (const int b : *piece) {
      if (first == 0 || LinksBetween(a, b) != first ||
          LinksBetween((*piece)[0], piece->back()) != (piece->size() > 1 ? first : 0)) {
        return {};
      }
    }
    piece->push_back(a);
  }
  return pieces;
}

// Rings over PCIe that pass through each piece once, in all orders of its m members alike. So each
// of its links carries 1 / m of the bytes, and of the links between two pieces each pair of members
// the same part. Members without mesh links are pieces of one: then it is a single ring that goes
// up and down each link of the tree once.
ServerNetwork::Ring ServerNetwork::PcieRing(const std::vector<int>& members) const {
  const std::vector<std::vector<int>> pieces = Pieces(members);
  if (pieces.size() < 2) {
    return {};
  }
  Ring ring;
  const auto size_of = [&](std::size_t i) {
    return static_cast<std::int32_t>(pieces[i % pieces.size()].size());
  };
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    ring.parts = std::lcm(ring.parts, size_of(i) * size_of(i + 1));
  }
  std::map<int, std::int32_t> weights;
  std::vector<int> route;
  const auto lay = [&](int from, int to, std::int32_t weight) {
    route.clear();
    AppendRoute(from, to, route);
    for (const int link : route) {
      weights[link] += weight;
    }
  };
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    for (const int a : pieces[i]) {
      for (const int b : pieces[i]) {
        if (a != b) {
          lay(a, b, ring.parts / size_of(i));
        }
      }
      for (const int b : pieces[(i + 1) % pieces.size()]) {
        lay(a, b, ring.parts / (size_of(i) * size_of(i + 1)));
      }
    }
  }
  ring.loads.assign(weights.begin(), weights.end());
  return ring;
}

// A ring in the order of the members, over whatever way leads from one to the next, and over links
// of a mesh another one the other way round.
ServerNetwork::Ring ServerNetwork::RoutedRing(const std::vector<int>& members) const {
  std::map<int, std::int32_t> weights;
  std::vector<int> route;
  for (std::size_t i = 0; i < members.size(); ++i) {
    route.clear();
    AppendBetween(members[i], members[(i + 1) % members.size()], route);
    if (!mesh_.empty()) {
      AppendBetween(members[(i + 1) % members.size()], members[i], route);
    }
    for (const int link : route) {
      ++weights[link];
    }
  }
  return {{weights.begin(), weights.end()}, mesh_.empty() ? 1 : 2};
}

BytesPerSecond ServerNetwork::PaceOf(const Ring& ring) const {
  CHECK(!ring.loads.empty());
  BytesPerSecond pace;
  bool first = true;
  for (const auto& [link, weight] : ring.loads) {
    const BytesPerSecond own = links_.all()[link].capacity * (1.0 * ring.parts / weight);
    pace = first ? own : std::min(pace, own);
    first = false;
  }
  return pace;
}

std::vector<std::string> ServerNetwork::facts() const {
  std::vector<std::string> facts;
  if (spec_.links == ScaleUpSpec::Links::kMesh) {
    const auto least = std::min_element(counts_.links.begin(), counts_.links.end());
    int joined = 0, links = 0;
    for (const int count : counts_.links) {
      joined += count > 0 ? 1 : 0;
      links += count;
    }
    CHECK(least != counts_.links.end());
    facts.push_back(fmt::format(
        "inside a server: {} of {} pairs{} are joined by links, {} links in all", joined / 2,
        chips() * (chips() - 1) / 2, has_chips() ? " of chips" : "", links / 2));
  }
  if (has_chips()) {
    facts.push_back(
        fmt::format("inside a server: {} accelerators share the links of a chip, {} each to it",
                    spec_.cores, FormatBandwidth(spec_.core_link)));
  }
  if (spec_.group > 0 && has_ports()) {
    facts.push_back(
        fmt::format("inside a server: groups of {} accelerators, {:.3g}:1 to the second "
                    "tier of switches",
                    spec_.group, spec_.oversubscription));
  }
  if (has_pcie()) {
    facts.push_back(
        fmt::format("inside a server: PCIe with {} sockets and {} switches, {} per "
                    "accelerator{}",
                    spec_.pcie.sockets, spec_.pcie.switches, FormatBandwidth(pcie_->link()),
                    spec_.pcie.through_host ? ", through host memory" : ""));
  }
  return facts;
}

std::vector<BytesPerSecond> RingBandwidths(const ServerSpec& server) {
  std::vector<BytesPerSecond> paces;
  if (server.network.plain() || server.direct || server.accelerators == 1) {
    return paces;
  }
  const ServerNetwork network(server);
  // Nobody sends alone; the pace of two stands for it. One core of a chip stands for all of them.
  const int cores = server.network.cores;
  std::vector<int> members{0};
  BytesPerSecond pace = server.network.core_link;
  for (int a = 1; a < server.accelerators; ++a) {
    if (a % cores == 0) {
      members.push_back(a);
      pace = network.PaceOf(network.RingOf(members));
    }
    paces.push_back(pace);
  }
  paces.insert(paces.begin(), 2, paces.front());
  return paces;
}

}  // namespace gridlock
