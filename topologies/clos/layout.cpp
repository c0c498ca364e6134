#include "topologies/clos/layout.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// Counts are 64-bit until they are known to be small: users type any number. These limits are far
// beyond any machine and keep every product below 2^63.
using Count = std::int64_t;
constexpr Count kServersMax = 10'000'000;
constexpr Count kPerServerMax = 1'000'000;
constexpr Count kPortsMax = 100'000;
// A fabric has a few links per accelerator, and links are numbered with 31 bits.
constexpr Count kAcceleratorsMax = std::numeric_limits<int>::max() / 16;

// 16 NICs of 400 Gbps over 0.1 x 800 Gbps must be 80, not 81, whatever the rounding of 0.1.
Count CeilOf(double x) {
  constexpr double kRounding = 1e-12;
  // Beyond any radix, but far from overflow when a few such counts are added.
  constexpr double kHuge = 1e15;
  return static_cast<Count>(std::ceil(std::min(x, kHuge) * (1.0 - kRounding)));
}

Count CeilDiv(Count a, Count b) {
  return (a + b - 1) / b;
}

int ToInt(Count count) {
  CHECK(count >= 0 && count <= std::numeric_limits<int>::max());
  return static_cast<int>(count);
}

class Planner {
 public:
  explicit Planner(const SiteSpec& site)
      : site_(site), clos_(std::get<ClosSpec>(site.fabric)), server_(site.server) {}

  ClosLayout LayOut();

 private:
  // Collects problems; LayOut throws them together.
  void Complain(std::string path, std::string message) {
    problems_.push_back({std::move(path), std::move(message)});
  }

  void ThrowProblems() const {
    if (!problems_.empty()) {
      throw UserError(problems_);
    }
  }

  void RequireCount(Count value, Count at_most, const std::string& path);
  void RequirePositive(double value, const std::string& path, const char* what);
  void CheckSizes();
  void CheckSwitchSizes(const SwitchSpec& spec, const std::string& path);
  void CheckLeaf();
  void CheckTiers();
  void CheckLeavesAlone();
  void CheckSpine();
  void CheckCore();
  void CheckPodOfRails();

  [[nodiscard]] Count LeafDown(Count servers_per_leaf) const;
  [[nodiscard]] Count LeafUp(Count servers_per_leaf, double oversubscription) const;
  [[nodiscard]] Count SpineUp(Count spine_down, double oversubscription) const;
  [[nodiscard]] Count ServersThatFitLeaf() const;
  [[nodiscard]] Count LeavesThatFitSpine(Count at_most) const;
  [[nodiscard]] static std::optional<double> FittingRatio(double down_over_up, Count free_ports);

  // Leaves that belong together: the rails of a group, or one.
  [[nodiscard]] Count LeavesPerGroup() const { return clos_.rail_optimized ? nics_per_server_ : 1; }

  [[nodiscard]] std::string Path(const char* field) const { return clos_.path + "." + field; }

  const SiteSpec& site_;
  const ClosSpec& clos_;
  const ServerSpec& server_;
  std::vector<Problem> problems_;
  Count nics_per_server_ = 0;
  Count ports_per_nic_ = 0;
  double nic_bandwidth_ = 0.0;  // byte/s of one summed NIC, as the fabric is built for
  double leaf_uplink_ = 0.0;    // byte/s
  double spine_uplink_ = 0.0;   // byte/s
  Count leaves_ = 0;
  Count pods_ = 0;
  Count uplinks_per_leaf_ = 0;
  Count spines_per_pod_ = 0;  // zero when no number of spines fits
  Count uplinks_per_spine_ = 0;
  Count cores_per_plane_ = 0;
};

void Planner::RequireCount(Count value, Count at_most, const std::string& path) {
  if (value <= 0) {
    Complain(path, fmt::format("{} given; at least 1 is needed", value));
  } else if (value > at_most) {
    Complain(path, fmt::format("{} given; at most {} are possible", value, at_most));
  }
}

void Planner::RequirePositive(double value, const std::string& path, const char* what) {
  if (!(value > 0.0) || !std::isfinite(value)) {
    Complain(path, fmt::format("{} must be positive and finite", what));
  }
}

void Planner::CheckSwitchSizes(const SwitchSpec& spec, const std::string& path) {
  if (spec.ports <= 0 || spec.ports > kPortsMax) {
    Complain(path, fmt::format("switch {} has {} ports; 1 to {} are possible", spec.name,
                               spec.ports, kPortsMax));
  }
  if (!(spec.port_bandwidth.si() > 0.0) || !std::isfinite(spec.port_bandwidth.si())) {
    Complain(path, fmt::format("switch {} has no port bandwidth", spec.name));
  }
}

