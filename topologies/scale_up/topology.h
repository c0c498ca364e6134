#pragma once

// A topology between servers, with the links inside of its servers on top.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "topologies/scale_up/network.h"
#include "topologies/topology.h"

namespace gridlock {

/// Links: first those inside the servers, server by server, then those of the topology between
/// servers without its ideal ports. Traffic between servers goes from an accelerator to its NIC
/// inside the server, then as the topology says.
class ServersTopology final : public Topology {
 public:
  /// `between` must be a topology of the same site. Throws UserError as ServerNetwork does, and
  /// when a graph from a file or a direct network has links inside servers of its own.
  ServersTopology(const SiteSpec& site, std::shared_ptr<const Topology> between);

  [[nodiscard]] const ServerNetwork& inside() const { return inside_; }

  [[nodiscard]] std::string shape() const override { return between_->shape(); }

  [[nodiscard]] std::vector<std::string> facts() const override;

  /// Those inside servers that there are links of ("mesh", "pcie", ...), then those between them.
  [[nodiscard]] std::vector<Tier> tiers() const override;

  [[nodiscard]] int links() const override { return first_between_ + between_->links() - ports_; }

  [[nodiscard]] TierIndex tier(LinkIndex link) const override;
  [[nodiscard]] BytesPerSecond capacity(LinkIndex link) const override;

  /// "mesh[8->11]", "pcie_up[3]", "pcie_switch_up[2]", "socket_link[0->1]", "host_memory[1]":
  /// machines are numbered through the site. Others as the topology between servers names them.
  [[nodiscard]] std::string name(LinkIndex link) const override;

  /// The memory of a host is at both ends of itself.
  [[nodiscard]] LinkEnds ends(LinkIndex link) const override;

  [[nodiscard]] bool can_bind(LinkIndex link) const override;

  /// Not to be asked where accelerators have no ports.
  [[nodiscard]] LinkIndex scale_up_out(AcceleratorIndex a) const override;
  [[nodiscard]] LinkIndex scale_up_in(AcceleratorIndex a) const override;

  std::int32_t AppendRing(std::span<const AcceleratorIndex> members,
                          std::vector<LinkLoad>& loads) const override;

  /// Steps alone, and no links: those of AppendRing's rings over the axes of a torus in a server.
  DirectRing AppendDirectRing(std::span<const AcceleratorIndex> members,
                              std::vector<LinkLoad>& loads) const override;

  [[nodiscard]] std::int32_t parts() const override { return between_->parts(); }

  [[nodiscard]] bool adapts() const override { return between_->adapts(); }

  /// What the topology between servers forwards over ideal ports goes inside the server instead.
  void AppendRoute(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                   std::vector<LinkIndex>& route) const override;
  void AppendShares(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                    std::span<const double> load, std::vector<LinkShare>& shares) const override;
  bool AppendSharesAround(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                          const std::function<bool(LinkIndex)>& failed,
                          std::vector<LinkShare>& shares) const override;
  void AppendExit(AcceleratorIndex from, std::uint64_t flow_hash,
                  std::vector<LinkIndex>& route) const override;
  void AppendEntry(AcceleratorIndex to, std::uint64_t flow_hash,
                   std::vector<LinkIndex>& route) const override;

  [[nodiscard]] Seconds Latency(AcceleratorIndex from, AcceleratorIndex to) const override {
    return between_->Latency(from, to);
  }

  [[nodiscard]] Seconds LatencyToBorder() const override { return between_->LatencyToBorder(); }

  [[nodiscard]] const Locality& locality() const override { return between_->locality(); }

  [[nodiscard]] std::vector<Equipment> equipment() const override { return between_->equipment(); }

  [[nodiscard]] Wiring wiring() const override;

  /// Of the topology between servers: its ideal ports are an upper bound of the links inside.
  [[nodiscard]] CutProblem cut_problem() const override;

  /// Without host memory, which is no link between two machines. Where accelerators have no ports,
  /// it reads back as a direct network with the same routes wherever there is one shortest way.
  [[nodiscard]] RouteGraph route_graph() const override;

 private:
  [[nodiscard]] int per_server() const { return static_cast<int>(inside_.links().size()); }

  [[nodiscard]] bool is_inside(LinkIndex link) const { return link.value < first_between_; }

  [[nodiscard]] const ServerNetwork::Link& InsideLink(LinkIndex link) const {
    return inside_.links()[static_cast<std::size_t>(link.value % per_server())];
  }

  /// The number of a link in the topology between servers.
  [[nodiscard]] LinkIndex Between(LinkIndex link) const {
    return {link.value - first_between_ + ports_};
  }

  [[nodiscard]] const ServerNetwork::Ring& RingOf(std::span<const AcceleratorIndex> members) const;

  [[nodiscard]] int local(AcceleratorIndex a) const { return a.value % server_size(); }

  /// The accelerator of the sender's server through whose NIC traffic leaves: the one into whose
  /// port the topology between servers leads.
  [[nodiscard]] AcceleratorIndex SenderOf(AcceleratorIndex from, LinkIndex into) const;

  /// Appends the links inside the sender's server, from it to the NIC of `sender`.
  void AppendToNicOf(AcceleratorIndex from, AcceleratorIndex sender,
                     std::vector<LinkIndex>& route) const;

  /// Gives shares of the topology between servers, from `begin` on, their own numbers, and appends
  /// those of the links inside both servers.
  void GoInside(AcceleratorIndex from, AcceleratorIndex to, std::size_t begin,
                std::vector<LinkShare>& shares) const;

  /// Appends what is in scratch_, links inside a server.
  void AppendInside(ServerIndex server, std::vector<LinkIndex>& route) const;

  /// Gives the links of `route` from `begin` on, which have the numbers of the topology between
  /// servers, their own.
  void Renumber(std::size_t begin, std::vector<LinkIndex>& route) const;

  ServerNetwork inside_;
  std::shared_ptr<const Topology> between_;
  int ports_;          ///< links of `between_` that are ideal ports; they are its first ones
  int first_between_;  ///< first link that is not inside a server
  std::vector<int> own_tier_;  ///< by kind of inside link: its place among tiers(); -1: none
  int own_tiers_ = 0;
  mutable std::vector<int> scratch_;  ///< a topology belongs to one thread
};

}  // namespace gridlock
