#include "sim/record/life_record.h"

#include <array>
#include <cmath>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include "sim/record/life_fields.h"
#include "tests/record/life_sample.h"

namespace gridlock {
namespace {

/// Walks through every value that a record holds, in the order of the lists of fields, and alters
/// the one whose number is asked for. A list counts once more than its elements: as its length.
class Alteration {
 public:
  explicit Alteration(int number) : left_(number) {}

  /// Fields by which the value was reached: "jobs[0].energy".
  [[nodiscard]] const std::string& where() const { return where_; }

  /// False when there are fewer values than `number`.
  [[nodiscard]] bool done() const { return left_ < 0; }

  template <typename T>
  void Walk(T& value, const std::string& path) {
    if constexpr (HasFields<T>) {
      ForEachField<T>([&](const auto& field) {
        if constexpr (std::remove_cvref_t<decltype(field)>::kStored) {
          if (field.note.bears) {
            Walk(value.*field.access, path + "." + field.note.name);
          }
        }
      });
    } else if constexpr (requires { value.begin(); } && !std::is_same_v<T, std::string>) {
      for (std::size_t i = 0; i < value.size(); ++i) {
        Walk(value[i], path + "[" + std::to_string(i) + "]");
      }
      if constexpr (requires { value.pop_back(); }) {
        if (Here(path + " shorter") && !value.empty()) {
          value.pop_back();
        }
      }
    } else if (Here(path)) {
      Alter(value);
    }
  }

 private:
  bool Here(const std::string& path) {
    if (left_-- != 0) {
      return false;
    }
    where_ = path;
    return true;
  }

  template <typename T>
  static void Alter(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      value = !value;
    } else if constexpr (std::is_same_v<T, std::string>) {
      value += "x";
    } else if constexpr (std::is_enum_v<T>) {
      const auto next = static_cast<std::size_t>(value) + 1;
      value = static_cast<T>(next % kNames<T>.size());
    } else if constexpr (kIsQuantity<T>) {
      value += T(1.0 + 1e-3 * value.si());
    } else if constexpr (std::is_floating_point_v<T>) {
      value = std::isnan(value) ? 1.0 : 1.001 * value + 1.0;
    } else {
      ++value;
    }
  }

  int left_;
  std::string where_;
};

TEST(LifeFingerprint, MovesWithEveryResultAndNotWithItself) {
  const std::uint64_t before = LifeFingerprint(SmallLife());
  int values = 0;
  for (bool more = true; more; ++values) {
    LifeRecord record = SmallLife();
    Alteration alteration(values);
    alteration.Walk(record, "record");
    more = alteration.done();
    EXPECT_EQ(LifeFingerprint(record) != before, more) << alteration.where();
  }
  EXPECT_GT(values, 5 * 30) << "five jobs of more than thirty values each, and all else";
  LifeRecord record = SmallLife();
  record.fingerprint = 1;
  EXPECT_EQ(LifeFingerprint(record), before);
}

TEST(LifeFingerprint, CountsTheEnergyThatNoJobHeld) {
  LifeRecord record = SmallLife();
  record.sites[0].rest_energy += Joules(1.0);
  EXPECT_NE(LifeFingerprint(record), LifeFingerprint(SmallLife()));
}

TEST(LifeFingerprint, DoesNotSeeTheLastBitsOfASum) {
  LifeRecord record = SmallLife();
  record.sites[0].energy = Joules(record.sites[0].energy.si() * (1.0 + 1e-13));
  EXPECT_EQ(LifeFingerprint(record), LifeFingerprint(SmallLife()));
}

TEST(LifeSample, EveryJobsTimeSumsToItsWallTime) {
  const LifeRecord life = SmallLife();
  for (const LifeJob& job : life.jobs) {
    EXPECT_EQ(SumOfTimes(job), WallTime(job, life)) << job.name;
  }
}

TEST(SumOfTimes, IsOfEveryPartOfAJobsTime) {
  const LifeJob job = {.waiting = Seconds(1),
                       .training = Seconds(2),
                       .serving = Seconds(4),
                       .lost = Seconds(8),
                       .checkpointing = Seconds(16),
                       .restarting = Seconds(32),
                       .stalled = Seconds(64)};
  EXPECT_EQ(SumOfTimes(job), Seconds(127));
}

TEST(NameOf, IsTheOneOfTheTrace) {
  EXPECT_STREQ(NameOf(JobKind::kPretraining), "pretraining");
  EXPECT_STREQ(NameOf(JobKind::kExperiment), "experiment");
  EXPECT_STREQ(NameOf(JobKind::kServing), "serving");
  EXPECT_STREQ(NameOf(Outcome::kNotSubmitted), "not_submitted");
  EXPECT_STREQ(NameOf(EventKind::kSubmit), "submit");
  EXPECT_STREQ(NameOf(EventKind::kThrottle), "throttle");
}

}  // namespace
}  // namespace gridlock
