#include "tests/serving/machines.h"

#include <fmt/format.h>

#include "sim/scenario/load_text.h"

namespace gridlock {

namespace {

// The loader gives catalogue entries to scenarios alone: one that names both.
Scenario ScenarioWith(const std::string& server, const std::string& model) {
  const std::string text = fmt::format(R"(
    schema_version: 1 name: "serving-test"
    site {{
      name: "hall" server: "{}" servers: 1024
      fabric {{ clos {{ tiers: 2 servers_per_leaf: 2 leaves_per_pod: 1 leaf_oversubscription: 1
                      leaf_switch: "quantum2_qm9700" spine_switch: "quantum2_qm9700"
                      routing: SPRAY }} }}
    }}
    job {{
      name: "none"
      pretraining {{ model: "{}" stack: "megatron_core"
        layout {{ tensor: 8 pipeline: 1 data: 1024 sequence_parallel: true
                 rank_order: TENSOR_DATA_PIPELINE }}
        global_batch: 1024 micro_batch: 1 sequence_length: 128 precision: BF16 zero: 3
        recompute: FULL_LAYER }}
    }})",
                                       server, model);
  return LoadScenarioText("serving-test", text, {});
}

}  // namespace

ServerSpec CatalogueServer(const std::string& name) {
  return ScenarioWith(name, "llama_3.1_8b").site().server;
}

ModelSpec CatalogueModel(const std::string& name) {
  return ScenarioWith("dgx_h100", name).training().model;
}

ServingSpec FleetOf(const ModelSpec& model, int tensor, Precision precision) {
  ServingSpec fleet;
  fleet.path = "job[0].serving";
  fleet.model = model;
  fleet.replicas = fleet.replicas_min = fleet.replicas_simulated = 1;
  fleet.tensor = tensor;
  fleet.precision = precision;
  return fleet;
}

}  // namespace gridlock
