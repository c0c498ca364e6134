// Families of groups: the ranks that a few strides stand for, against the layouts written out.

#include "workloads/program/groups.h"

#include <set>

#include <gtest/gtest.h>

#include "workloads/program/outer_steps.h"
#include "workloads/program/training_program.h"

namespace gridlock {

namespace {

std::vector<int> RanksOf(const GroupFamily& family, std::int64_t group) {
  std::vector<int> ranks;
  for (const RankIndex rank : family.RanksOf(group)) {
    ranks.push_back(rank.value);
  }
  return ranks;
}

// Every rank once.
void ExpectPartition(const GroupFamily& family, int ranks) {
  std::set<int> seen;
  for (std::int64_t g = 0; g < family.group_count(); ++g) {
    const std::vector<int> members = RanksOf(family, g);
    EXPECT_TRUE(std::is_sorted(members.begin(), members.end()));
    seen.insert(members.begin(), members.end());
  }
  EXPECT_EQ(family.group_count() * family.group_size(), ranks) << family.name;
  EXPECT_EQ(static_cast<int>(seen.size()), ranks) << family.name;
}

Layout SmallLayout() {
  Layout layout;
  layout.tensor = 2;
  layout.context = 2;
  layout.data = 4;
  layout.pipeline = 2;
  layout.shard_group = 2;
  layout.expert = 4;
  layout.expert_tensor = 1;
  return layout;
}

}  // namespace

TEST(AFamily, IsTheSumOfPositionsTimesStrides) {
  const GroupFamily family{"same place", {{8, 1}}, {{4, 8}}};
  EXPECT_EQ(family.group_count(), 8);
  EXPECT_EQ(RanksOf(family, 3), (std::vector<int>{3, 11, 19, 27}));
}

TEST(FamiliesOfTraining, HoldEveryRankOnce) {
  const Layout layout = SmallLayout();
  const std::vector<GroupFamily> families = TrainingFamilies(layout);
  for (const FamilyIndex family :
       {training_group::kData, training_group::kReplica, training_group::kEmbedding,
        training_group::kExpert, training_group::kExpertData, training_group::kStages}) {
    ExpectPartition(families[family.value], layout.accelerators());
  }
}

TEST(FamiliesOfTraining, AreTheRanksOfTheLayout) {
  // Rank = tensor + 2 context + 4 data + 16 stage.
  const std::vector<GroupFamily> families = TrainingFamilies(SmallLayout());
  const auto group = [&](FamilyIndex family, std::int64_t number) {
    return RanksOf(families[family.value], number);
  };
  // Stage 0, tensor rank 1, second copy: replicas 2 and 3, both context ranks of each.
  EXPECT_EQ(group(training_group::kData, 3), (std::vector<int>{9, 11, 13, 15}));
  // Stage 1, tensor rank 0, context rank 1, first shard: replicas 0 and 2.
  EXPECT_EQ(group(training_group::kReplica, 8 + 4), (std::vector<int>{18, 26}));
  // Replica 1, tensor rank 1, context rank 0: first and last stage.
  EXPECT_EQ(group(training_group::kEmbedding, 5), (std::vector<int>{5, 21}));
  EXPECT_EQ(group(training_group::kStages, 5), (std::vector<int>{5, 21}));
  // Experts of one rank each, over four neighbours; those of stage 0 that hold the second quarter
  // in the first copy, and in the second one.
  EXPECT_EQ(group(training_group::kExpert, 1), (std::vector<int>{4, 5, 6, 7}));
  EXPECT_EQ(group(training_group::kExpertData, 1), (std::vector<int>{1, 5}));
  EXPECT_EQ(group(training_group::kExpertData, 5), (std::vector<int>{9, 13}));
}

TEST(FamiliesOfTraining, AreAsSmallForAMillionRanksAsForEight) {
  Layout layout;
  layout.tensor = 8;
  layout.data = 1 << 17;
  const std::vector<GroupFamily> families = TrainingFamilies(layout);
  EXPECT_EQ(families[training_group::kData.value].group_size(), 1 << 17);
  for (const GroupFamily& family : families) {
    EXPECT_LE(family.groups.size() + family.members.size(), 5U);
  }
}

}  // namespace gridlock
