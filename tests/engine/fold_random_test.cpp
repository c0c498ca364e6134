// Folded equals full on machines and jobs drawn from a seed, so that no shape is left out because
// nobody thought of it.

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "sim/oracle/laid_job.h"
#include "sim/plan/demand.h"
#include "tests/clos_of.h"
#include "tests/engine/machines.h"
#include "topologies/clos/topology.h"

namespace gridlock {

namespace {

class Draw {
 public:
  explicit Draw(unsigned seed) : random_(seed) {}

  int Of(std::initializer_list<int> choices) {
    return *(choices.begin() + random_() % choices.size());
  }

  bool Coin() { return random_() % 2 == 0; }

 private:
  std::mt19937 random_;
};

TrainingSpec DrawJob(Draw& draw) {
  Layout layout;
  layout.tensor = draw.Of({1, 2, 4, 8, 8, 16});
  layout.pipeline = draw.Of({1, 2, 3, 4});
  layout.virtual_pipeline = layout.pipeline > 1 ? draw.Of({1, 1, 2, 3}) : 1;
  layout.data = draw.Of({1, 2, 3, 4, 5, 6, 7, 8, 9, 12});
  layout.context = draw.Of({1, 1, 1, 2});
  layout.rank_order = draw.Coin() ? RankOrder::kTensorDataPipeline : RankOrder::kTensorPipelineData;
  layout.sequence_parallel = draw.Coin();
  const int layers = layout.pipeline * layout.virtual_pipeline * draw.Of({1, 2, 3});
  TrainingSpec job = SmallJob(layout, layers);
  job.global_batch = static_cast<std::int64_t>(layout.data) * layout.pipeline * draw.Of({1, 2, 3});
  job.zero = draw.Of({0, 1, 1, 2, 3});
  if (job.zero > 0 && layout.data % 2 == 0) {
    job.layout.shard_group = draw.Of({0, 0, 2});
  }
  if (layout.data % 2 == 0 && layout.context == 1 && draw.Of({0, 0, 1}) == 1) {
    // Alone, or beside shard groups.
    job.model.mixture.experts = 48;
    job.model.mixture.experts_per_token = 2;
    job.model.mixture.expert_ffn = 2048;
    job.layout.expert = 2;
    job.layout.expert_tensor = draw.Of({0, 1});
    job.layout.sequence_parallel = true;
  }
  job.recompute = static_cast<Recompute>(draw.Of({0, 1, 2}));
  job.model.tied_embeddings = draw.Coin();
  job.stack.tensor_overlap = draw.Of({0, 5, 9}) / 10.0;
  job.stack.gradient_bucket = Bytes(draw.Of({5, 20, 1000}) * 1e6);
  job.stack.overlap_gradients = draw.Coin();
  job.stack.overlap_parameters = draw.Coin();
  job.stack.fused_attention = draw.Coin();
  job.stack.launch_floor_forward = Seconds(draw.Of({0, 5, 100}) * 1e-6);
  job.stack.step_overhead = Seconds(draw.Of({0, 1}) * 1e-3);
  return job;
}

SiteSpec DrawSite(Draw& draw, int accelerators) {
  const int domain = draw.Of({8, 8, 16, 48});
  ServerSpec server =
      draw.Coin() ? RealisticServer(domain, domain) : IdealServer(domain, domain / draw.Of({1, 2}));
  // HBM that is short, now and then.
  server.accelerator.hbm_bandwidth = BytesPerSecond(draw.Of({3, 3, 1}) * 1e12);
  ClosSizes sizes;
  sizes.servers = (accelerators + domain - 1) / domain + draw.Of({0, 0, 1});
  sizes.servers_per_leaf = draw.Of({1, 2, 3, 4});
  sizes.rails = draw.Coin();
  sizes.tiers = draw.Of({2, 3});
  const int rails = sizes.rails ? server.nics : 1;
  const int groups = (sizes.servers + sizes.servers_per_leaf - 1) / sizes.servers_per_leaf;
  sizes.leaves_per_pod = rails * (sizes.tiers == 2 ? groups : draw.Of({1, 2, 3}));
  sizes.leaf_over = draw.Of({1, 2, 4, 7});
  sizes.spine_over = draw.Of({1, 3, 8});
  sizes.routing = draw.Coin() ? Routing::kSpray : Routing::kEcmp;
  SiteSpec site = ClosSite(server, sizes);
  ClosOf(site).leaf.latency = Seconds(draw.Of({0, 1}) * 0.6e-6);
  ClosOf(site).spine.latency = Seconds(draw.Of({0, 1}) * 0.8e-6);
  return site;
}

// What a class of links is said to carry at most, all of them together.
double MostOver(TierIndex tier, const std::vector<LinkDemand>& demands, const Network& network) {
  double sum = 0;
  for (const LinkDemand& demand : demands) {
    sum += network.tier(demand.link) == tier ? demand.most.si() : 0.0;
  }
  return sum;
}

double PeakOf(const UtilisationSeries& series) {
  const double all = series.capacity_si * static_cast<double>(series.members);
  return series.share.empty() ? 0.0
                              : all * *std::max_element(series.share.begin(), series.share.end());
}

bool Straddles(const SiteSpec& site, const TrainingSpec& job) {
  const int domain = site.server.accelerators;
  return domain % job.layout.tensor != 0 && job.layout.tensor % domain != 0;
}

// The draws of one test; GRIDLOCK_DRAWS=10 is ten times as many.
unsigned Times(unsigned draws) {
  const char* const more = std::getenv("GRIDLOCK_DRAWS");
  return draws * (more == nullptr ? 1U : static_cast<unsigned>(std::stoul(more)));
}

class Drawn : public testing::TestWithParam<unsigned> {};

}  // namespace

TEST_P(Drawn, MachinesFoldWithoutLoss) {
  const unsigned per_test = Times(6);
  for (unsigned i = 0; i < per_test; ++i) {
    const unsigned seed = GetParam() * per_test + i;
    Draw draw(seed);
    const TrainingSpec job = DrawJob(draw);
    const SiteSpec site = DrawSite(draw, job.layout.accelerators());
    if (Straddles(site, job)) {
      continue;  // refused: the group would straddle a domain
    }
    const Scenario scenario = ScenarioOf(site, job);
    const auto records = Evaluate({{scenario, Fidelity::kFull},
                                   {scenario, Fidelity::kFolded},
                                   {scenario, Fidelity::kAnalytic}});
    const double step = records[0].step_time.si();
    EXPECT_NEAR(records[1].step_time.si(), step, 1e-6 * step) << "seed " << seed;
    for (std::size_t a = 0; a < records[0].attribution.size(); ++a) {
      EXPECT_NEAR(records[1].attribution[a].time.si(), records[0].attribution[a].time.si(),
                  1e-6 * step)
          << records[0].attribution[a].resource << ", seed " << seed;
    }
    EXPECT_LE(records[2].step_time.si(), step * (1 + 1e-9)) << "seed " << seed;
  }
}

TEST_P(Drawn, MachinesNeverCarryMoreThanTheirJobsDemand) {
  const unsigned per_test = Times(4);
  constexpr unsigned kOtherSeeds = 1000;
  for (unsigned i = 0; i < per_test; ++i) {
    const unsigned seed = kOtherSeeds + GetParam() * per_test + i;
    Draw draw(seed);
    const TrainingSpec job = DrawJob(draw);
    const SiteSpec site = DrawSite(draw, job.layout.accelerators());
    if (Straddles(site, job)) {
      continue;  // refused
    }
    const Network network(site);
    const LaidJob laid = LayJob(job, WholeSite(network, 0), network);
    const std::vector<LinkDemand> demands = DemandOf(laid.placed(), network);
    const StepRecord record = Evaluate(ScenarioOf(site, job), Fidelity::kFull);
    for (const TierIndex tier : {ClosTiers::kLeaf, ClosTiers::kSpine}) {
      if (ClosTopology(site).TierCanBind(tier)) {
        const double most = MostOver(tier, demands, network);
        EXPECT_LE(PeakOf(SeriesOf(record, network.tiers()[tier].name)), most * (1 + 1e-9))
            << network.tiers()[tier].name << ", seed " << seed;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Drawn, testing::Range(0U, 8U));

}  // namespace gridlock
