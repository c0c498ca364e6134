#pragma once

// The network of a site as everybody outside of topologies/ sees it: links with a tier and a
// capacity, the route of every flow, and how servers are grouped. Each kind of network is a folder
// beside this file (clos/, torus/, hyperx/, listed/) with a class derived from Topology; see
// README.md. Links inside servers that are no ports of one ideal switch come on top of any of them
// (scale_up/topology.h).

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/index.h"
#include "sim/base/units.h"
#include "topologies/locality.h"
#include "topologies/machine.h"
#include "topologies/tier.h"

namespace gridlock {

struct Wiring;
struct CutProblem;
struct RouteGraph;

/// A link that a flow crosses, and how many of Topology::parts() of the flow it carries.
struct LinkShare {
  LinkIndex link;
  std::int32_t parts = 1;
};

/// Machines of one kind that a topology consists of, beside its servers.
struct Equipment {
  std::string name, plural;  ///< "leaf", "leaves"
  std::string model;         ///< entry of the catalogue; empty: not known
  std::int64_t count = 0;
  Watts power;  ///< of one, without its optics
};

/// Machines that a link joins, as Topology::route_graph names them.
struct LinkEnds {
  std::string from, to;
};

/// How often something stands on a link.
struct LinkLoad {
  LinkIndex link;
  std::int32_t weight = 1;
};

/// The network of one site. Immutable. Links are numbered from 0; each is one direction. Two
/// accelerators of a scale-up domain (ServerSpec::direct is false) reach each other through ports
/// of a switch, or as the network of the server says; all other routes are the topology's own.
class Topology {
 public:
  virtual ~Topology() = default;

  [[nodiscard]] const SiteSpec& site() const { return site_; }

  [[nodiscard]] int servers() const { return site_.servers; }

  [[nodiscard]] int server_size() const { return site_.server.accelerators; }

  [[nodiscard]] int accelerators() const { return site_.servers * site_.server.accelerators; }

  [[nodiscard]] ServerIndex server_of(AcceleratorIndex a) const {
    return {a.value / server_size()};
  }

  [[nodiscard]] bool same_domain(AcceleratorIndex a, AcceleratorIndex b) const {
    return !site_.server.direct && server_of(a) == server_of(b);
  }

  /// How the site is divided, behind its counts of servers: "4 pods of up to 32 leaves".
  [[nodiscard]] virtual std::string shape() const = 0;

  /// What `gridlock topo` says of the network beside the counts, one line each, without line ends.
  [[nodiscard]] virtual std::vector<std::string> facts() const = 0;

  /// The tiers that this topology adds between NICs and wide-area links.
  [[nodiscard]] virtual std::vector<Tier> tiers() const = 0;

  [[nodiscard]] virtual int links() const = 0;

  /// TierTable::kScaleUp, kNic, or kFirstOwn + i for tiers()[i].
  [[nodiscard]] virtual TierIndex tier(LinkIndex link) const = 0;

  /// Per direction. Parallel links over which traffic is sprayed are one link.
  [[nodiscard]] virtual BytesPerSecond capacity(LinkIndex link) const = 0;

  /// A name for people: "nic_up[17]".
  [[nodiscard]] virtual std::string name(LinkIndex link) const = 0;

  /// The machines at its two ends.
  [[nodiscard]] virtual LinkEnds ends(LinkIndex link) const = 0;

  /// Whether the link can set the pace at all. A bundle that carries all that the NICs below it can
  /// send cannot.
  [[nodiscard]] virtual bool can_bind(LinkIndex link) const = 0;

  /// The port of an accelerator into and out of its switched scale-up domain. Not to be asked of a
  /// direct network.
  [[nodiscard]] virtual LinkIndex scale_up_out(AcceleratorIndex a) const = 0;
  [[nodiscard]] virtual LinkIndex scale_up_in(AcceleratorIndex a) const = 0;

  /// Accelerators of a server come in units of this many, one after another, that are alike: when
  /// two units change places in every server at once, every route becomes one of links alike, and
  /// only links that belong to a unit change places. Eight accelerators with a NIC each that lead
  /// to one leaf, or to rails alike, are units of 1; with four NICs they are units of 2.
  /// server_size(): no two are known to be alike, because routes are hashed, or places in a server
  /// differ.
  [[nodiscard]] virtual int unit_size() const { return server_size(); }

  /// Whether a link belongs to a unit, as a port, a NIC and the leaf of a rail do.
  [[nodiscard]] virtual bool belongs_to_unit(LinkIndex /*link*/) const { return false; }

  /// Appends the links of a ring of `members`, which rise and lie in one scale-up domain, and
  /// returns into how many parts it splits its bytes: of n bytes that each member sends to the
  /// next, a link of weight w carries n w / parts. Through a switch that is one ring over all
  /// ports. Over links between accelerators it is as many rings as the links allow, side by side.
  virtual std::int32_t AppendRing(std::span<const AcceleratorIndex> members,
                                  std::vector<LinkLoad>& loads) const {
    for (const AcceleratorIndex a : members) {
      loads.push_back({scale_up_out(a)});
      loads.push_back({scale_up_in(a)});
    }
    return 1;
  }

