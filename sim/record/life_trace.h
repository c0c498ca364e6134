#pragma once

// The trace of a cluster's life, in one netCDF-4 file that xarray opens directly.
//
//   dimension       coordinate              holds
//   time            start of the interval   means over each interval, of a site or of the cluster;
//                                           `interval` is their width, of which the last may be
//                                           shorter
//   site            name                    series (site, time), and totals over the horizon
//   job             name                    one number each per job, `job_...`
//   job_kind        name                    kinds of jobs in `busy` (site, job_kind, time)
//   request_group   FLEET/GROUP             requests of one group of one fleet, `request_...`
//   event           number                  what happened, in order of time, `event_...`
//   detail          number                  `detail_text`, told by `event_detail`
//
// Seconds on the clock count from the start of the simulation; NaN is what never came or is not
// known, -1 a job or a site that is not there. Flags are explained by `flag_meanings`. The root
// attribute `kind` is "life"; `complete` is 1 in every finished file.

#include <string>
#include <vector>

#include "sim/record/columns.h"
#include "sim/record/life_record.h"
#include "sim/record/trace_header.h"

namespace gridlock {

/// Writes the whole record under `path`, or nothing but NAME.part. Throws RecordError when the
/// system refuses. CHECKs that all series are equally long and that jobs, sites and events name
/// what is there.
void WriteLifeTrace(const std::string& path, const TraceHeader& header, const LifeRecord& record);

/// Every variable of the trace, and where its field stands in summary.json.
std::vector<Output> LifeOutputs();

}  // namespace gridlock
