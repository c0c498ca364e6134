#pragma once

// Servers go out of service and come back, and spares stand in for them. Who holds a server that
// goes loses it.

#include <string>
#include <vector>

#include "sim/cluster/course.h"
#include "sim/cluster/fleets.h"
#include "sim/cluster/member.h"
#include "sim/cluster/runs.h"
#include "sim/cluster/servers.h"
#include "sim/cluster/spares.h"

namespace gridlock {

class Maintenance {
 public:
  /// All that is given must outlive it.
  Maintenance(const ClusterView& view, Servers& servers, Runs& runs, Fleets& fleets,
              Course& course);
  Maintenance(const Maintenance&) = delete;
  Maintenance& operator=(const Maintenance&) = delete;

  /// Cold spares are off, hot ones are kept free. At time zero.
  void SetUpSpares();

  /// Servers go out of service, all at this instant. Returns the training that each run loses which
  /// held some of them.
  std::vector<Seconds> TakeDown(const ServerRun& servers, const std::string& why);

  /// One reason for them to be out of service has gone.
  void BringBack(const ServerRun& servers);

  /// Spares stand in for servers that have failed: cold ones when they are switched on.
  void Replace(const ServerRun& servers);

  /// Servers that had failed are repaired: they come back, or stay off as cold spares.
  void Repair(const ServerRun& servers);

 private:
  void SwitchOn(SiteIndex site, ServerIndex server);
  void KeepSparesFree(SiteIndex site);

  const ClusterView& view_;
  Servers& servers_;
  Runs& runs_;
  Fleets& fleets_;
  Course& course_;
  Spares spares_;
};

}  // namespace gridlock
