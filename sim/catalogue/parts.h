#pragma once

// Entries of the catalogue -> the structs that everything behind the loader sees. What comes in
// here has passed CheckRules, so that every text parses and every name is known.

#include <string>
#include <vector>

#include "sim/catalogue/catalogue.h"
#include "sim/policy/facts.h"
#include "topologies/machine.h"
#include "workloads/training.h"

namespace gridlock {

/// One accelerator as the catalogue has it.
AcceleratorSpec MakeAccelerator(const Entry<proto::Accelerator>& entry, const std::string& path,
                                std::vector<std::string>& notes);

/// One server with its accelerator. `path` is that of the field that names it.
ServerSpec MakeServer(const Entry<proto::Server>& entry, const Catalogue& catalogue,
                      const std::string& path, std::vector<std::string>& notes);

/// The fit of the transport called `name`.
CollectiveFit MakeFit(const std::string& name, const Catalogue& catalogue);

/// The links inside a server. `path` is that of the field, `what` names it in notes.
ScaleUpSpec MakeServerNetwork(const proto::ServerNetwork& network, const std::string& path,
                              const std::string& what, std::vector<std::string>& notes);

/// The switch called `name`.
SwitchSpec MakeSwitch(const Catalogue& catalogue, const std::string& name);

/// A bandwidth per direction, and a note when the text says both directions added. `what` names it
/// in the note.
BytesPerSecond LinkBandwidthOf(const proto::LinkBandwidth& link, const std::string& what,
                               std::vector<std::string>& notes);

/// What export rules ask about the accelerator `entry`, with the numbers of `spec`, which may have
/// been overridden.
AcceleratorFacts MakeFacts(const proto::Accelerator& entry, const AcceleratorSpec& spec,
                           const Catalogue& catalogue);

/// A dense transformer of the catalogue.
ModelSpec MakeModel(const std::string& name, const std::string& path, const Catalogue& catalogue);

/// The format whose rate a job's products have; BF16 when it says none.
Precision MakePrecision(proto::Precision precision);

/// The formats of the schema that run at the rate of one: BF16 and FP16 at that of 16 bits.
std::vector<proto::Precision> FormatsAt(Precision rate);

/// Bytes of the scales of a format's blocks, for each element: 1/32 of MXFP8 and 1/16 of NVFP4
/// (Open Compute Project, Microscaling Formats 1.0; NVIDIA, NVFP4), else none.
double ScaleBytes(proto::Precision precision);

/// What a format of the schema means for a job on this part, "" where nothing is to be said: "the
/// rate of BF16" of FP16. `fp16_alone`: its 16-bit units take no BF16.
std::string MeaningOf(proto::Precision precision, const AcceleratorSpec& accelerator,
                      bool fp16_alone = false);

}  // namespace gridlock
