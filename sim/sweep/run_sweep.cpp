#include "sim/sweep/run_sweep.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/process/pool.h"
#include "sim/record/fingerprint.h"
#include "sim/schema/problems.h"
#include "sim/sweep/point_record.h"
#include "sim/sweep/refine.h"
#include "sim/sweep/results_file.h"
#include "sim/sweep/shards.h"

namespace gridlock {
namespace {

/// The messages of a refused point, one a line, each with its position where there is one.
std::string Lines(const std::vector<std::string>& lines) {
  return fmt::format("{}", fmt::join(lines, "\n"));
}

class SweepRun {
 public:
  SweepRun(const Sweep& sweep, const TraceHeader& header, const SweepOptions& options)
      : sweep_(sweep),
        header_(header),
        options_(options),
        grown_(sweep.grid),
        all_cells_(CellsOf(sweep)),
        cells_(PointsOf(options.shard, all_cells_)),
        journal_(options.folder, IdentityOf(sweep, header, options, all_cells_.size()),
                 options.mode) {
    if (options_.note && !journal_.note().empty()) {
      options_.note(journal_.note());
    }
    if (!options.merged.empty() && journal_.points() == 0) {
      MergeShards(sweep, header, options, points(), journal_);
    }
  }

  SweepOutcome Run() {
    if (journal_.points() > 0) {
      ForEachLine(journal_.file(), [&](std::string_view line) {
        const PointRecord record = RecordOf(line);
        CheckOwn(record);
        Count(record);
      });
    }
    RunPoints();
    while (Refine()) {
      RunPoints();
    }
    outcome_.grid = refined_ > 0 ? Sorted(grown_) : grown_;
    outcome_.points = journal_.points();
    if (options_.shard.of > 1) {  // results are of all points
      return std::move(outcome_);
    }
    outcome_.fingerprint = WriteResults(sweep_, header_, outcome_.grid, journal_.file(),
                                        options_.folder + "/" + options_.results);
    journal_.Close();
    return std::move(outcome_);
  }

 private:
  // A line that somebody changed.
  void CheckOwn(const PointRecord& record) const {
    const bool known = record.point < points();
    if (known ? record.set != RecordAt(record.point).set : options_.refine.output.empty()) {
      throw IoError(
          fmt::format("{}:{}: this line is not of this sweep; expected an untouched "
                      "journal, or --overwrite",
                      journal_.file(), record.point + 1));
    }
  }

  [[nodiscard]] std::int64_t points() const {
    return static_cast<std::int64_t>(cells_.size() + added_.size());
  }

  [[nodiscard]] Cell CellOf(std::int64_t point) const {
    const auto number = static_cast<std::size_t>(point);
    return number < cells_.size() ? sweep_.grid.At(cells_[number]) : added_[number - cells_.size()];
  }

  [[nodiscard]] PointRecord RecordAt(std::int64_t number) const {
    const Cell cell = CellOf(number);
    PointRecord record;
    record.point = number;
    for (std::size_t i = 0; i < cell.size(); ++i) {
      const GridAxis& axis = grown_.axes()[i];
      record.at.emplace_back(axis.name, axis.coordinates[cell[i]].label);
    }
    if (sweep_.bases.size() > 1) {
      record.scenario = sweep_.bases[grown_.BaseAt(cell)].name;
    }
    record.set = LinesOf(grown_.PointAt(cell));
    return record;
  }

  // In the child.
  [[nodiscard]] std::string Simulated(std::int64_t number,
                                      const std::function<void(double)>& progress) const {
    PointRecord record = RecordAt(number);
    const Cell cell = CellOf(number);
    Scenario scenario;
    try {
      scenario = sweep_.bases[grown_.BaseAt(cell)].base.At(grown_.PointAt(cell));
      const RunRecord run = Simulate(scenario, sweep_.fidelity, progress);
      record.outputs = OutputsOf(run);
      record.fingerprint = FingerprintText(FingerprintOf(run));
    } catch (const LocatedError& error) {
      record.status = PointStatus::kRefused;
      for (const Problem& problem : error.problems()) {
        record.message += (record.message.empty() ? "" : "\n") + problem.message;
      }
    } catch (const UserError& error) {
      record.status = PointStatus::kRefused;
      record.message =
          scenario.file.empty() ? error.what() : Lines(Locate(error, scenario.sources));
    }
    return LineOf(record);
  }