void Planner::CheckSizes() {
  RequireCount(site_.servers, kServersMax, site_.path + ".servers");
  RequireCount(server_.accelerators, kPerServerMax, server_.path + ".accelerators");
  RequireCount(server_.nics, kPerServerMax, server_.path + ".nics");
  RequirePositive(server_.nic_bandwidth.si(), server_.path + ".nic_bandwidth", "NIC bandwidth");
  if (server_.accelerators > 1) {
    RequirePositive(server_.accelerator.scale_up_bandwidth.si(),
                    server_.accelerator.path + ".scale_up_bandwidth", "scale-up bandwidth");
  }
  RequireCount(clos_.servers_per_leaf, kServersMax, Path("servers_per_leaf"));
  if (clos_.tiers != 1) {
    RequireCount(clos_.leaves_per_pod, kServersMax, Path("leaves_per_pod"));
  }
  RequirePositive(clos_.leaf_oversubscription, Path("leaf_oversubscription"), "oversubscription");
  CheckSwitchSizes(clos_.leaf, Path("leaf_switch"));
  if (clos_.tiers != 1) {
    CheckSwitchSizes(clos_.spine, Path("spine_switch"));
  }
  if (clos_.tiers == 3) {
    RequirePositive(clos_.spine_oversubscription, Path("spine_oversubscription"),
                    "oversubscription");
    CheckSwitchSizes(clos_.core, Path("core_switch"));
  } else if (clos_.tiers < 1 || clos_.tiers > 3) {
    Complain(Path("tiers"),
             fmt::format("{} given; a Clos has 1 (leaf), 2 (leaf, spine) or 3 (leaf, "
                         "spine, core)",
                         clos_.tiers));
  }
  if (Count{site_.servers} * server_.accelerators > kAcceleratorsMax) {
    Complain(site_.path + ".servers",
             fmt::format("{} servers of {} accelerators are more than the {} accelerators that "
                         "links can be numbered for",
                         site_.servers, server_.accelerators, kAcceleratorsMax));
  }
}

Count Planner::LeafDown(Count servers_per_leaf) const {
  return servers_per_leaf * ports_per_nic_ * (clos_.rail_optimized ? 1 : nics_per_server_);
}

Count Planner::LeafUp(Count servers_per_leaf, double oversubscription) const {
  if (clos_.tiers == 1) {
    return 0;
  }
  const double nics =
      static_cast<double>(servers_per_leaf * (clos_.rail_optimized ? 1 : nics_per_server_));
  return CeilOf(nics * nic_bandwidth_ / (oversubscription * leaf_uplink_));
}

Count Planner::SpineUp(Count spine_down, double oversubscription) const {
  if (clos_.tiers != 3) {
    return 0;
  }
  return CeilOf(static_cast<double>(spine_down) * leaf_uplink_ /
                (oversubscription * spine_uplink_));
}

// The smallest oversubscription, rounded up to three decimals, that needs at most `free_ports`
// uplinks; none when no port is free.
std::optional<double> Planner::FittingRatio(double down_over_up, Count free_ports) {
  if (free_ports <= 0) {
    return std::nullopt;
  }
  constexpr double kDecimals = 1000.0;
  const double exact = down_over_up / static_cast<double>(free_ports);
  return static_cast<double>(CeilOf(exact * kDecimals)) / kDecimals;
}

// Most servers under one leaf at the oversubscription that was asked for; 0 when not even one fits.
Count Planner::ServersThatFitLeaf() const {
  for (Count servers = clos_.leaf.ports; servers > 0; --servers) {
    if (LeafDown(servers) + LeafUp(servers, clos_.leaf_oversubscription) <= clos_.leaf.ports) {
      return servers;
    }
  }
  return 0;
}

// Most leaves of whole groups under spines that have one link from each leaf; 0 when none fits.
Count Planner::LeavesThatFitSpine(Count at_most) const {
  const Count group = LeavesPerGroup();
  const Count start = std::min<Count>(at_most, clos_.spine.ports) / group * group;
  for (Count leaves = start; leaves > 0; leaves -= group) {
    if (leaves + SpineUp(leaves, clos_.spine_oversubscription) <= clos_.spine.ports) {
      return leaves;
    }
  }
  return 0;
}

// "; lower A or raise B", from the remedies that exist.
std::string Remedies(const std::vector<std::string>& remedies) {
  if (remedies.empty()) {
    return "; use a switch with more ports";
  }
  return fmt::format("; {}", fmt::join(remedies, " or "));
}

