#include <cstdint>
#include <limits>

#include "sim/schema/rules.h"

namespace gridlock {
namespace {

constexpr bool kNeeded = true;
constexpr bool kOptional = false;

constexpr double kInt32Max = std::numeric_limits<std::int32_t>::max();

// Shares below a thousandth are slips (percent, units), and would make times explode.
constexpr double kShareMin = 1e-3;

// The largest number below one.
constexpr double kBelowOne = 1.0 - std::numeric_limits<double>::epsilon() / 2;

constexpr Rule Block(const char* field, bool needed) {
  return {.field = field, .kind = RuleKind::kBlock, .needed = needed};
}

constexpr Rule Text(const char* field, bool needed) {
  return {.field = field, .kind = RuleKind::kText, .needed = needed};
}

constexpr Rule FileName(const char* field, bool needed) {
  return {.field = field, .kind = RuleKind::kFileName, .needed = needed};
}

constexpr Rule Flag(const char* field) {
  return {.field = field, .kind = RuleKind::kFlag};
}

constexpr Rule Choice(const char* field, bool needed) {
  return {.field = field, .kind = RuleKind::kChoice, .needed = needed};
}

constexpr Rule NotSimulated(const char* field) {
  return {.field = field, .kind = RuleKind::kNotSimulated};
}

constexpr Rule Count(const char* field, bool needed, double min, double max) {
  return {.field = field, .kind = RuleKind::kCount, .needed = needed, .min = min, .max = max};
}

constexpr Rule Number(const char* field, bool needed, double min, double max) {
  return {.field = field, .kind = RuleKind::kNumber, .needed = needed, .min = min, .max = max};
}

constexpr Rule Of(Dimension dimension, const char* field, bool needed, double min, double max) {
  return {.field = field,
          .kind = RuleKind::kQuantity,
          .needed = needed,
          .dimension = dimension,
          .min = min,
          .max = max};
}

// The ranges of quantities: wide enough for any machine that could be built, narrow enough that a
// slip in the unit or in the power of ten is seen.
constexpr Rule Data(const char* field, bool needed) {
  return Of(Dimension::kData, field, needed, 1.0, 1e15);
}

constexpr Rule Time(const char* field, bool needed) {
  return Of(Dimension::kTime, field, needed, 0.0, 86400.0);
}

// A time of a cluster's life: up to ten years.
constexpr double kHorizonMax = 10 * 365.25 * 86400.0;

constexpr Rule Span(const char* field, bool needed) {
  return Of(Dimension::kTime, field, needed, 1e-6, kHorizonMax);
}

constexpr Rule Bandwidth(const char* field, bool needed) {
  return Of(Dimension::kBandwidth, field, needed, 1e3, 1e15);
}

// From a hundredth of a square millimetre to a table full of wafers.
constexpr Rule Area(const char* field, bool needed) {
  return Of(Dimension::kArea, field, needed, 1e-8, 1.0);
}

constexpr Rule PowerOf(const char* field, bool needed, double max) {
  return Of(Dimension::kPower, field, needed, 0.0, max);
}

constexpr Rule kRules[] = {
    Count("Scenario.schema_version", kNeeded, 1, 1),
    FileName("Scenario.name", kNeeded),
    Text("Scenario.description", kOptional),
    Count("Scenario.seed", kOptional, 0, 18446744073709551615.0),
    Text("Scenario.include", kOptional),
    Block("Scenario.catalog", kOptional),
    Block("Scenario.site", kNeeded),
    Block("Scenario.job", kNeeded),
    Block("Scenario.change", kOptional),
    Span("Scenario.horizon", kOptional),
    Block("Scenario.reliability", kOptional),
    Block("Scenario.recording", kOptional),
    Block("Scenario.scheduler", kOptional),
    Block("Scenario.wan", kOptional),
    Text("Scenario.workload", kOptional),

    Text("Site.name", kOptional),
    Text("Site.cluster", kOptional),
    Text("Site.server", kNeeded),
    Count("Site.servers", kNeeded, 1, kAcceleratorsMax),
    Block("Site.fabric", kNeeded),
    Block("Site.override", kOptional),
    Block("Site.facility", kOptional),
    Text("Site.jurisdiction", kOptional),
    Block("Site.prices", kOptional),
    Bandwidth("Site.storage_bandwidth", kOptional),

    Block("Override.scale_up", kOptional),
    Bandwidth("Override.nic_bandwidth", kOptional),
    Bandwidth("Override.fabric_nic_bandwidth", kOptional),
    Of(Dimension::kBandwidth, "Override.hbm_bandwidth", kOptional, 1e3, 1e17),
    Data("Override.hbm_capacity", kOptional),
    Number("Override.flops_factor", kOptional, 1e-3, 1e3),
    Of(Dimension::kPower, "Override.power_limit", kOptional, 1.0, 1e6),
    Block("Override.comply_with", kOptional),
    Choice("Compliance.rule", kNeeded),
    Choice("Compliance.knob", kOptional),

    Block("Fabric.clos", kOptional),
    NotSimulated("Fabric.dragonfly"),
    Block("Fabric.torus", kOptional),
    Block("Fabric.listed", kOptional),
    Block("Fabric.hyperx", kOptional),
    Count("Clos.tiers", kNeeded, 2, 3),
    Flag("Clos.rail_optimized"),
    Count("Clos.servers_per_leaf", kNeeded, 1, 1e6),
    Count("Clos.leaves_per_pod", kNeeded, 1, 1e6),
    Number("Clos.leaf_oversubscription", kOptional, 0.01, 1000),
    Number("Clos.spine_oversubscription", kOptional, 0.01, 1000),
    Text("Clos.leaf_switch", kNeeded),
    Text("Clos.spine_switch", kNeeded),
    Text("Clos.core_switch", kOptional),
    Choice("Clos.routing", kOptional),
    NotSimulated("Dragonfly.groups"),
    NotSimulated("Dragonfly.routers_per_group"),
    Count("Torus.size", kNeeded, 2, 65536),
    Count("Torus.block", kNeeded, 1, 65536),
    Time("Torus.hop_latency", kOptional),
    Count("Torus.optical_switches", kOptional, 1, 1e6),
    Text("Torus.optical_switch", kOptional),
    Text("Listed.file", kNeeded),
    Count("HyperX.size", kNeeded, 2, 65536),
    Count("HyperX.servers_per_router", kNeeded, 1, 1e6),
    Text("HyperX.router_switch", kNeeded),
    Count("HyperX.links_between", kOptional, 1, 65536),

    Number("Facility.pue", kOptional, 1, 10),
    Text("Facility.building", kOptional),
    PowerOf("Facility.power_cap", kOptional, 1e12),
    Choice("Facility.power_policy", kOptional),
    Number("Prices.electricity", kOptional, 0, 1e3),
    Number("Prices.carbon", kOptional, 0, 1e5),
    Text("WanLink.from", kNeeded),
    Text("WanLink.to", kNeeded),
    Bandwidth("WanLink.bandwidth", kNeeded),
    Of(Dimension::kLength, "WanLink.distance", kNeeded, 1.0, 5e7),

    Text("Job.name", kOptional),
    Of(Dimension::kTime, "Job.start", kOptional, 0.0, kHorizonMax),
    Text("Job.tenant", kOptional),
    Count("Job.priority", kOptional, 0, 1e6),
    Text("Job.site", kOptional),
    Text("Job.span", kOptional),
    Text("Job.cohort", kOptional),
    Text("Job.after_cohort", kOptional),
    Block("Job.pretraining", kOptional),
    Block("Job.campaign", kOptional),
    Block("Job.serving", kOptional),
    NotSimulated("Job.reinforcement_learning"),
    Block("Job.collective_test", kOptional),

    Text("Pretraining.model", kNeeded),
    Text("Pretraining.stack", kNeeded),
    Block("Pretraining.layout", kNeeded),
    Count("Pretraining.global_batch", kNeeded, 1, kInt32Max),
    Count("Pretraining.micro_batch", kOptional, 1, kInt32Max),
    Count("Pretraining.sequence_length", kNeeded, 1, kInt32Max),
    Choice("Pretraining.precision", kOptional),
    Count("Pretraining.zero", kOptional, 0, 3),
    Choice("Pretraining.recompute", kOptional),
    Count("Pretraining.steps", kOptional, 1, 1e12),
    Span("Pretraining.checkpoint_interval", kOptional),
    Number("Pretraining.tokens", kOptional, 1, 1e18),
    Count("Pretraining.fails_at_step", kOptional, 1, 1e12),
    Block("Pretraining.overlap", kOptional),
    Number("Overlap.tensor", kOptional, 0, 1),
    Flag("Overlap.gradients"),
    Flag("Overlap.parameters"),
    Number("Overlap.experts", kOptional, 0, 1),

    Count("Layout.tensor", kNeeded, 1, kInt32Max),
    Count("Layout.pipeline", kNeeded, 1, kInt32Max),
    Count("Layout.virtual_pipeline", kOptional, 1, kInt32Max),
    Count("Layout.data", kNeeded, 1, kInt32Max),
    Count("Layout.shard_group", kOptional, 1, kInt32Max),
    Count("Layout.context", kOptional, 1, kInt32Max),
    Count("Layout.expert", kOptional, 1, kInt32Max),
    Flag("Layout.sequence_parallel"),
    Flag("Layout.embedding_as_layer"),
    Choice("Layout.rank_order", kOptional),
    Count("Layout.expert_tensor", kOptional, 1, kInt32Max),
    Flag("Layout.uneven_layers"),
    Count("Layout.domain_ranks", kOptional, 1, 65536),
    Choice("Layout.schedule", kOptional),

    Count("Campaign.experiments", kNeeded, 1, 1e6),
    Span("Campaign.over", kNeeded),
    Block("Campaign.rung", kNeeded),
    Number("Campaign.tail", kOptional, 0, 10),
    Number("Campaign.length_sigma", kOptional, 0, 5),
    Block("Campaign.halving", kOptional),
    Number("Campaign.failing_share", kOptional, 0, 1),
    Text("Campaign.final_run", kOptional),
    Number("Campaign.compute", kOptional, 1e-6, 1e6),
    Count("Halving.rounds", kNeeded, 2, 20),
    Number("Halving.keep", kNeeded, 1e-3, 0.999),
    Number("Halving.growth", kNeeded, 1.001, 1e3),
    Text("Serving.model", kNeeded),
    Count("Serving.replicas", kNeeded, 1, 1e6),
    Count("Serving.replicas_min", kOptional, 1, 1e6),
    Count("Serving.tensor", kNeeded, 1, 65536),
    Choice("Serving.precision", kOptional),
    Block("Serving.arrivals", kNeeded),
    Block("Serving.group", kNeeded),
    Count("Serving.batch_max", kOptional, 1, 65536),
    Count("Serving.prefill_tokens_max", kOptional, 1, 1e9),
    Count("Serving.replicas_simulated", kOptional, 1, 1e6),
    Span("Serving.ttft_objective", kOptional),
    Span("Serving.tpot_objective", kOptional),
    Number("Arrivals.requests_per_second", kNeeded, 1e-9, 1e9),
    Number("Arrivals.swing", kOptional, 0, 1),
    Time("Arrivals.peak", kOptional),
    Text("RequestGroup.name", kNeeded),
    Number("RequestGroup.share", kNeeded, 1e-9, 1e9),
    Block("RequestGroup.prompt", kNeeded),
    Block("RequestGroup.output", kNeeded),
    Text("RequestGroup.source", kOptional),
    Number("Lengths.median", kNeeded, 1, 1e9),
    Number("Lengths.p90", kNeeded, 1, 1e9),
    Count("Lengths.max", kNeeded, 1, 1e9),
    NotSimulated("ReinforcementLearning.model"),
    Text("CollectiveTest.collective", kNeeded),
    Data("CollectiveTest.size", kNeeded),
    Text("CollectiveTest.algorithm", kOptional),
    Count("CollectiveTest.ranks", kOptional, 2, kAcceleratorsMax),
    Count("CollectiveTest.group_size", kOptional, 2, kAcceleratorsMax),
    Count("CollectiveTest.group_stride", kOptional, 1, kAcceleratorsMax),
    Count("CollectiveTest.iterations", kOptional, 1, 1e4),
    Of(Dimension::kTime, "Change.at", kNeeded, 0.0, kHorizonMax),
    Of(Dimension::kTime, "Change.until", kOptional, 0.0, kHorizonMax),
    Text("Change.path", kOptional),
    Text("Change.value", kOptional),
    Block("Change.outage", kOptional),
    Text("Outage.site", kOptional),
    Count("Outage.first_server", kOptional, 0, kInt32Max),
    Count("Outage.servers", kOptional, 1, kInt32Max),
    Count("Outage.wan", kOptional, 1, 1e6),
    Text("Reliability.failure_rate", kOptional),
    Of(Dimension::kTime, "Reliability.server_mtbf", kOptional, 1.0, 1e12),
    Span("Reliability.repair_time", kOptional),
    Span("Reliability.restart_time", kOptional),
    Choice("Scheduler.policy", kOptional),
    Count("Recording.intervals", kOptional, 16, 65536),
    NotSimulated("Recording.link"),
    Span("Recording.interval", kOptional),

    Block("Workload.item", kNeeded),
    Block("Item.header", kOptional),
    Block("Item.job", kOptional),
    Block("Item.request", kOptional),
    Block("Item.end", kOptional),
    Block("Item.origin", kOptional),
    Text("JobOrigin.campaign", kNeeded),
    Count("JobOrigin.rung", kOptional, 0, kInt32Max),
    Count("JobOrigin.round", kNeeded, 1, kInt32Max),
    Count("WorkloadEnd.items", kNeeded, 1, 1e15),
    Count("WorkloadEnd.hash", kOptional, 0, 18446744073709551615.0),
    Count("WorkloadHeader.schema_version", kNeeded, 1, 1),
    Text("WorkloadHeader.scenario", kOptional),
    Count("WorkloadHeader.seed", kOptional, 0, 18446744073709551615.0),
    Text("WorkloadHeader.generated", kOptional),
    Text("Request.fleet", kNeeded),
    Number("Request.route", kOptional, 0, kBelowOne),
    Number("Request.arrival", kOptional, 0, kHorizonMax),
    Count("Request.group", kOptional, 0, kInt32Max),
    Count("Request.prompt_tokens", kNeeded, 1, 1e9),
    Count("Request.output_tokens", kNeeded, 1, 1e9),

    Block("Catalog.accelerator", kOptional),
    Block("Catalog.server", kOptional),
    Block("Catalog.switch", kOptional),
    Block("Catalog.optics", kOptional),
    Block("Catalog.model", kOptional),
    Block("Catalog.stack", kOptional),
    Block("Catalog.memory", kOptional),
    Block("Catalog.building", kOptional),
    Block("Catalog.wan_optics", kOptional),
    Block("Catalog.failure_rate", kOptional),
    Block("Catalog.cluster", kOptional),
    Text("Source.field", kOptional),
    Text("Source.text", kNeeded),
    Flag("Source.estimate"),

    Text("Accelerator.name", kNeeded),
    Text("Accelerator.title", kOptional),
    Text("Accelerator.like", kOptional),
    Block("Accelerator.rate", kNeeded),
    Data("Accelerator.hbm_capacity", kNeeded),
    // Memory on a wafer reaches 21 PB/s.
    Of(Dimension::kBandwidth, "Accelerator.hbm_bandwidth", kNeeded, 1e3, 1e17),
    Number("Accelerator.hbm_efficiency", kNeeded, kShareMin, 1),
    Block("Accelerator.scale_up", kNeeded),
    Number("Accelerator.sustained_clock", kNeeded, kShareMin, 1),
    Block("Accelerator.power", kNeeded),
    Block("Accelerator.facts", kOptional),
    Block("Accelerator.source", kOptional),
    Text("AcceleratorFacts.launch", kOptional),
    Text("AcceleratorFacts.process", kOptional),
    Flag("AcceleratorFacts.planar"),
    Area("AcceleratorFacts.logic_die_area", kOptional),
    Count("AcceleratorFacts.dies", kOptional, 1, 1024),
    Text("AcceleratorFacts.memory", kOptional),
    Count("AcceleratorFacts.memory_stacks", kOptional, 1, 1024),
    Block("AcceleratorFacts.host", kOptional),
    Choice("AcceleratorFacts.scale_up_kind", kOptional),
    Count("AcceleratorFacts.torus", kOptional, 2, 65536),
    Block("AcceleratorFacts.other_rate", kOptional),
    Flag("AcceleratorFacts.consumer"),
    Number("AcceleratorFacts.price", kOptional, 1, 1e9),
    Count("OtherRate.bits", kNeeded, 1, 64),
    Of(Dimension::kCompute, "OtherRate.peak", kNeeded, 1e6, 1e21),
    Bandwidth("LinkBandwidth.per_direction", kOptional),
    Bandwidth("LinkBandwidth.bidirectional", kOptional),
    Choice("MatrixRate.precision", kNeeded),
    Of(Dimension::kCompute, "MatrixRate.peak", kNeeded, 1e6, 1e21),
    Block("MatrixRate.gemm", kNeeded),
    Number("MatrixRate.attention_efficiency", kNeeded, kShareMin, 1),
    Number("MatrixRate.attention_backward_efficiency", kNeeded, kShareMin, 1),
    Of(Dimension::kWork, "GemmEfficiency.work", kNeeded, 1.0, 1e24),
    Number("GemmEfficiency.efficiency", kNeeded, kShareMin, 1),
    PowerOf("Power.idle", kNeeded, 1e6),
    Of(Dimension::kPower, "Power.limit", kNeeded, 1.0, 1e6),
    Of(Dimension::kEnergyPerFlop, "Power.per_flop", kNeeded, 0.0, 1e-6),
    Of(Dimension::kEnergyPerByte, "Power.per_hbm_byte", kNeeded, 0.0, 1e-6),
    Of(Dimension::kEnergyPerByte, "Power.per_link_byte", kNeeded, 0.0, 1e-6),

    // In-network reduction sends less than a ring, so all-reduce may exceed the link's bandwidth.
    Number("CollectiveFit.all_reduce_efficiency", kNeeded, kShareMin, 2),
    Number("CollectiveFit.all_gather_efficiency", kNeeded, kShareMin, 1),
    Number("CollectiveFit.reduce_scatter_efficiency", kNeeded, kShareMin, 1),
    Number("CollectiveFit.send_efficiency", kNeeded, kShareMin, 1),
    Time("CollectiveFit.step_latency", kNeeded),
    Time("CollectiveFit.base_latency", kNeeded),
    Number("CollectiveFit.low_latency_efficiency", kOptional, kShareMin, 2),
    Time("CollectiveFit.bulk_latency", kOptional),
    Number("CollectiveFit.local_copy", kOptional, 0, 10),
    Number("CollectiveFit.all_to_all_efficiency", kOptional, kShareMin, 1),
    Flag("CollectiveFit.reduces_in_switch"),
    Text("Server.name", kNeeded),
    Text("Server.title", kOptional),
    Text("Server.like", kOptional),
    Text("Server.accelerator", kNeeded),
    Count("Server.accelerators", kNeeded, 1, 65536),
    Block("Server.scale_up", kNeeded),
    Count("Server.nics", kNeeded, 1, 65536),
    Bandwidth("Server.nic_bandwidth", kNeeded),
    Block("Server.scale_out", kNeeded),
    PowerOf("Server.overhead_power", kNeeded, 1e9),
    Block("Server.source", kOptional),
    Text("Switch.name", kNeeded),
    Text("Switch.title", kOptional),
    Text("Switch.like", kOptional),
    Count("Switch.ports", kNeeded, 1, 65536),
    Bandwidth("Switch.port_bandwidth", kNeeded),
    Time("Switch.latency", kNeeded),
    PowerOf("Switch.power", kNeeded, 1e6),
    Block("Switch.source", kOptional),
    Text("Optics.name", kNeeded),
    Text("Optics.title", kOptional),
    Text("Optics.like", kOptional),
    Bandwidth("Optics.bandwidth", kNeeded),
    Of(Dimension::kLength, "Optics.reach", kNeeded, 1e-3, 1e8),
    PowerOf("Optics.power", kNeeded, 1e6),
    Block("Optics.source", kOptional),
    Text("Memory.name", kNeeded),
    Text("Memory.title", kOptional),
    Text("Memory.like", kOptional),
    Choice("Memory.kind", kNeeded),
    Bandwidth("Memory.stack_bandwidth", kOptional),
    Area("Memory.stack_area", kOptional),
    Block("Memory.source", kOptional),
    Text("Building.name", kNeeded),
    Text("Building.title", kOptional),
    Text("Building.like", kOptional),
    Number("Building.pue", kNeeded, 1, 10),
    // From a few mills to a diesel on an island, in USD; from none to the dirtiest lignite, in
    // grams.
    Number("Building.electricity_price", kOptional, 0, 10),
    Number("Building.carbon_intensity", kOptional, 0, 3000),
    Block("Building.source", kOptional),
    Text("WanOptics.name", kNeeded),
    Text("WanOptics.title", kOptional),
    Text("WanOptics.like", kOptional),
    Bandwidth("WanOptics.bandwidth", kNeeded),
    Of(Dimension::kLength, "WanOptics.reach", kNeeded, 1e-3, 1e8),
    Count("WanOptics.wavelengths", kOptional, 1, 1024),
    PowerOf("WanOptics.power", kNeeded, 1e6),
    Block("WanOptics.source", kOptional),
    Text("FailureRate.name", kNeeded),
    Text("FailureRate.title", kOptional),
    Text("FailureRate.like", kOptional),
    Of(Dimension::kTime, "FailureRate.mtbf", kNeeded, 1.0, 1e12),
    Text("FailureRate.unit", kNeeded),
    Of(Dimension::kTime, "FailureRate.repair_time", kOptional, 1.0, 1e10),
    Block("FailureRate.source", kOptional),

    Text("Cluster.name", kNeeded),
    Text("Cluster.title", kOptional),
    Text("Cluster.like", kOptional),
    Text("Cluster.server", kNeeded),
    Count("Cluster.servers", kNeeded, 1, kAcceleratorsMax),
    Block("Cluster.fabric", kNeeded),
    Text("Cluster.building", kOptional),
    Flag("Cluster.hypothetical"),
    Block("Cluster.source", kOptional),

    Text("Model.name", kNeeded),
    Text("Model.title", kOptional),
    Text("Model.like", kOptional),
    Count("Model.layers", kNeeded, 1, 1e5),
    Count("Model.hidden", kNeeded, 1, 1e6),
    Count("Model.heads", kNeeded, 1, 65536),
    Count("Model.kv_heads", kOptional, 1, 65536),
    Count("Model.head_dim", kOptional, 1, 8192),
    Count("Model.ffn", kNeeded, 1, 1e7),
    Flag("Model.gated"),
    Count("Model.vocabulary", kNeeded, 1, 1e8),
    Count("Model.max_positions", kOptional, 0, 1e9),
    Flag("Model.tied_embeddings"),
    Choice("Model.attention", kOptional),
    Block("Model.mixture", kOptional),
    Block("Model.latent_attention", kOptional),
    Block("Model.source", kOptional),
    Count("Mixture.experts", kNeeded, 2, 65536),
    Count("Mixture.experts_per_token", kNeeded, 1, 65536),
    Count("Mixture.expert_ffn", kNeeded, 1, 1e7),
    Count("Mixture.shared_experts", kOptional, 0, 65536),
    Count("Mixture.dense_layers", kOptional, 0, 1e5),
    Flag("Mixture.dense_every_second"),
    Count("Mixture.domains_per_token", kOptional, 1, 65536),
    Count("LatentAttention.query_rank", kOptional, 1, 1e6),
    Count("LatentAttention.key_value_rank", kNeeded, 1, 1e6),
    Count("LatentAttention.plain_head_dim", kNeeded, 1, 8192),
    Count("LatentAttention.rotary_head_dim", kNeeded, 1, 8192),
    Count("LatentAttention.value_head_dim", kNeeded, 1, 8192),
    Text("Stack.name", kNeeded),
    Text("Stack.title", kOptional),
    Text("Stack.like", kOptional),
    Time("Stack.launch_floor_forward", kNeeded),
    Time("Stack.launch_floor_backward", kNeeded),
    Time("Stack.step_overhead", kNeeded),
    Number("Stack.hbm_traffic_factor", kNeeded, 1, 100),
    Number("Stack.tensor_overlap", kOptional, 0, 1),
    Data("Stack.gradient_bucket", kNeeded),
    Flag("Stack.overlap_gradients"),
    Flag("Stack.overlap_parameters"),
    Number("Stack.main_gradient_bytes", kNeeded, 2, 4),
    Flag("Stack.fused_attention"),
    Flag("Stack.saves_elementwise_outputs"),
    Number("Stack.attention_speed", kOptional, kShareMin, 10),
    Flag("Stack.narrow_parameters"),
    Time("Stack.expert_wait_forward", kOptional),
    Time("Stack.expert_wait_backward", kOptional),
    Number("Stack.expert_overlap", kOptional, 0, 1),
    Number("Stack.expert_compute_share", kOptional, kShareMin, 1),
    Number("Stack.dispatch_bytes", kOptional, 1, 2),
    Flag("Stack.dispatch_once_per_domain"),
    Number("Stack.kept_activation_bytes", kOptional, 1, 2),
    Block("Stack.source", kOptional),
};

}  // namespace

std::span<const Rule> AllRules() {
  return kRules;
}

}  // namespace gridlock