  void RunPoints() {
    Drain();
    const std::int64_t first = journal_.points();
    std::vector<std::int64_t> todo;
    for (std::int64_t point = first; point < points(); ++point) {
      if (early_.contains(point) || TakeEarly(point)) {
        continue;
      }
      todo.push_back(point);
    }
    PoolOptions pool;
    pool.parallel = options_.parallel;
    pool.timeout_s = options_.timeout_s;
    pool.in_order = false;
    pool.progress = [&](std::size_t /*done*/, double fraction) {
      if (options_.progress) {
        const auto before = static_cast<double>(points() - static_cast<std::int64_t>(todo.size()));
        const double all = before + fraction * static_cast<double>(todo.size());
        options_.progress(outcome_.done + Bad(), points(), Bad(),
                          all / static_cast<double>(std::max<std::int64_t>(1, points())));
      }
    };
    RunTasks(
        todo.size(),
        [&](std::size_t number) -> Task {
          return [this, point = todo[number]](const auto& progress) {
            return Simulated(point, progress);
          };
        },
        [&](std::size_t number, TaskResult result) {
          Arrived(todo[number], std::move(result));
        },
        pool);
  }

  void Arrived(std::int64_t point, TaskResult result) {
    std::string line = std::move(result.bytes);
    if (!result.ok) {
      PointRecord record = RecordAt(point);
      record.status = result.timed_out ? PointStatus::kTimedOut : PointStatus::kFailed;
      record.message = result.failure;
      line = LineOf(record);
    }
    if (point != journal_.points()) {
      journal_.KeepEarly(point, line);
      early_.insert(point);
      return;
    }
    Enter(line);
    Drain();
  }

  void Enter(const std::string& line) {
    journal_.Append(line);
    Count(RecordOf(line));
  }

  // A result of an earlier run that was killed before its turn.
  bool TakeEarly(std::int64_t point) {
    if (!journal_.Early(point)) {
      return false;
    }
    early_.insert(point);
    return true;
  }

  // Enters early results whose turn has come.
  void Drain() {
    std::vector<std::int64_t> entered;
    while (early_.contains(journal_.points()) || TakeEarly(journal_.points())) {
      const std::int64_t point = journal_.points();
      const std::optional<std::string> line = journal_.Early(point);
      CHECK(line.has_value());
      Enter(*line);
      entered.push_back(point);
    }
    journal_.Sync();
    for (const std::int64_t point : entered) {  // they are on the disk now
      journal_.RemoveEarly(point);
      early_.erase(point);
    }
  }

  [[nodiscard]] std::int64_t Bad() const {
    return outcome_.refused + outcome_.failed + outcome_.timed_out;
  }

  void Count(const PointRecord& record) {
    std::int64_t* const counts[] = {&outcome_.done, &outcome_.refused, &outcome_.failed,
                                    &outcome_.timed_out};
    ++*counts[static_cast<std::size_t>(record.status)];
    if (record.status != PointStatus::kDone && outcome_.first_problem.empty()) {
      outcome_.first_problem = record.message;
    }
  }

  // Adds a coordinate where the curve bends most. False when it is smooth, or enough were added.
  bool Refine() {
    if (options_.refine.output.empty() || refined_ == options_.refine.most) {
      return false;
    }
    const std::optional<NewCoordinate> found =
        FindBend(grown_, options_.refine.output, options_.refine.axis, journal_.file(), points());
    if (!found) {
      return false;
    }
    ++refined_;
    const std::size_t place = grown_.axes()[found->axis].coordinates.size();
    // Behind the others, so that the cells of earlier points stay what they are.
    grown_.Append(found->axis, found->coordinate);
    for (Cell& cell : CellsThrough(found->axis, place)) {
      added_.push_back(std::move(cell));
    }
    return true;
  }

  // One cell for each that earlier points have, but for the place on `axis`.
  [[nodiscard]] std::vector<Cell> CellsThrough(std::size_t axis, std::size_t place) const {
    PointFilter filter(sweep_);
    std::set<Cell> cells;
    for (const std::uint64_t number : cells_) {
      Cell cell = sweep_.grid.At(number);
      cell[axis] = place;
      if (filter.Keeps(grown_.ValuesAt(cell))) {
        cells.insert(std::move(cell));
      }
    }
    return {cells.begin(), cells.end()};
  }

  const Sweep& sweep_;
  const TraceHeader& header_;
  const SweepOptions& options_;
  Grid grown_;
  std::vector<std::uint64_t> all_cells_;  ///< of all shards
  std::vector<std::uint64_t> cells_;
  std::vector<Cell> added_;  ///< by refinement
  int refined_ = 0;
  Journal journal_;
  std::set<std::int64_t> early_;  ///< kept in files, not yet in the journal
  SweepOutcome outcome_;
};

}  // namespace

SweepOutcome RunSweep(const Sweep& sweep, const TraceHeader& header, const SweepOptions& options) {
  return SweepRun(sweep, header, options).Run();
}

}  // namespace gridlock