void Planner::CheckLeaf() {
  const Count down = LeafDown(clos_.servers_per_leaf);
  uplinks_per_leaf_ = LeafUp(clos_.servers_per_leaf, clos_.leaf_oversubscription);
  if (down + uplinks_per_leaf_ <= clos_.leaf.ports) {
    return;
  }
  std::vector<std::string> remedies;
  if (const Count fit = ServersThatFitLeaf(); fit > 0) {
    remedies.push_back(fmt::format("lower servers_per_leaf to {}", fit));
  }
  const double nics = static_cast<double>(down) / static_cast<double>(ports_per_nic_);
  if (const auto ratio =
          FittingRatio(nics * nic_bandwidth_ / leaf_uplink_, clos_.leaf.ports - down)) {
    remedies.push_back(fmt::format("raise leaf_oversubscription to {:.4g}", *ratio));
  }
  Complain(Path("leaf_switch"),
           fmt::format("a leaf of {} has {} ports; {} down + {} up = {} are needed{}",
                       clos_.leaf.name, clos_.leaf.ports, down, uplinks_per_leaf_,
                       down + uplinks_per_leaf_, Remedies(remedies)));
}

void Planner::CheckPodOfRails() {
  const Count rails = LeavesPerGroup();
  if (pods_ > 1 && clos_.leaves_per_pod % rails != 0) {
    Complain(Path("leaves_per_pod"),
             fmt::format("{} leaves do not hold whole groups of {} rails; use a multiple of {}",
                         clos_.leaves_per_pod, rails, rails));
  }
}

// Leaves alone: one, or one for each rail, between which only servers forward.
void Planner::CheckLeavesAlone() {
  const Count group = LeavesPerGroup();
  if (leaves_ > group) {
    Complain(Path("tiers"),
             fmt::format("one tier is one leaf{}, and {} servers with {} under each need {}; lower "
                         "servers to {} or use tiers: 2",
                         group > 1 ? " for each rail" : "", site_.servers, clos_.servers_per_leaf,
                         leaves_ / group, clos_.servers_per_leaf));
  }
  if (group > 1 && !clos_.rail_forwarding) {
    Complain(Path("tiers"),
             "without spines one rail reaches another only through a server; use "
             "rail_forwarding: true or tiers: 2");
  }
}

void Planner::CheckTiers() {
  if (clos_.tiers == 1) {
    return CheckLeavesAlone();
  }
  if (clos_.tiers != 2 || pods_ <= 1) {
    return;
  }
  const Count group = LeavesPerGroup();
  const Count servers_per_leaf = ServersThatFitLeaf();
  const Count groups = clos_.spine.ports / group;
  const Count most = groups * servers_per_leaf * server_.accelerators;
  if (servers_per_leaf == 0) {
    return;  // CheckLeaf has said that no leaf holds a server
  }
  if (groups == 0) {
    Complain(Path("spine_switch"),
             fmt::format("a spine of {} has {} ports, and the {} leaves of one group of rails need "
                         "{}; use a spine with more ports or rail_optimized: false",
                         clos_.spine.name, clos_.spine.ports, group, group));
    return;
  }
  std::string remedy = "use tiers: 3";
  if (leaves_ <= groups * group) {
    remedy = fmt::format("raise leaves_per_pod to {}", leaves_);
  } else if (site_.servers <= groups * servers_per_leaf) {
    remedy = fmt::format("set servers_per_leaf to {} and leaves_per_pod to {}", servers_per_leaf,
                         CeilDiv(site_.servers, servers_per_leaf) * group);
  }
  Complain(Path("tiers"),
           fmt::format("two tiers are one pod, but {} leaves of {} per pod make {} pods; two tiers "
                       "of {} and {} carry at most {} accelerators ({} under each {}, {} leaves), "
                       "and the site has {}; {}",
                       leaves_, clos_.leaves_per_pod, pods_, clos_.leaf.name, clos_.spine.name,
                       most, servers_per_leaf * server_.accelerators,
                       group > 1 ? "group of rail leaves" : "leaf", groups * group,
                       Count{site_.servers} * server_.accelerators, remedy));
}

void Planner::CheckSpine() {
  if (clos_.tiers == 1) {
    return;
  }
  const Count leaves = clos_.leaves_per_pod;
  const Count most_uplinks = clos_.leaf.ports;  // CheckLeaf has complained when there are more
  if (uplinks_per_leaf_ > most_uplinks) {
    return;
  }
  for (Count spines = 1; spines <= uplinks_per_leaf_; ++spines) {
    const Count down = leaves * (uplinks_per_leaf_ / spines);
    const Count up = SpineUp(down, clos_.spine_oversubscription);
    if (uplinks_per_leaf_ % spines == 0 && down + up <= clos_.spine.ports) {
      spines_per_pod_ = spines;
      uplinks_per_spine_ = up;
      return;
    }
  }
  const Count up = SpineUp(leaves, clos_.spine_oversubscription);
  std::vector<std::string> remedies;
  if (const Count fit = LeavesThatFitSpine(leaves); fit > 0) {
    remedies.push_back(fmt::format("lower leaves_per_pod to {}", fit));
  }
  if (clos_.tiers == 3) {
    if (const auto ratio = FittingRatio(static_cast<double>(leaves) * leaf_uplink_ / spine_uplink_,
                                        clos_.spine.ports - leaves)) {
      remedies.push_back(fmt::format("raise spine_oversubscription to {:.4g}", *ratio));
    }
  }
  Complain(Path("spine_switch"),
           fmt::format("a spine of {} has {} ports; with one link from each leaf {} down + {} up = "
                       "{} are needed{}",
                       clos_.spine.name, clos_.spine.ports, leaves, up, leaves + up,
                       Remedies(remedies)));
}

