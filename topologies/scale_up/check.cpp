#include "topologies/scale_up/check.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sim/base/check.h"
#include "topologies/scale_up/counts.h"

namespace gridlock {

namespace {

// Above this many accelerators the pairs of a mesh are more than any server can hold links for.
constexpr int kMeshMost = 128;
constexpr int kTorusMost = 1024;  // a TPU v3 pod

class Checker {
 public:
  explicit Checker(const ServerSpec& server)
      : server_(server),
        spec_(server.network),
        count_(server.accelerators),
        nodes_(server.accelerators / std::max(1, server.network.cores)) {}

  void Run() {
    switch (spec_.links) {
      case ScaleUpSpec::Links::kSwitch:
        CheckSwitches();
        break;
      case ScaleUpSpec::Links::kMesh:
        CheckMesh();
        break;
      case ScaleUpSpec::Links::kNone:
        CHECK(spec_.pcie.given);
        break;
    }
    if (spec_.pcie.given) {
      CheckPcie();
    }
    if (!problems_.empty()) {
      throw UserError(problems_);
    }
  }

 private:
  void Complain(const std::string& field, std::string message) {
    problems_.push_back({spec_.path + field, std::move(message)});
  }

  void CheckSwitches() {
    if (spec_.group > 0 && spec_.group >= count_) {
      Complain(".switches.group",
               fmt::format("a group of {} holds all {} accelerators, so there is no second tier; "
                           "expected fewer, or no group",
                           spec_.group, count_));
    }
  }

  // What the links of a mesh join.
  [[nodiscard]] const char* Nodes() const { return spec_.cores > 1 ? "chips" : "accelerators"; }

  // Complains of what is wrong with cores that share the links of a chip.
  void CheckCores() {
    if (spec_.cores > 1 && count_ % spec_.cores != 0) {
      Complain(".mesh.cores", fmt::format("{} accelerators are no whole chips of {} cores; "
                                          "expected a number that divides {}",
                                          count_, spec_.cores, count_));
    }
    if ((spec_.cores > 1) != (spec_.core_link.si() > 0)) {
      Complain(".mesh.core_link",
               spec_.cores > 1
                   ? "accelerators are cores of chips, and what a core reaches on its chip is "
                     "missing; expected a bandwidth"
                   : "there are no chips of several cores; expected cores beside it");
    }
    if (spec_.cores > 1 && spec_.pcie.given) {
      Complain(".pcie", "PCIe beside chips of several cores; expected one of the two");
    }
    for (const int axis : spec_.open) {
      if (axis >= static_cast<int>(spec_.torus.size())) {
        Complain(".mesh.open",
                 spec_.torus.empty()
                     ? "there is no torus; expected torus, the sides of one"
                     : fmt::format("a torus of {} has no axis {}; expected numbers from 0 to {}",
                                   fmt::join(spec_.torus, " x "), axis, spec_.torus.size() - 1));
      }
    }
  }

  void CheckMesh() {
    CheckCores();
    std::int64_t room = 1;
    for (const int side : spec_.torus) {
      room *= side;
    }
    if (!spec_.torus.empty() && room != nodes_) {
      Complain(
          ".mesh.torus",
          fmt::format("a torus of {} has room for {} {}, and server {} has {}; expected sides "
                      "whose product is {}",
                      fmt::join(spec_.torus, " x "), room, Nodes(), server_.name, nodes_, nodes_));
      return;
    }
    if (nodes_ > (spec_.torus.empty() ? kMeshMost : kTorusMost)) {
      Complain(".mesh", fmt::format("{} {} in a mesh; expected at most {}, or switches", nodes_,
                                    Nodes(), spec_.torus.empty() ? kMeshMost : kTorusMost));
      return;
    }
    CheckGroups();
    std::set<std::pair<int, int>> seen;
    for (std::size_t i = 0; i < spec_.pairs.size(); ++i) {
      const MeshPair& pair = spec_.pairs[i];
      const std::string at = fmt::format(".mesh.pair[{}]", i);
      if (pair.a == pair.b || pair.a >= nodes_ || pair.b >= nodes_) {
        Complain(at, fmt::format("{} {} and {} are no pair of the {} of server {}; "
                                 "expected two different numbers from 0 to {}",
                                 Nodes(), pair.a, pair.b, nodes_, server_.name, nodes_ - 1));
      } else if (!seen.insert(std::minmax(pair.a, pair.b)).second) {
        Complain(at, fmt::format("accelerators {} and {} are a pair already; expected each pair "
                                 "once, with all its links",
                                 pair.a, pair.b));
      }
    }
    if (problems_.empty() && spec_.torus.empty()) {
      CheckLinkCounts();
    }
  }

