#pragma once

// Machines of the catalogue and published models, for tests of serving.

#include <string>

#include "topologies/machine.h"
#include "workloads/job.h"

namespace gridlock {

/// A server of the shipped catalogue.
ServerSpec CatalogueServer(const std::string& name);

/// A model of the shipped catalogue.
ModelSpec CatalogueModel(const std::string& name);

/// A fleet of one replica on `tensor` accelerators, without requests.
ServingSpec FleetOf(const ModelSpec& model, int tensor, Precision precision);

}  // namespace gridlock
