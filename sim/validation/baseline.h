#pragma once

// The prediction that needs no simulator: copy the MFU of the published step that is most alike. A
// simulator has to beat it.

#include <optional>
#include <string>
#include <vector>

#include "sim/catalogue/list.h"
#include "sim/validation/case_table.h"

namespace gridlock {

/// Which calibration rows a row may not copy besides itself and its namesakes.
enum class LeaveOut { kNothing, kStack, kSource };

/// The copy: step time, and whose MFU it is.
struct NearestPrediction {
  std::string id;
  double step_time_s = 0;
};

/// FLOP that the model of a row needs for one step: forward and backward (three times the forward
/// GEMMs, LM head included, and causal attention), no recomputation, look-up of embeddings not
/// counted. Of an MoE the experts that a token visits count, and the router. As ModelFlop for dense
/// models. Latent attention (DeepSeek) is counted as plain attention.
double CaseModelFlop(const PublishedCase& row);

/// Dense peak of the row's accelerators together in its format, FLOP/s; 0 when the catalogue does
/// not know it.
double CasePeak(const PublishedCase& row, const CatalogueList& catalogue);

/// For each row of `rows` the prediction from its nearest calibration row among `all`: the one with
/// the least |ln(model FLOP per accelerator)| + |ln(peak per accelerator)| difference, the first of
/// equals. predicted = model FLOP / (MFU of that row x peak). Nothing where the peak is unknown or
/// no candidate is left.
std::vector<std::optional<NearestPrediction>> NearestPredictions(
    const std::vector<PublishedCase>& rows, const std::vector<PublishedCase>& all,
    const CatalogueList& catalogue, LeaveOut leave_out);

}  // namespace gridlock