  void CheckGroups() {
    if (spec_.mesh_group > 0 && (!spec_.torus.empty() || spec_.mesh_group >= nodes_)) {
      Complain(".mesh.group",
               spec_.torus.empty()
                   ? fmt::format("a group of {} holds all {} accelerators; expected fewer, or no "
                                 "group",
                                 spec_.mesh_group, nodes_)
                   : "groups in a torus; expected one of the two");
    }
    if (spec_.between_groups > 0 && spec_.mesh_group == 0) {
      Complain(".mesh.between_groups",
               "there are no groups; expected group, the accelerators of each");
    }
  }

  // Links that an accelerator has, against those that its bandwidth is the sum of.
  void CheckLinkCounts() {
    const LinkCounts counts = CountsWithoutPairs(spec_, nodes_);
    std::vector<int> links;
    for (int a = 0; a < nodes_; ++a) {
      links.push_back(counts.Of(a));
    }
    for (const MeshPair& pair : spec_.pairs) {
      links[pair.a] += pair.links - counts.At(pair.a, pair.b);
      links[pair.b] += pair.links - counts.At(pair.a, pair.b);
    }
    for (int a = 0; a < nodes_; ++a) {
      if (spec_.links_each > 0 && links[a] > spec_.links_each) {
        Complain(".mesh.links",
                 fmt::format("accelerator {} has {} links to others, and an accelerator has {}; "
                             "expected at least {} links, or fewer between pairs",
                             a, links[a], spec_.links_each, links[a]));
        return;
      }
      if (links[a] == 0 && nodes_ > 1 && !spec_.pcie.given) {
        Complain(".mesh", fmt::format("no link joins accelerator {} to others; expected links from "
                                      "every accelerator, or pcie beside the mesh",
                                      a));
        return;
      }
    }
  }

  void CheckPcie() {
    const PcieSpec& pcie = spec_.pcie;
    if (pcie.sockets > 1 && !(pcie.socket_link.si() > 0)) {
      Complain(".pcie.socket_link",
               fmt::format("{} sockets, and no link between them; expected the bandwidth of all "
                           "links between two sockets together",
                           pcie.sockets));
    }
    if (pcie.switches > 0 && pcie.switches < pcie.sockets) {
      Complain(".pcie.switches",
               fmt::format("{} PCIe switches for {} sockets; expected at least one for each "
                           "socket, or none",
                           pcie.switches, pcie.sockets));
    }
    if (pcie.through_host != (pcie.host_memory.si() > 0)) {
      Complain(
          ".pcie.host_memory",
          pcie.through_host
              ? "all bytes go through host memory, and its bandwidth is missing; expected that "
                "of one socket"
              : "nothing goes through host memory; expected through_host: true beside it");
    }
    if (!(pcie.link.si() > 0) && !(server_.accelerator.scale_up_bandwidth.si() > 0)) {
      Complain(".pcie.link", "the PCIe link of an accelerator is missing; expected a bandwidth");
    }
    CheckPlaces(".pcie.accelerators_at", pcie.accelerators_at, count_, "accelerators");
    CheckPlaces(".pcie.nics_at", pcie.nics_at, server_.nics, "NICs");
  }

  void CheckPlaces(const std::string& field, const std::vector<int>& places, int count,
                   const char* what) {
    const bool switches = spec_.pcie.switches > 0;
    const int most = switches ? spec_.pcie.switches : spec_.pcie.sockets;
    if (!places.empty() && static_cast<int>(places.size()) != count) {
      Complain(field, fmt::format("{} places for {} {}; expected one for each", places.size(),
                                  count, what));
      return;
    }
    for (const int place : places) {
      if (place >= most) {
        Complain(field, fmt::format("there is no {} {}; expected numbers from 0 to {}",
                                    switches ? "PCIe switch" : "socket", place, most - 1));
        return;
      }
    }
  }

  const ServerSpec& server_;
  const ScaleUpSpec& spec_;
  int count_;  ///< accelerators
  int nodes_;  ///< of the mesh: accelerators, or the chips that they are cores of
  std::vector<Problem> problems_;
};

}  // namespace

const ServerSpec& CheckedNetwork(const ServerSpec& server) {
  Checker(server).Run();
  return server;
}

}  // namespace gridlock
