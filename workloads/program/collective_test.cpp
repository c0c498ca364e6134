#include "workloads/program/collective_test.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"

namespace gridlock {

namespace {

constexpr FamilyIndex kTested{0};
constexpr FamilyIndex kEverybody{1};

// Most ranks of a test: each is laid out by itself before alike ones are folded. A million ranks
// take 20 s and 1.5 GB with three algorithms.
constexpr std::int64_t kRanksMost = std::int64_t{1} << 22;

// Pairs that are laid of an all-to-all which has too many: some seconds.
constexpr std::int64_t kSampleMost = std::int64_t{1} << 21;

// All wait for all; nothing is sent.
constexpr Algorithm kBarrier{
    .name = "barrier",
    .words = "",
    .carries =
        [](CollectiveKind /*kind*/) {
          return false;
        },
    .refuses = RunsAlways,
    .chosen = ChosenNever,
    .shapes =
        [](const GroupShape& /*group*/) {
          return std::vector<PhaseShape>(1);
        },
    .costs =
        [](const CollectiveCall& /*call*/) {
          return std::vector<CollectiveCost>(1);
        },
};

GroupFamily FamilyOf(const CollectiveTestSpec& spec) {
  const int size = spec.group_size > 0 ? spec.group_size : spec.ranks;
  const int stride = spec.group_stride;
  const int block = size * stride;  // consecutive ranks that hold `stride` groups
  return {"tested", {{spec.ranks / block, block}, {stride, 1}}, {{size, stride}}};
}

// The scale-up domain of a rank, on servers that are filled one after another.
int DomainOf(const CollectiveTestSpec& spec, int rank, int domain) {
  if (!spec.accelerators.empty()) {
    return spec.accelerators[static_cast<std::size_t>(rank)] / domain;
  }
  return rank / (spec.domain_ranks > 0 ? std::min(spec.domain_ranks, domain) : domain);
}

// How the groups lie on the domains, each shape once.
std::vector<GroupShape> ShapesOf(const CollectiveTestSpec& spec, const GroupFamily& family,
                                 int domain) {
  std::vector<GroupShape> shapes;
  for (std::int64_t g = 0; g < family.group_count(); ++g) {
    GroupShape shape{static_cast<int>(family.group_size()), 0, 0};
    int last = -1;
    int held = 0;
    const auto close = [&] {
      shape.per_domain = shape.domains > 1 ? std::min(shape.per_domain, held) : held;
    };
    for (const RankIndex rank : family.RanksOf(g)) {
      const int here = DomainOf(spec, rank.value, domain);
      if (here != last) {
        close();
        last = here;
        held = 0;
        ++shape.domains;
      }
      ++held;
    }
    close();
    const auto same = [&shape](const GroupShape& other) {
      return other.domains == shape.domains && other.per_domain == shape.per_domain;
    };
    if (std::none_of(shapes.begin(), shapes.end(), same)) {
      shapes.push_back(shape);
    }
  }
  return shapes;
}

// Why an algorithm does not run on one of the groups; "" when it runs on all.
std::string Refusal(const Algorithm& algorithm, const std::vector<GroupShape>& shapes,
                    const ServerSpec& server) {
  for (const GroupShape& shape : shapes) {
    const std::string reason = algorithm.refuses(shape, server);
    if (!reason.empty()) {
      return reason;
    }
  }
  return "";
}

// "\"ring\", \"tree\" or \"automatic\"".
std::string Expected(const std::vector<const Algorithm*>& algorithms) {
  std::string names;
  for (std::size_t i = 0; i < algorithms.size(); ++i) {
    names += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", algorithms[i]->name);
  }
  return names + " or \"automatic\"";
}

// The algorithms that a test runs.
std::vector<const Algorithm*> AlgorithmsOf(const CollectiveTestSpec& spec,
                                           const GroupFamily& family, const ServerSpec& server) {
  const std::vector<GroupShape> shapes = ShapesOf(spec, family, server.domain());
  std::vector<const Algorithm*> run;
  std::vector<const Algorithm*> chosen;
  for (const Algorithm* algorithm : Algorithms()) {
    if (algorithm->carries(spec.kind) && Refusal(*algorithm, shapes, server).empty()) {
      run.push_back(algorithm);
      const bool excluded =
          std::find(spec.excluded.begin(), spec.excluded.end(), algorithm) != spec.excluded.end();
      if (!excluded && std::all_of(shapes.begin(), shapes.end(), [&](const GroupShape& shape) {
            return algorithm->chosen(shape, server);
          })) {
        chosen.push_back(algorithm);
      }
    }
  }
  if (spec.algorithm == nullptr && chosen.empty()) {
    throw UserError(spec.path + ".exclude",
                    fmt::format("no algorithm of {} is left here; expected one of {} less",
                                CollectiveName(spec.kind), Expected(run)));
  }
  if (spec.algorithm == nullptr) {
    return chosen;
  }
  const std::string path = spec.path + ".algorithm";
  if (!spec.algorithm->carries(spec.kind)) {
    throw UserError(path,
                    fmt::format("\"{}\" is no algorithm of {}; expected {}", spec.algorithm->name,
                                CollectiveName(spec.kind), Expected(run)));
  }
  const std::string reason = Refusal(*spec.algorithm, shapes, server);
  if (!reason.empty()) {
    throw UserError(path, fmt::format("\"{}\" does not run here: {}; expected {}",
                                      spec.algorithm->name, reason, Expected(run)));
  }
  return {spec.algorithm};
}

// The parts of an uneven all-to-all: given once, and as many as there are ranks or pairs.
void CheckParts(const CollectiveTestSpec& spec) {
  const auto refuse = [&spec](const char* field, const std::string& what) {
    throw UserError(spec.path + field, what);
  };
  if (!spec.uneven) {
    if (spec.imbalance > 0 || !spec.parts.empty()) {
      refuse(spec.imbalance > 0 ? ".imbalance" : ".part",
             fmt::format("the parts of {} are alike; expected collective: \"{}\"", spec.Name(),
                         CollectiveTestSpec::kUnevenName));
    }
    return;
  }
  const auto n = static_cast<std::size_t>(spec.group_size > 0 ? spec.group_size : spec.ranks);
  if (spec.parts.empty() == !(spec.imbalance > 0)) {
    refuse(".collective", fmt::format("{} of \"imbalance\" and \"part\" is given; expected one of "
                                      "them, e.g. imbalance: 2",
                                      spec.parts.empty() ? "none" : "each"));
  }
  if (spec.imbalance > static_cast<double>(n)) {
    refuse(".imbalance",
           fmt::format("the first of {} ranks cannot get {:g} times the mean; expected "
                       "1 to {}",
                       n, spec.imbalance, n));
  }
  if (!spec.parts.empty() && spec.parts.size() != n && spec.parts.size() != n * n) {
    refuse(".part", fmt::format("{} parts are given for groups of {} ranks; expected {}, one for "
                                "each rank, or {}, one for each pair",
                                spec.parts.size(), n, n, n * n));
  }
  if (!spec.parts.empty() && std::accumulate(spec.parts.begin(), spec.parts.end(), 0.0) <= 0) {
    refuse(".part", "all parts are 0; expected one above 0");
  }
}

// Switches add up what is data alone.
void CheckProtocol(const CollectiveTestSpec& spec) {
  const bool in_switch =
      spec.algorithm != nullptr && std::string(spec.algorithm->name).starts_with("in_switch");
  if (in_switch && (spec.protocol == Protocol::kLl || spec.protocol == Protocol::kLl128)) {
    throw UserError(spec.path + ".protocol",
                    fmt::format("switches add up by the protocol \"simple\" alone, and \"{}\" is "
                                "asked for; expected \"simple\" or \"automatic\"",
                                ProtocolName(spec.protocol)));
  }
}

void CheckRanks(const CollectiveTestSpec& spec) {
  if (spec.ranks > kRanksMost) {
    throw UserError(spec.path + ".ranks",
                    fmt::format("a test of {} ranks is too large to lay out; expected at most {}",
                                spec.ranks, kRanksMost));
  }
}

void CheckSize(const CollectiveTestSpec& spec, const GroupFamily& family,
               const std::vector<const Algorithm*>& algorithms) {
  const auto algorithm_count = static_cast<std::int64_t>(algorithms.size());
  const auto sizes = static_cast<std::int64_t>(spec.sizes.size());
  const std::int64_t runs = sizes * algorithm_count * spec.iterations;
  if (runs > kTestRunsMost) {
    throw UserError(spec.path + ".iterations",
                    fmt::format("sizes x algorithms x iterations = {} x {} x {} = {} collectives; "
                                "expected at most {}",
                                sizes, algorithm_count, spec.iterations, runs, kTestRunsMost));
  }
  const std::int64_t pairs = family.group_count() * family.group_size() * family.group_size();
  if (CarriesTokens(spec.kind) && pairs > kPairsMost) {
    throw UserError(
        spec.path +
            (spec.group_size > 0 && spec.group_size < spec.ranks ? ".group_size" : ".ranks"),
        fmt::format("{} of {} ranks in groups of {} has {} pairs to lay on routes; expected at "
                    "most {}, as in one group of 4096 ranks",
                    CollectiveName(spec.kind), spec.ranks, family.group_size(), pairs, kPairsMost));
  }
}

}  // namespace

int SampledPairs(const CollectiveTestSpec& spec) {
  const std::int64_t pairs = std::int64_t{spec.ranks} * spec.group_size;
  const bool many = spec.kind == CollectiveKind::kAllToAll && !spec.uneven && pairs > kPairsMost;
  return many ? static_cast<int>((pairs + kSampleMost - 1) / kSampleMost) : 1;
}

double BusFactor(CollectiveKind kind, std::int64_t ranks) {
  const double share = static_cast<double>(ranks - 1) / static_cast<double>(ranks);
  switch (kind) {
    case CollectiveKind::kAllReduce:
      return 2 * share;
    case CollectiveKind::kAllGather:
    case CollectiveKind::kReduceScatter:
    case CollectiveKind::kAllToAll:
      return share;
    case CollectiveKind::kSendReceive:
    case CollectiveKind::kBroadcast:
    case CollectiveKind::kReduce:
    case CollectiveKind::kExpertDispatch:
    case CollectiveKind::kExpertCombine:
      return 1;
  }
  return 1;
}

CollectiveTestSpec OnSite(CollectiveTestSpec spec, const SiteSpec& site) {
  if (!spec.accelerators.empty()) {
    spec.ranks = static_cast<int>(spec.accelerators.size());
  }
  const int used = spec.domain_ranks > 0 ? spec.domain_ranks : site.server.accelerators;
  spec.ranks = spec.ranks > 0 ? spec.ranks : site.servers * used;
  spec.group_size = spec.group_size > 0 ? spec.group_size : spec.ranks / spec.group_stride;
  return spec;
}

StepProgram BuildCollectiveTest(const CollectiveTestSpec& spec, const ServerSpec& machine) {
  CheckRanks(spec);
  CheckParts(spec);
  CheckProtocol(spec);
  const ServerSpec server = AtProtocol(machine, spec.protocol);
  const GroupFamily family = FamilyOf(spec);
  const std::vector<const Algorithm*> algorithms = AlgorithmsOf(spec, family, server);
  CheckSize(spec, family, algorithms);
  StepProgram program;
  program.grid.path = spec.path + ".ranks";
  program.grid.data = spec.ranks;
  program.grid.domain_ranks = spec.domain_ranks;
  program.grid.chosen = spec.accelerators;
  program.families = {family, {"everybody", {}, {{spec.ranks, 1}}}};
  program.peak = server.accelerator.rates[static_cast<int>(Precision::kBf16)].peak;
  for (const Bytes size : spec.sizes) {
    for (const Algorithm* algorithm : algorithms) {
      Collective& row = program.collectives.emplace_back();
      row = {spec.Name(), kTested, spec.kind, size, algorithm};
      row.tokens = CarriesTokens(spec.kind) ? spec.tokens : TokenCopies{};
    }
  }
  const auto barrier = static_cast<std::int32_t>(program.collectives.size());
  program.collectives.push_back(
      {"barrier", kEverybody, CollectiveKind::kAllReduce, Bytes(0), &kBarrier});
  Role& role = program.roles.emplace_back();
  const auto run = [&role](std::int32_t collective) {
    role.push_back({Action::Kind::kStart, Direction::kForward, collective});
    role.push_back({Action::Kind::kWait, Direction::kForward, collective});
  };
  for (std::int32_t row = 0; row < barrier; ++row) {
    for (int i = 0; i < spec.iterations; ++i) {
      run(row);
      run(barrier);
    }
  }
  return program;
}

std::int32_t RowsOf(const StepProgram& program) {
  return static_cast<std::int32_t>(program.collectives.size()) - 1;
}

}  // namespace gridlock
