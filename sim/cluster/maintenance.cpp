#include "sim/cluster/maintenance.h"

#include "sim/cluster/life_events.h"
#include "sim/cluster/machine_now.h"

namespace gridlock {

namespace {

// The last servers of a site may come later.
std::vector<std::int32_t> ServersThere(const MachineNow& machine) {
  std::vector<std::int32_t> there;
  for (std::size_t s = 0; s < machine.sites().size(); ++s) {
    there.push_back(machine.sites()[s].servers - machine.absent(IndexOf<SiteIndex>(s)));
  }
  return there;
}

}  // namespace

Maintenance::Maintenance(const ClusterView& view, Servers& servers, Runs& runs, Fleets& fleets,
                         Course& course)
    : view_(view),
      servers_(servers),
      runs_(runs),
      fleets_(fleets),
      course_(course),
      spares_(view.scenario.reliability, ServersThere(view.machine)) {}

void Maintenance::SetUpSpares() {
  for (std::size_t s = 0; s < view_.machine.sites().size(); ++s) {
    const auto site = IndexOf<SiteIndex>(s);
    for (const ServerIndex server : spares_.off(site)) {
      (void)servers_.TakeDown(site, server);
    }
    KeepSparesFree(site);
  }
}

void Maintenance::KeepSparesFree(SiteIndex site) {
  servers_.Reserve(site, spares_.kept_free(site));
}

std::vector<Seconds> Maintenance::TakeDown(const ServerRun& servers, const std::string& why) {
  std::vector<Seconds> lost;
  for (std::int32_t i = 0; i < servers.count; ++i) {
    const ServerIndex server{servers.first + i};
    const JobIndex job = servers_.TakeDown(servers.site, server);
    if (job < 0) {
      continue;
    }
    if (view_.members[job].run) {
      const Seconds before = view_.members[job].run->lost();
      runs_.Interrupt(job, ServerEvent(EventKind::kInterrupt, {servers.site, server, 1}, why),
                      servers_.HeldBy(job, servers));
      lost.push_back(view_.members[job].run->lost() - before);
    } else {
      fleets_.Drop(job, servers.site, server);
    }
    course_.LookAgain();
  }
  return lost;
}

void Maintenance::BringBack(const ServerRun& servers) {
  for (std::int32_t i = 0; i < servers.count; ++i) {
    (void)servers_.BringBack(servers.site, {servers.first + i});
  }
}

void Maintenance::Replace(const ServerRun& servers) {
  const SiteIndex site = servers.site;
  for (const ServerIndex server : spares_.TakeOut(site, servers.count)) {
    course_.At(course_.now() + view_.scenario.reliability.cold_start, [this, site, server] {
      SwitchOn(site, server);
    });
  }
  KeepSparesFree(site);
}

void Maintenance::SwitchOn(SiteIndex site, ServerIndex server) {
  course_.Advance();
  spares_.SwitchedOn(site);
  (void)servers_.BringBack(site, server);
  KeepSparesFree(site);
  course_.LookAgain();
}

void Maintenance::Repair(const ServerRun& servers) {
  for (const ServerIndex server : spares_.Repair(servers)) {
    (void)servers_.BringBack(servers.site, server);
  }
  KeepSparesFree(servers.site);
}

}  // namespace gridlock
