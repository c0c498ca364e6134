#include "topologies/jellyfish/topology.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"

namespace gridlock {

namespace {

std::string JellyfishOf(const JellyfishSpec& spec) {
  return fmt::format("Jellyfish of {} routers with {} links each", spec.routers, spec.router_links);
}

void CheckJellyfish(const SiteSpec& site) {
  const auto& spec = std::get<JellyfishSpec>(site.fabric);
  const auto refuse = [&](const char* field, const std::string& message) {
    throw UserError(spec.path + "." + field, message);
  };
  if (spec.routers < 2) {
    refuse("routers", fmt::format("{} given; at least 2 are needed", spec.routers));
  }
  if (spec.servers_per_router < 1) {
    refuse("servers_per_router",
           fmt::format("{} given; at least 1 is needed", spec.servers_per_router));
  }
  const int least = std::min(2, spec.routers - 1);  // a ring, or two routers and a link
  if (spec.router_links < least || spec.router_links >= spec.routers) {
    refuse(
        "router_links",
        fmt::format("{} links of a router to others, and there are {} routers; expected {} to {}",
                    spec.router_links, spec.routers, least, spec.routers - 1));
  }
  CheckNics(site.server, spec.router, spec.path + ".router_switch");
  RouterBudget budget;
  budget.path = spec.path;
  budget.what = "a " + JellyfishOf(spec);
  budget.routers = budget.hosts = spec.routers;
  budget.servers_per_router = spec.servers_per_router;
  budget.cables = std::int64_t{spec.routers} * spec.router_links / 2;
  budget.ports = {{"a router", "router_switch", &spec.router,
                   spec.servers_per_router * std::int64_t{NicsOf(site.server).per_server} *
                       PortsOfNic(site.server, spec.router),
                   spec.router_links, "expected fewer servers_per_router or router_links"}};
  CheckBudget(site, budget);
  CheckDetours(spec.routing, spec.routers, spec.path);
}

// Draws one graph.
class Drawing {
 public:
  Drawing(const JellyfishSpec& spec, std::uint64_t seed)
      : links_(spec.router_links),
        state_(MixHash(seed)),
        neighbours_(static_cast<std::size_t>(spec.routers)) {}

  void Draw() {
    std::vector<int> open(neighbours_.size());
    std::iota(open.begin(), open.end(), 0);
    while (JoinTwoOf(open)) {
    }
    // Routers with free ports are all joined to each other now: two of their ports, of one router
    // or of two, go into a link between others.
    for (int tries = 0; open.size() > 0 && tries < kTries; ++tries) {
      std::erase_if(open, [this](int router) {
        return Free(router) == 0;
      });
      if (!open.empty() && (open.size() > 1 || Free(open[0]) > 1)) {
        InsertIntoALink(open[0], Free(open[0]) > 1 ? open[0] : open[1]);
      }
    }
  }

  [[nodiscard]] bool Connected() const {
    std::vector<bool> seen(neighbours_.size());
    std::vector<int> queue{0};
    seen[0] = true;
    for (std::size_t i = 0; i < queue.size(); ++i) {
      for (const int next : neighbours_[queue[i]]) {
        if (!seen[next]) {
          seen[next] = true;
          queue.push_back(next);
        }
      }
    }
    return queue.size() == neighbours_.size();
  }

  [[nodiscard]] std::vector<RouterGraph::Cable> Cables() const {
    CableList cables;
    for (std::size_t a = 0; a < neighbours_.size(); ++a) {
      for (const int b : neighbours_[a]) {
        if (static_cast<int>(a) < b) {
          cables.Add(static_cast<int>(a), b, 0);
        }
      }
    }
    return std::move(cables).Take();
  }

 private:
  static constexpr int kTries = 10'000;

  std::size_t Below(std::size_t count) {
    state_ = MixHash(state_);
    return static_cast<std::size_t>(state_ % count);
  }

  [[nodiscard]] int Free(int router) const {
    return links_ - static_cast<int>(neighbours_[router].size());
  }

  [[nodiscard]] bool Joined(int a, int b) const {
    return std::binary_search(neighbours_[a].begin(), neighbours_[a].end(), b);
  }

  void Add(int router, int neighbour) {
    std::vector<int>& list = neighbours_[router];
    list.insert(std::lower_bound(list.begin(), list.end(), neighbour), neighbour);
  }

  void Remove(int router, int neighbour) {
    std::vector<int>& list = neighbours_[router];
    list.erase(std::lower_bound(list.begin(), list.end(), neighbour));
  }

  void Join(int a, int b) {
    Add(a, b);
    Add(b, a);
  }

  void JoinTwo(int a, int b, std::vector<int>& open) {
    Join(a, b);
    for (const int router : {a, b}) {
      if (Free(router) == 0) {
        open.erase(std::lower_bound(open.begin(), open.end(), router));
      }
    }
  }

