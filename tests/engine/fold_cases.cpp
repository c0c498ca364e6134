#include "tests/engine/fold_cases.h"

#include <ostream>

#include "tests/clos_of.h"

namespace gridlock {

namespace {

struct Dimensions {
  int tensor = 1, pipeline = 1, chunks = 1, data = 1;
  RankOrder order = RankOrder::kTensorDataPipeline;
};

// Layers: two per chunk. Small micro-batches, so that gradients and messages matter.
TrainingSpec JobOf(const Dimensions& d) {
  Layout layout;
  layout.tensor = d.tensor;
  layout.pipeline = d.pipeline;
  layout.virtual_pipeline = d.chunks;
  layout.data = d.data;
  layout.rank_order = d.order;
  TrainingSpec job = SmallJob(layout, 2 * d.pipeline * d.chunks);
  job.global_batch = 2LL * d.pipeline * d.data;
  job.stack.gradient_bucket = Bytes(20e6);
  job.stack.hbm_traffic_factor = 1.5;
  job.stack.launch_floor_forward = Seconds(5e-6);
  job.stack.launch_floor_backward = Seconds(9e-6);
  job.stack.step_overhead = Seconds(1e-4);
  return job;
}

FoldCase Case(const std::string& name, const ServerSpec& server, const ClosSizes& sizes,
              const Dimensions& dimensions) {
  FoldCase out{name, ClosSite(server, sizes), JobOf(dimensions)};
  ClosOf(out.site).leaf.latency = Seconds(0.6e-6);
  ClosOf(out.site).spine.latency = Seconds(0.7e-6);
  ClosOf(out.site).core.latency = Seconds(0.9e-6);
  if (sizes.routing == Routing::kSpray) {
    // Thin uplinks: bundles follow the ratio closely even where few NICs share a leaf.
    ClosOf(out.site).spine.port_bandwidth = ClosOf(out.site).core.port_bandwidth =
        BytesPerSecond(kNic / 8);
  }
  return out;
}

// Two servers to a leaf.
ClosSizes TwoTiers(int servers, double over) {
  return {.servers = servers,
          .servers_per_leaf = 2,
          .leaves_per_pod = (servers + 1) / 2,
          .leaf_over = over};
}

// Two servers to a leaf, two leaves to a pod.
ClosSizes ThreeTiers(int servers, double over) {
  return {.servers = servers,
          .servers_per_leaf = 2,
          .leaves_per_pod = 2,
          .tiers = 3,
          .spine_over = over};
}

constexpr auto kDataLast = RankOrder::kTensorPipelineData;

}  // namespace

FoldCase FoldCase::WithHalfTheUpperTier() const {
  FoldCase half = *this;
  double& ratio = ClosOf(site).tiers == 3 ? ClosOf(half.site).spine_oversubscription
                                          : ClosOf(half.site).leaf_oversubscription;
  ratio *= 2;
  return half;
}

std::ostream& operator<<(std::ostream& out, const FoldCase& fold_case) {
  return out << fold_case.name;
}

std::vector<FoldCase> EvenCases() {
  const ServerSpec server = RealisticServer(8, 8);
  std::vector<FoldCase> cases;
  cases.push_back(Case("Data32", server, TwoTiers(4, 16), {.data = 32}));
  cases.push_back(Case("Tensor2Data16", server, TwoTiers(4, 8), {.tensor = 2, .data = 16}));
  cases.push_back(Case("Tensor4Pipeline2Data4", server, TwoTiers(4, 8),
                       {.tensor = 4, .pipeline = 2, .data = 4, .order = kDataLast}));
  cases.push_back(Case("Tensor8Pipeline2Data4", server, TwoTiers(8, 4),
                       {.tensor = 8, .pipeline = 2, .data = 4}));
  cases.push_back(Case("Tensor8Pipeline4Chunks2Data2", server, TwoTiers(8, 4),
                       {.tensor = 8, .pipeline = 4, .chunks = 2, .data = 2, .order = kDataLast}));
  for (const auto& [name, schedule] : {std::pair{"ZeroBubbleInAV", Schedule::kZeroBubbleV},
                                       {"DualPipeInAV", Schedule::kDualPipeV},
                                       {"AllForwardFirst", Schedule::kGPipe},
                                       {"InterleavedZeroBubble", Schedule::kZeroBubble}}) {
    FoldCase other = cases.back();
    other.name = name;
    other.job.layout.schedule = schedule;
    cases.push_back(other);
  }
  cases.push_back(Case("Tensor16Data4", server, TwoTiers(8, 4), {.tensor = 16, .data = 4}));
  cases.push_back(Case("Tensor16Pipeline2Data2", server, TwoTiers(8, 4),
                       {.tensor = 16, .pipeline = 2, .data = 2}));
  ClosSizes rails = TwoTiers(8, 8);
  rails.rails = true;
  rails.leaves_per_pod = 32;
  cases.push_back(Case("RailsTensor8Data8", server, rails, {.tensor = 8, .data = 8}));
  cases.push_back(
      Case("ThreeTiersTensor8Data8", server, ThreeTiers(8, 8), {.tensor = 8, .data = 8}));
  cases.push_back(Case("ThreeTiersTensor4Pipeline4Data4", server, ThreeTiers(8, 16),
                       {.tensor = 4, .pipeline = 4, .data = 4}));
  ClosSizes racks = TwoTiers(4, 16);
  racks.servers_per_leaf = 1;
  racks.leaves_per_pod = 4;
  cases.push_back(
      Case("Racks72Tensor8Data36", RealisticServer(72, 72), racks, {.tensor = 8, .data = 36}));
  cases.push_back(Case("SharedNicsTensor8Pipeline2Data4", RealisticServer(8, 4), TwoTiers(8, 4),
                       {.tensor = 8, .pipeline = 2, .data = 4}));
  cases[1].job.recompute = Recompute::kFull;
  cases[3].job.model.tied_embeddings = true;
  cases[4].job.recompute = Recompute::kSelective;
  cases[4].job.stack.fused_attention = false;
  cases[7].job.zero = 0;
  cases[8].job.stack.tensor_overlap = 0.7;
  cases[9].job.stack.overlap_gradients = false;
  cases[11].job.stack.overlap_parameters = false;
  return cases;
}

FoldCase FiveAndAThirdPods() {
  ClosSizes sizes = ThreeTiers(64, 16);
  sizes.leaves_per_pod = 6;
  return Case("FiveAndAThirdPods", RealisticServer(8, 8), sizes,
              {.tensor = 8, .pipeline = 4, .data = 16});
}

std::vector<FoldCase> UnevenCases() {
  const ServerSpec server = RealisticServer(8, 8);
  std::vector<FoldCase> cases;
  cases.push_back(FiveAndAThirdPods());
  FoldCase straddling = FiveAndAThirdPods();
  straddling.name = "ReplicasThatStraddlePods";
  straddling.job = JobOf({.tensor = 8, .pipeline = 4, .data = 16, .order = kDataLast});
  ClosOf(straddling.site).leaves_per_pod = 5;
  cases.push_back(straddling);
  cases.push_back(Case("OddData", server, TwoTiers(7, 4), {.tensor = 8, .data = 7}));
  cases.push_back(Case("OddDataPipeline2", server, TwoTiers(6, 8),
                       {.tensor = 8, .pipeline = 2, .data = 3, .order = kDataLast}));
  cases.push_back(Case("Data24OnThreeServers", server, TwoTiers(3, 16), {.data = 24}));
  cases.push_back(Case("StagesThatShareAServer", server, TwoTiers(5, 8),
                       {.tensor = 4, .pipeline = 2, .data = 5}));
  ClosSizes ecmp = TwoTiers(8, 4);
  ecmp.routing = Routing::kEcmp;
  cases.push_back(
      Case("HashedTensor8Pipeline2Data4", server, ecmp, {.tensor = 8, .pipeline = 2, .data = 4}));
  ClosSizes ecmp3 = ThreeTiers(10, 4);
  ecmp3.routing = Routing::kEcmp;
  cases.push_back(Case("HashedThreeTiersTensor4Pipeline2Chunks2Data10", server, ecmp3,
                       {.tensor = 4, .pipeline = 2, .chunks = 2, .data = 10}));
  ClosSizes rails = ThreeTiers(11, 16);
  rails.rails = true;
  rails.leaves_per_pod = 16;
  cases.push_back(Case("RailsOfThreeTiersOddData", server, rails, {.tensor = 8, .data = 11}));
  ClosSizes racks = TwoTiers(3, 16);
  racks.servers_per_leaf = 1;
  racks.leaves_per_pod = 3;
  cases.push_back(
      Case("Racks96Tensor16Data15", RealisticServer(96, 96), racks, {.tensor = 16, .data = 15}));
  cases.push_back(Case("SharedNicsOddPipeline4", RealisticServer(8, 4), TwoTiers(10, 8),
                       {.tensor = 4, .pipeline = 4, .data = 5, .order = kDataLast}));
  ClosSizes wide = ThreeTiers(9, 16);
  wide.leaves_per_pod = 1;
  cases.push_back(Case("Tensor16StraddlesLeaves", server, wide,
                       {.tensor = 16, .pipeline = 2, .data = 2, .order = kDataLast}));
  cases[2].job.recompute = Recompute::kFull;
  cases[3].job.model.tied_embeddings = true;
  cases[4].job.zero = 0;
  cases[5].job.stack.tensor_overlap = 0.8;
  cases[6].job.model.tied_embeddings = true;
  cases[7].job.recompute = Recompute::kSelective;
  cases[10].job.zero = 0;
  cases[10].job.stack.overlap_gradients = false;
  return cases;
}

std::vector<FoldCase> ExpertCases() {
  const ServerSpec server = RealisticServer(8, 8);
  std::vector<FoldCase> cases;
  const auto add = [&](FoldCase fold_case, int expert, int expert_tensor = 0) {
    MixtureSpec& mixture = fold_case.job.model.mixture;
    mixture.experts = 48;
    mixture.experts_per_token = 2;
    mixture.expert_ffn = 2048;
    fold_case.job.layout.expert = expert;
    fold_case.job.layout.expert_tensor = expert_tensor;
    cases.push_back(std::move(fold_case));
  };
  add(Case("InADomain", server, TwoTiers(4, 16), {.data = 32}), 8);
  add(Case("AcrossDomains", server, TwoTiers(4, 16), {.data = 32}), 16);
  add(Case("Tensor2AcrossDomainsPipeline2", server, TwoTiers(4, 8),
           {.tensor = 2, .pipeline = 2, .data = 8}),
      8);
  add(Case("WholeExpertsInsideTensorGroups", server, TwoTiers(4, 8), {.tensor = 4, .data = 8}), 2,
      1);
  add(Case("InterleavedAcrossPods", server, ThreeTiers(8, 8),
           {.tensor = 4, .pipeline = 2, .chunks = 2, .data = 8}),
      8);
  // Groups of 6 in servers of 8: some lie in one, others in two.
  add(Case("GroupsThatStraddle", server, TwoTiers(3, 16), {.data = 24}), 6);
  ClosSizes pods = ThreeTiers(6, 16);
  pods.leaves_per_pod = 2;
  add(Case("UnevenPods", server, pods, {.data = 48}), 24);
  ClosSizes ecmp = TwoTiers(4, 4);
  ecmp.routing = Routing::kEcmp;
  add(Case("HashedAcrossDomains", server, ecmp, {.tensor = 2, .data = 16}), 8);
  cases[1].job.stack.expert_overlap = 0.6;
  cases[1].job.model.mixture.shared_experts = 1;
  cases[2].job.stack.expert_wait_forward = Seconds(30e-6);
  cases[2].job.zero = 3;
  cases[4].job.recompute = Recompute::kFull;
  cases[4].job.model.mixture.dense_layers = 3;
  cases[5].job.zero = 0;
  cases[6].job.stack.dispatch_once_per_domain = true;
  cases[6].job.model.mixture.domains_per_token = 1;
  return cases;
}

std::vector<FoldCase> AllFoldCases() {
  std::vector<FoldCase> cases = EvenCases();
  for (FoldCase& fold_case : UnevenCases()) {
    cases.push_back(std::move(fold_case));
  }
  return cases;
}

}  // namespace gridlock
