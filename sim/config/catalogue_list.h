#pragma once

// What the catalogue offers, for programs that choose entries by what they are and not by name.

#include <string>
#include <vector>

#include "sim/base/units.h"
#include "topologies/machine.h"

namespace gridlock {

/// A server entry in short.
struct CatalogueServer {
  std::string name;
  std::string accelerator;          ///< catalogue name
  int accelerators = 0;             ///< scale-up domain size
  int nics = 0;                     ///< of the server
  BytesPerSecond nic_bandwidth;     ///< per NIC and direction
  FlopPerSecond peak[kPrecisions];  ///< dense, of one accelerator; zero when it lacks the format
};

struct CatalogueList {
  std::vector<CatalogueServer> servers;   ///< by name
  std::vector<std::string> accelerators;  ///< names, sorted
  std::vector<std::string> stacks;        ///< names, sorted
  std::vector<std::string> clusters;      ///< names, sorted
};

/// Reads the catalogue that scenarios see. Throws UserError when its files are wrong.
CatalogueList ListCatalogue();

/// A cluster of the catalogue as a site of its own.
struct ClusterSite {
  SiteSpec site;
  std::vector<std::string> notes;  ///< as a scenario's: how texts were understood, estimates
};

/// Throws UserError when there is no cluster called `name`, with the nearest name.
ClusterSite LoadCluster(const std::string& name);

}  // namespace gridlock
