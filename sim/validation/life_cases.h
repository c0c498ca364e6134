#pragma once

// Published failures, powers and runs over several sites: a row is one number that a life or a step
// of the simulator must give.
//
// Columns: id, kind (reliability, power, multi_dc), role, source, accelerator, n_accel, metric,
// value, unit. What a metric becomes stands in life_cases.cpp; what a row leaves open is filled in
// the same way for every row, and the row's reason says with what:
//   rate         for jobs (job_mttf), software included: that of the other size of job that Meta
//                published (meta_rsc_8, meta_rsc_1024); for jobs above 1,024 accelerators, which
//                nobody measured there, above 65,536 accelerators and for A100 the
//                calibration row's, 6.5 failures per 1,000 server-days (meta_rsc_1); else Llama 3's
//   machine      the catalogue's server of eight such accelerators under ideal switches, a
//                twentieth of it spare; repairs take 2 h. For failures, of which only a rate and a
//                count matter, a DGX H100 where the accelerator has none
//   units        W, kW or MW; % or a fraction
//   restart      200 s to 16,384 accelerators, 300 to 22,528, 600 to 65,536 and 900 to 98,304, as
//                FT-HSDP (arXiv:2602.00277) states for cold starts, linear in between
//   checkpoints  through 2 TB/s (Llama 3, section 3.3.1), at Young's interval
//   WAN          3.2 Tbps, which no row says
// Rows that a scenario states rather than predicts, such as the failure rate of a link or a
// nameplate, are marked as inputs.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/catalogue/list.h"
#include "sim/sweep/run_record.h"
#include "sim/validation/measured.h"

namespace gridlock {

/// Of each scenario of a row, what was read of its record.
using Values = std::vector<std::vector<double>>;

/// What stands for a row: scenarios, what is read of each of their records, and the number that
/// follows, in the row's unit.
struct LifeCase {
  std::vector<std::string> scenarios;
  std::function<std::vector<double>(const Scenario&, const RunRecord&)> read;
  std::function<double(const Values&)> predict;
};

/// The case of a row; nothing after setting status and reason of the result.
std::optional<LifeCase> LifeCaseOf(const CatalogueList& catalogue, MeasuredResult& result);

/// The three kinds.
bool IsLifeKind(const std::string& kind);

struct LifeValidation {
  std::string kind;      ///< rows of other known kinds are left out
  std::string role, id;  ///< only such rows; `id` with * and ?
  int parallel = 0;      ///< processes at a time; 0: one per core
  std::function<void(std::size_t done, std::size_t all, double fraction)> progress;
};

MeasuredReport ValidateLives(const std::vector<std::string>& tables, const CatalogueList& catalogue,
                             const LifeValidation& options);

}  // namespace gridlock
