#include "sim/catalogue/parts.h"
#include "sim/schema/rules.h"

namespace gridlock {
namespace {

/// A count that is not zero; `otherwise` where nobody wrote it.
int Or(int count, int otherwise) {
  return count == 0 ? otherwise : count;
}

BytesPerSecond LinkOf(bool given, const proto::LinkBandwidth& link, const std::string& what,
                      std::vector<std::string>& notes) {
  return given ? LinkBandwidthOf(link, what, notes) : BytesPerSecond(0);
}

void ReadSwitches(const proto::SwitchChips& switches, ScaleUpSpec& spec) {
  spec.links = ScaleUpSpec::Links::kSwitch;
  spec.chips = Or(switches.chips(), 1);
  spec.lost = switches.lost();
  spec.group = switches.group();
  spec.oversubscription = switches.oversubscription() == 0 ? 1 : switches.oversubscription();
}

void ReadMesh(const proto::Mesh& mesh, const std::string& what, std::vector<std::string>& notes,
              ScaleUpSpec& spec) {
  spec.links = ScaleUpSpec::Links::kMesh;
  spec.links_each = mesh.links();
  spec.between = mesh.between();
  spec.mesh_group = mesh.group();
  spec.between_groups = mesh.between_groups();
  spec.torus.assign(mesh.torus().begin(), mesh.torus().end());
  spec.open.assign(mesh.open().begin(), mesh.open().end());
  spec.cores = Or(mesh.cores(), 1);
  spec.core_link = LinkOf(mesh.has_core_link(), mesh.core_link(), what + ".core_link", notes);
  for (const proto::MeshPair& pair : mesh.pair()) {
    spec.pairs.push_back({pair.a(), pair.b(), pair.links(), pair.speed() == 0 ? 1 : pair.speed()});
  }
}

PcieSpec PcieOf(const proto::PcieTree& tree, const std::string& what,
                std::vector<std::string>& notes) {
  PcieSpec pcie;
  pcie.given = true;
  pcie.sockets = Or(tree.sockets(), 1);
  pcie.switches = tree.switches();
  pcie.link = LinkOf(tree.has_link(), tree.link(), what + ".link", notes);
  pcie.uplink = LinkOf(tree.has_uplink(), tree.uplink(), what + ".uplink", notes);
  pcie.socket_link =
      LinkOf(tree.has_socket_link(), tree.socket_link(), what + ".socket_link", notes);
  pcie.nic_link = LinkOf(tree.has_nic_link(), tree.nic_link(), what + ".nic_link", notes);
  pcie.through_host = tree.through_host();
  if (!tree.host_memory().empty()) {
    pcie.host_memory = BytesPerSecond(SiOf(tree.host_memory(), Dimension::kBandwidth));
  }
  pcie.accelerators_at.assign(tree.accelerators_at().begin(), tree.accelerators_at().end());
  pcie.nics_at.assign(tree.nics_at().begin(), tree.nics_at().end());
  return pcie;
}

}  // namespace

ScaleUpSpec MakeServerNetwork(const proto::ServerNetwork& network, const std::string& path,
                              const std::string& what, std::vector<std::string>& notes) {
  ScaleUpSpec spec;
  spec.path = path;
  switch (network.links_case()) {
    case proto::ServerNetwork::kSwitches:
      ReadSwitches(network.switches(), spec);
      break;
    case proto::ServerNetwork::kMesh:
      ReadMesh(network.mesh(), what + ".mesh", notes, spec);
      break;
    case proto::ServerNetwork::LINKS_NOT_SET:
      spec.links = ScaleUpSpec::Links::kNone;
      break;
  }
  if (network.has_pcie()) {
    spec.pcie = PcieOf(network.pcie(), what + ".pcie", notes);
  }
  return spec;
}

}  // namespace gridlock
