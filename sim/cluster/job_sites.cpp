#include "sim/cluster/job_sites.h"

#include <fmt/format.h>

#include "sim/base/check.h"

namespace gridlock {

std::vector<SiteIndex> AllowedSites(const JobSpec& job, const std::vector<SiteSpec>& sites) {
  std::vector<SiteIndex> allowed = job.sites;
  for (std::size_t s = 0; job.sites.empty() && s < sites.size(); ++s) {
    allowed.push_back(IndexOf<SiteIndex>(s));
  }
  return allowed;
}

void CheckSitesAlike(const JobSpec& job, const std::vector<SiteSpec>& sites) {
  const bool fleet = std::holds_alternative<ServingSpec>(job.kind);
  const std::vector<SiteIndex> allowed = AllowedSites(job, sites);
  const SiteSpec& first = sites[static_cast<std::size_t>(allowed.front())];
  for (const std::int32_t number : allowed) {
    const SiteSpec& site = sites[static_cast<std::size_t>(number)];
    const bool alike = site.server.accelerators == first.server.accelerators;
    if (alike && (!fleet || site.server.accelerator.name == first.server.accelerator.name)) {
      continue;
    }
    throw UserError(
        job.path,
        fmt::format("{} may run on {} with {} accelerators {} in a server and on {} with {} {}; "
                    "expected \"site\" with the name of one of them",
                    job.name, first.name, first.server.accelerators, first.server.accelerator.name,
                    site.name, site.server.accelerators, site.server.accelerator.name));
  }
}

ServerSpec LeastServer(const JobSpec& job, const std::vector<SiteSpec>& sites) {
  const std::vector<SiteIndex> allowed = AllowedSites(job, sites);
  ServerSpec least = sites[static_cast<std::size_t>(allowed.front())].server;
  for (std::size_t i = 1; i < allowed.size(); ++i) {
    least = SlowerOf(least, sites[static_cast<std::size_t>(allowed[i])].server);
  }
  return least;
}

}  // namespace gridlock
