#pragma once

// A list of messages on the network of a scenario: when each of them arrives, and what the links
// carry.

#include <string>
#include <vector>

#include "sim/plan/flow_plan.h"
#include "sim/record/flow_record.h"
#include "sim/study/evaluate.h"
#include "topologies/network.h"
#include "topologies/traffic.h"

namespace gridlock {

struct FlowOptions {
  PacketFormat packets = PacketFormats().front();
  bool shares = false;  ///< also note rates over time
  Fidelity fidelity = Fidelity::kFolded;
};

/// Simulates the messages on SimGrid. A message takes bytes / share of its links, and the latency
/// of the switches on its way on top. No library or protocol is on top of that.
FlowRecord RunFlowStudy(const Network& network, const std::vector<NetworkMessage>& messages,
                        const FlowOptions& options);

/// The same on a network that changes: each epoch begins when the one before it ends, the first at
/// time zero. Messages under way take the ways of the new epoch and go on with what they have left.
/// Messages are simulated one by one.
FlowRecord RunFlowStudy(const std::vector<NetworkEpoch>& epochs,
                        const std::vector<NetworkMessage>& messages, const FlowOptions& options);

}  // namespace gridlock
