#pragma once

// What the fields of the messages about a cluster's life owe each other: the scenario's horizon,
// jobs, changes, failures, links between sites.

#include <google/protobuf/message.h>

#include "sim/schema/complaints.h"

namespace gridlock {

namespace proto {
class Pretraining;
}

/// Refuses a run that does not say how long it is, as it must where there is a horizon.
void CheckLength(const proto::Pretraining& run, const Complaints& complain);

/// Checks one message whose fields are right each by itself, when it is one of these.
void CheckLifeMessage(const google::protobuf::Message& message, const Complaints& complain);

}  // namespace gridlock