  /// A ring of accelerators of a torus that uses all their links at once.
  struct DirectRing {
    std::int32_t parts = 0;  ///< 0: none, the ring goes from member to member
    int steps = 0;           ///< of one round; 0: one less than members
  };

  /// Appends the links of rings over all dimensions and directions at once: of n bytes that each
  /// member sends, a link of weight w carries n w / parts. Inside a server there are steps alone.
  virtual DirectRing AppendDirectRing(std::span<const AcceleratorIndex> /*members*/,
                                      std::vector<LinkLoad>& /*loads*/) const {
    return {};
  }

  /// Appends the links from `from` to `to` (not equal). `flow_hash` picks among equal-cost links
  /// where the topology hashes flows.
  virtual void AppendRoute(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                           std::vector<LinkIndex>& route) const = 0;

  /// Into how many equal parts the packets of a flow are divided where they take several ways.
  [[nodiscard]] virtual std::int32_t parts() const { return 1; }

  /// Whether the way of a flow depends on the load that AppendShares is told.
  [[nodiscard]] virtual bool adapts() const { return false; }

  /// Appends all links that carry some of the flow from `from` to `to` (not equal), each with its
  /// parts; a link may stand several times. Where parts() is 1 and nothing adapts, they are those
  /// of AppendRoute, which else gives one of the ways. `load` says how many flows that were laid
  /// before cross each link of the site; empty: nothing is known of them.
  virtual void AppendShares(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                            std::span<const double> load, std::vector<LinkShare>& shares) const;

  /// The same where some of these links have failed: the ways that are left share the flow evenly.
  /// Returns false, and appends nothing, where the topology does not tell its ways apart or none is
  /// left.
  virtual bool AppendSharesAround(AcceleratorIndex /*from*/, AcceleratorIndex /*to*/,
                                  std::uint64_t /*flow_hash*/,
                                  const std::function<bool(LinkIndex)>& /*failed*/,
                                  std::vector<LinkShare>& /*shares*/) const {
    return false;
  }

  /// Appends the links from `from` to the border of the site, where wide-area links begin. No link
  /// of the border itself can bind.
  virtual void AppendExit(AcceleratorIndex from, std::uint64_t flow_hash,
                          std::vector<LinkIndex>& route) const = 0;

  /// Appends the links from the border to `to`.
  virtual void AppendEntry(AcceleratorIndex to, std::uint64_t flow_hash,
                           std::vector<LinkIndex>& route) const = 0;

  /// Whether a machine or link of this name (SiteSpec::failed) is part of a bundle, whose capacity
  /// is lower without it.
  [[nodiscard]] virtual bool IsInBundle(const std::string& /*name*/) const { return false; }

  /// Time of flight of the first byte over the switches on the way. 0 inside a scale-up domain,
  /// because there the latency is part of the fit of its collectives (CollectiveFit::step_latency).
  [[nodiscard]] virtual Seconds Latency(AcceleratorIndex from, AcceleratorIndex to) const = 0;

  /// The same between any accelerator and the border.
  [[nodiscard]] virtual Seconds LatencyToBorder() const = 0;

  [[nodiscard]] virtual const Locality& locality() const = 0;

  /// From the servers outwards.
  [[nodiscard]] virtual std::vector<Equipment> equipment() const = 0;

  /// Every machine and cable (graph.h), for checks and drawings.
  [[nodiscard]] virtual Wiring wiring() const = 0;

  /// Ways to halve the site and what a max flow needs to know (cut.h).
  [[nodiscard]] virtual CutProblem cut_problem() const = 0;

  /// The links as a graph in which shortest paths are the routes (listed/route_graph.h).
  [[nodiscard]] virtual RouteGraph route_graph() const = 0;

 protected:
  explicit Topology(SiteSpec site) : site_(std::move(site)) {}

  /// unit_size() where servers have `nics` NICs that are alike: the accelerators of one NIC, unless
  /// some NICs have more of them, or links inside the server tell accelerators apart.
  [[nodiscard]] int AcceleratorsOfANic(int nics) const {
    const bool alike =
        nics > 0 && server_size() % nics == 0 && site_.server.ring_bandwidths.empty();
    return alike ? server_size() / nics : server_size();
  }

 private:
  SiteSpec site_;
};

/// The topology that a site's fabric describes. Throws UserError (paths under site.path) when sizes
/// do not fit together: ports that run out, servers that fill no torus, a graph that is not
/// connected.
std::shared_ptr<const Topology> MakeTopology(const SiteSpec& site);

/// Power of all switches of a site.
Watts PowerOfSwitches(const Topology& topology);

/// Power of the transceivers at both ends of all cables of a site, from the NICs on. A cable has
/// one end for each of its directions, and an end draws SiteSpec::optics for its bandwidth.
Watts PowerOfOptics(const Topology& topology);

/// 64-bit mix (one step of splitmix64); used for hashes of flows so that they are the same
/// everywhere.
std::uint64_t MixHash(std::uint64_t x);

/// A number below `count` for one choice on the way of a flow. `stream` tells the choices of a flow
/// apart: choices of different streams are independent of each other. The remainder's bias is below
/// count / 2^64.
std::uint64_t HashPick(std::uint64_t flow_hash, std::uint64_t stream, std::uint64_t count);

}  // namespace gridlock
