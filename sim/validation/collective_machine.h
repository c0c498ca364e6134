#pragma once

// The machine that a measured collective ran on, from what its row and its notes say.

#include <initializer_list>
#include <optional>
#include <string>

#include "sim/catalogue/list.h"
#include "sim/validation/measured.h"

namespace gridlock {

/// What joins servers.
enum class MeasuredFabric {
  kOneSwitch,      ///< all NICs, without a loss
  kLeafPerServer,  ///< as before, each server under a leaf of its own
  kRails,          ///< NIC i of every server under leaf i; traffic stays in its rail
  kHashedServers,  ///< all NICs of a server under one leaf, uplinks by hash
  kHashedRails,    ///< rails whose leaves pick uplinks by hash
};

struct CollectiveMachine {
  std::string server;  ///< catalogue name, or that of `entry`
  std::string entry;   ///< text of a server of the row's own; "" for one of the catalogue
  int servers = 1;
  int ranks_per_server = 1;
  int nics = 0;  ///< of a server, so that the ranks have the row's share of them; 0: the server's
  double nic_gbps = 0;      ///< of one; 0: the server's
  double port_gbps = 0;     ///< of the switches
  double scale_up_gbs = 0;  ///< both directions; 0: the accelerator's
  std::string transport;    ///< between servers; "" for the server's
  MeasuredFabric fabric = MeasuredFabric::kOneSwitch;
  bool hashed = false;  ///< routing by hash where the fabric is one that the row describes
  int leaf_ports = 0;   ///< of rails and hashed leaves
  int queue_pairs = 1;  ///< of a connection, times the rings of a NIC
  std::string assumed;  ///< in words, for the reason
};

/// The machine of a row; nothing after setting status and reason of the result. Where trays of a
/// rack were counted as servers, the cells of the row count racks from then on.
std::optional<CollectiveMachine> MachineOfRow(const CatalogueList& catalogue,
                                              MeasuredResult& result);

/// The switches and the fabric of a site, as texts of the schema.
std::string FabricSwitchText(const CollectiveMachine& machine);
std::string FabricText(const CollectiveMachine& machine);

/// Whether notes, fabric or routing of a row have a word that begins like one of these, in any
/// case: "hash" is in "uplinks hashed", and "RoCE" not in "process".
bool RowSays(const MeasuredRow& row, std::initializer_list<const char*> words);

/// The count in a cell, `blank` where it is blank, and 0 where it is no whole number.
int CountOfCell(const MeasuredRow& row, const std::string& column, int blank);

/// Says why a row is not simulated.
void RefuseRow(MeasuredResult& result, const std::string& reason);

}  // namespace gridlock
