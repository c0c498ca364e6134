#pragma once

// What serving costs on the replicas of a fleet: from a scenario's words to IterationCosts
// (workloads/inference.h), and what their work draws. No clock.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "topologies/machine.h"
#include "workloads/inference.h"
#include "workloads/job.h"

namespace gridlock {

/// Energy of arithmetic, and traffic, of all accelerators of a replica together.
struct ServingWork {
  Joules arithmetic;  ///< of FLOP, at the price of their formats
  Bytes hbm;          ///< read and written
  Bytes links;        ///< sent over scale-up links, protocol included

  ServingWork& operator+=(const ServingWork& other);
};

ServingWork operator*(const ServingWork& work, double times);

/// Arithmetic and traffic beside what IterationCosts counts: BytesOf holds the HBM traffic of
/// weights and of caches that are read.
struct ServingPrices {
  ServingWork per_row;     ///< of each token that goes through the layers
  ServingWork per_output;  ///< of each token that comes out: the LM head
  ServingWork per_pair;    ///< of each token that another attends to, cached or of its prompt
};

/// Costs of the replicas of a fleet.
struct FleetCosts {
  IterationCosts decode;                  ///< of one that decodes, and prefills where no pool does
  std::optional<IterationCosts> prefill;  ///< of one that prefills, where pools do
  ServingPrices decode_prices, prefill_prices;
  std::vector<Seconds> images;  ///< by group: to encode those of a request, before its prompt
};

/// Throws UserError (path `path`) for diffusion, for experts and latent caches behind an encoder,
/// and unless they may come `alone` for encoders, which make one vector of an input.
void CheckThatItServes(const ModelSpec& model, const std::string& path, bool alone);

/// A model of the catalogue as serving sees it. @pre CheckThatItServes
InferenceModel InferenceModelOf(const ModelSpec& model);

/// The accelerator of a server as serving sees it: peaks, HBM and links are the server's own, the
/// shares of them that kernels reach those of `measured`, by names of accelerators. One that
/// none has reaches what its catalogue entry says of training. A power limit below that of
/// `measured` slows products and HBM as it slows training.
InferencePart InferencePartOf(const ServerSpec& server,
                              const std::map<std::string, InferencePart>& measured);

/// How a replica of a fleet is laid out, and its formats: those that `engine` takes where the fleet
/// says nothing.
InferenceLayout InferenceLayoutOf(const ServingSpec& fleet, const InferenceEngine& engine);

/// `engine` on a part, with what the fleet says of batches. A replica's sequences are divided over
/// its data-parallel ranks.
InferenceEngine EngineOfFleet(const ServingSpec& fleet, const InferencePart& part,
                              const InferenceEngine& engine);

/// Costs of an iteration of one replica of a fleet on this server, of those that decode.
/// Throws UserError (path of the fleet) when weights do not fit HBM.
IterationCosts IterationCostsOf(const ServingSpec& fleet, const ServerSpec& server);

/// From the start of so many replicas at once until they take requests: `weights` of each of their
/// `accelerators` over its link (WeightsFrom), then the engine. @param storage that they share
Seconds StartTimeOf(const ReplicaStart& start, const InferencePart& part, Bytes weights,
                    BytesPerSecond storage, std::int64_t accelerators);

/// Costs of all replicas of a fleet on this server.
///
/// Throws UserError (paths under fleet.path) when tensor ranks do not divide the heads, or HBM has
/// no room for weights and the cache of one request.
FleetCosts CostsOf(const ServingSpec& fleet, const ServerSpec& server);

}  // namespace gridlock
