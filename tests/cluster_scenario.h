#pragma once

// A step on some servers of a cluster of the catalogue, for fmt: {cluster}, {servers}, {replicas}.
// The servers of a cluster have up to 384 accelerators; tensor-parallel groups of two reach all of
// them.

namespace gridlock {

inline constexpr const char* kStepOnACluster = R"(schema_version: 1
name: "smoke"
site {{ cluster: "{cluster}" servers: {servers} }}
job {{
  pretraining {{
    model: "smoke"
    stack: "megatron_core"
    layout {{ tensor: 2 pipeline: 1 data: {replicas} }}
    global_batch: {replicas}
    sequence_length: 256
    zero: 1
  }}
}}
catalog {{
  model {{ name: "smoke" layers: 2 hidden: 256 heads: 4 ffn: 1024 vocabulary: 512
           source {{ text: "Made up for tests." }} }}
}}
)";

}  // namespace gridlock
