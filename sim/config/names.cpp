#include "sim/base/check.h"
#include "sim/config/convert.h"

namespace gridlock {
namespace {

/// Refuses a name that the catalogue does not have; one that is not given is another rule's matter.
template <typename T>
void CheckName(const Entries<T>& entries, const std::string& kind, const std::string& name,
               const Written& place, ProblemList& problems) {
  if (!name.empty()) {
    (void)Find(entries, kind, name, place.value, problems);
  }
}

void CheckSiteNames(const proto::Site& site, const Written& place, const Catalogue& catalogue,
                    ProblemList& problems) {
  CheckName(catalogue.servers, "server", site.server(), place.At("server"), problems);
  CheckSwitchNames(site.fabric(), place.At("fabric"), catalogue, problems);
  CheckName(catalogue.buildings, "building", site.facility().building(),
            place.At("facility").At("building"), problems);
}

void CheckJobNames(const proto::Job& job, const Written& place, const Catalogue& catalogue,
                   ProblemList& problems) {
  const Written& at = place.At("pretraining");
  CheckName(catalogue.models, "model", job.pretraining().model(), at.At("model"), problems);
  CheckName(catalogue.stacks, "stack", job.pretraining().stack(), at.At("stack"), problems);
}

void CheckSiteOfJob(const proto::Job& job, const Written& place, const std::string& site,
                    ProblemList& problems) {
  if (!job.site().empty() && job.site() != site) {
    problems.Add(place.At("site").value, "job[0].site",
                 Refusal("there is no site " + Quoted(job.site()),
                         site.empty() ? "a job without it, or a site with a name" : Quoted(site)));
  }
}

}  // namespace

void CheckNames(const proto::Scenario& scenario, const Written& written, const Catalogue& catalogue,
                ProblemList& problems) {
  for (int i = 0; i < scenario.site_size(); ++i) {
    CheckSiteNames(scenario.site(i), written.At("site", i), catalogue, problems);
  }
  for (int i = 0; i < scenario.job_size(); ++i) {
    const Written& job_written = written.At("job", i);
    CheckJobNames(scenario.job(i), job_written, catalogue, problems);
    if (scenario.site_size() == 1) {
      CheckSiteOfJob(scenario.job(i), job_written, scenario.site(0).name(), problems);
    }
  }
}

}  // namespace gridlock