  // Joins two routers of a rising list of those that have free ports; takes those without from the
  // list. False when no two can be joined.
  bool JoinTwoOf(std::vector<int>& open) {
    for (std::size_t tries = 0; open.size() > 1 && tries < 2 * open.size(); ++tries) {
      const int a = open[Below(open.size())];
      const int b = open[Below(open.size())];
      if (a != b && !Joined(a, b)) {
        JoinTwo(a, b, open);
        return true;
      }
    }
    for (const int a : open) {
      for (const int b : open) {
        if (a < b && !Joined(a, b)) {
          JoinTwo(a, b, open);
          return true;
        }
      }
    }
    return false;
  }

  // Takes a link that exists, and joins its one end to `a` and its other end to `b`, when neither
  // would be joined twice.
  void InsertIntoALink(int a, int b) {
    const auto x = static_cast<int>(Below(neighbours_.size()));
    if (x == a || x == b || Joined(a, x) || neighbours_[x].empty()) {
      return;
    }
    const int y = neighbours_[x][Below(neighbours_[x].size())];
    if (y == a || y == b || Joined(b, y)) {
      return;
    }
    Remove(x, y);
    Remove(y, x);
    Join(a, x);
    Join(b, y);
  }

  int links_;
  std::uint64_t state_;
  std::vector<std::vector<int>> neighbours_;  ///< by router, rising
};

// Draws a connected graph; empty when none was found.
std::vector<RouterGraph::Cable> DrawCables(const JellyfishSpec& spec) {
  // Random graphs of three links and more are connected almost surely; rings of two often are not.
  constexpr std::uint64_t kDrawings = 1000;
  for (std::uint64_t drawing = 0; drawing < kDrawings; ++drawing) {
    Drawing one(spec, spec.seed + (drawing << 32U));
    one.Draw();
    if (one.Connected()) {
      return one.Cables();
    }
  }
  return {};
}

// The same, remembered: a run looks at its network several times, and drawing takes the longest.
const std::vector<RouterGraph::Cable>& CablesOf(const JellyfishSpec& spec) {
  struct Known {
    int routers = 0, links = 0;
    std::uint64_t seed = 0;
    std::vector<RouterGraph::Cable> cables;
  };

  static Known known;
  if (known.routers != spec.routers || known.links != spec.router_links ||
      known.seed != spec.seed) {
    known = {spec.routers, spec.router_links, spec.seed, DrawCables(spec)};
  }
  return known.cables;
}

// Before anything is made of sizes that do not fit.
RouterGraph GenerateJellyfish(const SiteSpec& site) {
  CheckJellyfish(site);
  const auto& spec = std::get<JellyfishSpec>(site.fabric);
  RouterGraph graph;
  graph.kinds = {{"router", "routers", spec.router}};
  graph.kind_of.assign(static_cast<std::size_t>(spec.routers), 0);
  graph.tiers = {{"mesh", "the links between routers"}};
  graph.servers_per_router = spec.servers_per_router;
  graph.hosts.resize(static_cast<std::size_t>(spec.routers));
  std::iota(graph.hosts.begin(), graph.hosts.end(), 0);
  graph.cables = CablesOf(spec);
  if (!graph.cables.empty()) {
    return graph;
  }
  throw UserError(spec.path + ".router_links",
                  fmt::format("no connected graph of {} routers with {} links each was found; "
                              "expected 3 or more",
                              spec.routers, spec.router_links));
}

}  // namespace

std::string TitleOf(const JellyfishSpec& jellyfish) {
  return JellyfishOf(jellyfish) + ", " + WordsOf(jellyfish.routing);
}

JellyfishTopology::JellyfishTopology(const SiteSpec& site)
    : ShortestPathTopology(
          site, GenerateJellyfish(site), std::get<JellyfishSpec>(site.fabric).routing,
          AllNeighbours(
              site,
              {{"router", Locality::Every(std::get<JellyfishSpec>(site.fabric).servers_per_router,
                                          site.servers)}})) {}

std::string JellyfishTopology::shape() const {
  return "a " + JellyfishOf(jellyfish());
}

std::vector<std::string> JellyfishTopology::facts() const {
  const JellyfishSpec& spec = jellyfish();
  constexpr int kSources = 256;
  std::vector<std::string> facts = {
      fmt::format("routing: {}", WordsOf(spec.routing)),
      fmt::format("servers at each router: {}; graph of seed {}", spec.servers_per_router,
                  spec.seed),
      fmt::format("two routers are {} {} links apart",
                  routers() > kSources ? "at least" : "at most", DiameterOfRouters(kSources))};
  // B. Bollobas, "The isoperimetric number of random graphs", 1988, as section 4 of the paper uses
  // it; for almost every graph of this degree.
  const double degree = spec.router_links;
  const double links = routers() / 2.0 * (degree / 2 - std::sqrt(degree * std::log(2.0)));
  if (links > 0) {
    facts.push_back(
        fmt::format("between any two halves of the routers of almost every such graph: "
                    "at least {:.0f} links, {} per direction",
                    links, FormatBandwidth(spec.router.port_bandwidth * links)));
  }
  return facts;
}

std::vector<RouterTopology::Halving> JellyfishTopology::Halvings() const {
  Halving parity{"even | odd routers", {}};
  for (int router = 0; router < routers(); ++router) {
    parity.key.push_back(router % 2);
  }
  std::vector<Halving> all = RouterTopology::Halvings();
  all.push_back(parity);
  return all;
}

}  // namespace gridlock