void Planner::CheckCore() {
  if (clos_.tiers != 3) {
    return;
  }
  for (Count cores = 1; cores <= uplinks_per_spine_; ++cores) {
    if (uplinks_per_spine_ % cores == 0 &&
        pods_ * (uplinks_per_spine_ / cores) <= clos_.core.ports) {
      cores_per_plane_ = cores;
      return;
    }
  }
  if (pods_ <= clos_.core.ports) {
    return;  // CheckSpine has complained, so the uplinks are not known
  }
  std::vector<std::string> remedies;
  const Count group = LeavesPerGroup();
  const Count wider = CeilDiv(CeilDiv(leaves_, clos_.core.ports), group) * group;
  if (LeavesThatFitSpine(wider) == wider) {
    remedies.push_back(fmt::format("raise leaves_per_pod to {}", wider));
  }
  const Count groups = Count{clos_.core.ports} * (clos_.leaves_per_pod / group);
  if (groups > 0) {
    remedies.push_back(fmt::format("lower servers to {}", groups * clos_.servers_per_leaf));
  }
  Complain(Path("core_switch"),
           fmt::format("a core of {} has {} ports, one for each pod; {} are needed{}",
                       clos_.core.name, clos_.core.ports, pods_, Remedies(remedies)));
}

ClosLayout Planner::LayOut() {
  CheckSizes();
  ThrowProblems();

  nics_per_server_ = server_.nics_seen();
  const double built_for = std::max(server_.nic_bandwidth, server_.fabric_nic_bandwidth).si();
  nic_bandwidth_ = server_.nics_each() * built_for;
  const double leaf_port = clos_.leaf.port_bandwidth.si();
  ports_per_nic_ = CeilDiv(server_.nics, server_.accelerators) *
                   std::min(CeilOf(built_for / leaf_port), kPortsMax);
  leaf_uplink_ =
      clos_.tiers == 1 ? leaf_port : std::min(leaf_port, clos_.spine.port_bandwidth.si());
  if (clos_.tiers == 3) {
    spine_uplink_ = std::min(clos_.spine.port_bandwidth.si(), clos_.core.port_bandwidth.si());
  }
  leaves_ = CeilDiv(site_.servers, clos_.servers_per_leaf) * LeavesPerGroup();
  const Count leaves_per_pod = clos_.tiers == 1 ? leaves_ : clos_.leaves_per_pod;
  pods_ = CeilDiv(leaves_, leaves_per_pod);
  CheckLeaf();
  CheckPodOfRails();
  CheckTiers();
  CheckSpine();
  CheckCore();
  ThrowProblems();

  return {.accelerators = ToInt(Count{site_.servers} * server_.accelerators),
          .nics_per_server = ToInt(nics_per_server_),
          .nics = ToInt(site_.servers * nics_per_server_),
          .ports_per_nic = ToInt(ports_per_nic_),
          .nic_bandwidth = server_.nic_bandwidth * server_.nics_each(),
          .nics_per_leaf = ToInt(LeafDown(clos_.servers_per_leaf) / ports_per_nic_),
          .leaves = ToInt(leaves_),
          .leaves_per_pod = ToInt(leaves_per_pod),
          .pods = ToInt(pods_),
          .uplinks_per_leaf = ToInt(uplinks_per_leaf_),
          .spines_per_pod = ToInt(spines_per_pod_),
          .links_per_spine = ToInt(spines_per_pod_ > 0 ? uplinks_per_leaf_ / spines_per_pod_ : 0),
          .uplinks_per_spine = ToInt(uplinks_per_spine_),
          .cores_per_plane = ToInt(cores_per_plane_),
          .links_per_core = ToInt(cores_per_plane_ > 0 ? uplinks_per_spine_ / cores_per_plane_ : 0),
          .cores = ToInt(spines_per_pod_ * cores_per_plane_),
          .leaf_uplink = BytesPerSecond(leaf_uplink_),
          .spine_uplink = BytesPerSecond(spine_uplink_)};
}

}  // namespace

ClosLayout LayOutClos(const SiteSpec& site) {
  return Planner(site).LayOut();
}

}  // namespace gridlock
