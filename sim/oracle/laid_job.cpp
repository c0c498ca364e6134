#include "sim/oracle/laid_job.h"

#include "workloads/schedule.h"

namespace gridlock {

namespace {

// Of one accelerator: sites with other parts have other peaks, and what they could do counts.
FlopPerSecond MeanPeak(Precision precision, const Placement& placement, const Network& network) {
  double accelerators = 0, mean = 0;
  for (const ServerRun& run : placement) {
    const ServerSpec& server = network.fabric(run.site).site().server;
    const double here = 1.0 * run.count * server.accelerators;
    accelerators += here;
    const double peak = server.accelerator.rates[static_cast<int>(precision)].peak.si();
    mean += (peak - mean) * (here / accelerators);  // exact where all have the same
  }
  return FlopPerSecond(mean);
}

}  // namespace

LaidJob LayJob(const TrainingSpec& training, const Placement& placement, const Network& network) {
  const std::vector<SiteIndex> sites = SitesOf(placement);
  LaidJob laid;
  laid.training = AcrossSites(training, static_cast<int>(sites.size()));
  laid.server = network.fabric(sites.front()).site().server;
  for (const SiteIndex site : sites) {
    laid.server = SlowerOf(laid.server, network.fabric(site).site().server);
  }
  laid.program = BuildStepProgram(laid.training, laid.server, FirstMicroBatches(laid.training));
  laid.program.peak = MeanPeak(training.precision, placement, network);
  laid.placement = placement;
  CheckPlacement(laid.placed(), network);
  return laid;
}

LaidJob LayStream(const CacheStream& stream, const Placement& placement, const Network& network) {
  LaidJob laid;
  laid.server = network.fabric(SitesOf(placement).front()).site().server;
  laid.program = BuildCacheStream(stream);
  laid.placement = placement;
  CheckPlacement(laid.placed(), network);
  return laid;
}

LaidJob LayPlaced(const PlacedJob& job, const Network& network) {
  return job.stream.flows() ? LayStream(job.stream, job.placement, network)
                            : LayJob(*job.training, job.placement, network);
}

}  // namespace gridlock
