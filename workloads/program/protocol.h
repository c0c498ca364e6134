#pragma once

// The protocols of NCCL by name: how much of what goes over a wire is data, and how long a step
// waits.

#include <optional>
#include <string>

#include "topologies/machine.h"

namespace gridlock {

enum class Protocol {
  kAutomatic,  ///< of each size the fastest that the transports know
  kLl,         ///< 4 bytes of flag behind 4 bytes of data: half of the wire
  kLl128,      ///< 8 bytes of flag behind 120 bytes of data
  kSimple,     ///< data alone, and a fence for each chunk
};

/// "automatic", "ll", "ll128", "simple".
const char* ProtocolName(Protocol protocol);

/// The protocol of that name, in any case of letters; "auto" is known, too.
std::optional<Protocol> ProtocolByName(const std::string& name);

/// Share of the bytes on the wire that is data: 1/2, 120/128 and 1. (NVIDIA nccl, src/include/
/// device.h; Z. Hu et al. 2025, arXiv:2507.04786, table 1.)
double DataShare(Protocol protocol);

/// The server with transports that know one protocol alone. Long messages of the fitted transports
/// go by Simple, short ones by LL. A step of LL128 or Simple takes longer than one of LL by what
/// NCCL's own model says of rings (src/graph/tuning.cc), unless the transport was fitted to both.
/// Switches add up by Simple alone.
ServerSpec AtProtocol(ServerSpec server, Protocol protocol);

}  // namespace gridlock
