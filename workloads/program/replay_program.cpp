#include "workloads/program/replay_program.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "workloads/program/collective_test.h"

namespace gridlock {

namespace {

using Ranks = std::vector<int>;

class ReplayBuilder {
 public:
  ReplayBuilder(const std::vector<const RankTrace*>& traces,
                const std::vector<std::int32_t>& trace_of_rank, const ReplayOptions& options,
                const ServerSpec& server, ReplayWork& work)
      : traces_(traces), options_(options), server_(server), work_(work) {
    work_.trace_of_rank = trace_of_rank;
    for (const RankTrace* trace : traces) {
      work_.traces.push_back(Order(*trace, options.one_stream));
      if (!work_.traces.back().control && trace->deps.size() > 0) {
        ++call_stacks_;
      }
    }
  }

  void Build() {
    work_.program.grid.path = "--chakra";
    work_.program.grid.data = ranks();
    FindUsers();
    FindDimensions();
    for (int rank = 0; rank < ranks(); ++rank) {
      const RankTrace& trace = *traces_[work_.trace_of_rank[rank]];
      std::vector<std::int32_t>& rows = work_.collective_of_call.emplace_back();
      for (const TraceCall& call : trace.calls) {
        rows.push_back(options_.recorded ? -1 : RowOf(rank, trace, call));
      }
    }
    for (const RankTrace* trace : traces_) {
      AddSeconds(*trace);
    }
    AddNotes();
  }

 private:
  [[nodiscard]] int ranks() const { return static_cast<int>(work_.trace_of_rank.size()); }

  // Which ranks use a name: its group, where nobody says more.
  void FindUsers() {
    for (int rank = 0; rank < ranks(); ++rank) {
      for (const TraceCall& call : traces_[work_.trace_of_rank[rank]]->calls) {
        if (!call.group.empty()) {
          Ranks& users = users_[call.group];
          if (users.empty() || users.back() != rank) {
            users.push_back(rank);
          }
        }
      }
    }
  }

  // Where traces speak of two dimensions, servers are the second one unless the user says more.
  void FindDimensions() {
    dimensions_ = options_.dimensions;
    int product = 1;
    for (const int size : dimensions_) {
      product *= size;
    }
    if (!dimensions_.empty() && product != ranks()) {
      throw UserError("", fmt::format("--dims: the dimensions hold {} ranks, and there are {}; "
                                      "expected their product",
                                      product, ranks()));
    }
  }

  Ranks All() const {
    Ranks all(static_cast<std::size_t>(ranks()));
    std::iota(all.begin(), all.end(), 0);
    return all;
  }

  Ranks RanksOf(int rank, const RankTrace& trace, const TraceCall& call) {
    if (call.group.empty()) {
      return AlongDimensions(rank, trace, call.dimensions);
    }
    const auto given = options_.groups.find(call.group);
    if (given != options_.groups.end()) {
      return Checked(rank, trace, call.group, given->second);
    }
    const auto listed = trace.groups.find(call.group);
    if (listed != trace.groups.end() && !listed->second.empty()) {
      Ranks sorted = listed->second;
      std::sort(sorted.begin(), sorted.end());
      return Checked(rank, trace, call.group, sorted);
    }
    if (listed != trace.groups.end()) {
      return All();
    }
    guessed_.insert(call.group);
    return users_[call.group];
  }

  Ranks Checked(int rank, const RankTrace& trace, const std::string& group,
                const Ranks& members) const {
    const bool in = std::find(members.begin(), members.end(), rank) != members.end();
    if (!in || members.back() >= ranks()) {
      throw UserError(
          "",
          fmt::format("{}: rank {} uses the group {}, which has {} ranks, {} to {}; expected {}",
                      trace.file, rank, Quoted(group), members.size(),
                      members.empty() ? 0 : members.front(), members.empty() ? 0 : members.back(),
                      in ? fmt::format("ranks below {}, of which there are traces", ranks())
                         : std::string("the rank among them; --groups FILE says who is in a "
                                       "group")));
    }
    return members;
  }

  Ranks AlongDimensions(int rank, const RankTrace& trace, const std::vector<bool>& involved) {
    if (involved.empty() || std::all_of(involved.begin(), involved.end(), std::identity())) {
      return All();
    }
    std::vector<int> sizes = dimensions_;
    if (sizes.empty() && involved.size() == 2 && ranks() % server_.accelerators == 0) {
      sizes = {server_.accelerators, ranks() / server_.accelerators};
    }
    if (sizes.size() != involved.size()) {
      throw UserError("", fmt::format("{}: collectives involve {} dimensions; expected --dims with "
                                      "the ranks along each of them, the fastest first: --dims 8,4",
                                      trace.file, involved.size()));
    }
    Ranks members;
    for (int other = 0; other < ranks(); ++other) {
      int stride = 1;
      bool same = true;
      for (std::size_t d = 0; d < sizes.size(); ++d) {
        same = same && (involved[d] || rank / stride % sizes[d] == other / stride % sizes[d]);
        stride *= sizes[d];
      }
      if (same) {
        members.push_back(other);
      }
    }
    return members;
  }

  std::int32_t RowOf(int rank, const RankTrace& trace, const TraceCall& call) {
    if (call.kind != TraceCall::Kind::kCollective) {
      const bool sends = call.kind == TraceCall::Kind::kSend;
      return MessageRow(trace, rank, sends ? rank : call.peer, sends ? call.peer : rank,
                        call.bytes);
    }
    const Ranks members = RanksOf(rank, trace, call);
    if (members.size() < 2) {
      return -1;
    }
    const auto n = static_cast<double>(members.size());
    if (call.collective == CollectiveKind::kAllToAll && n * n > kPairsMost) {
      throw UserError("", fmt::format("{}: an all-to-all of {} ranks has too many pairs to lay on "
                                      "routes; expected at most 4096 ranks",
                                      trace.file, members.size()));
    }
    // Buffers of a gather grow by its ranks; see CollectiveCall::payload. The parts of all ranks
    // but one pass the root.
    const double factor = call.collective == CollectiveKind::kAllGather ? n
                          : call.rooted_parts                           ? n - 1
                                                                        : 1;
    const FamilyIndex family = FamilyOf(members);
    const Bytes payload(call.bytes * factor);
    return Row(family, call.collective, payload,
               AlgorithmFor({call.collective, payload, ShapeOf(members), server_}));
  }

  std::int32_t MessageRow(const RankTrace& trace, int rank, int from, int to, double bytes) {
    if (std::min(from, to) < 0 || std::max(from, to) >= ranks()) {
      throw UserError("", fmt::format("{}: rank {} has a message from rank {} to rank {}; expected "
                                      "ranks from 0 to {}",
                                      trace.file, rank, from, to, ranks() - 1));
    }
    return from == to ? -1
                      : Row(FamilyOf({std::min(from, to), std::max(from, to)}),
                            CollectiveKind::kSendReceive, Bytes(bytes),
                            from < to ? kMessageUp : kMessageDown);
  }

  const Algorithm& AlgorithmFor(const CollectiveCall& call) const {
    const Algorithm* asked = options_.algorithm;
    if (asked != nullptr && asked->carries(call.kind) &&
        asked->refuses(call.group, server_).empty()) {
      return *asked;
    }
    return call.kind == CollectiveKind::kAllToAll ? kPairs : LibraryChoice(call);
  }

  // How the ranks lie on servers that are filled one after another.
  const GroupShape& ShapeOf(const Ranks& members) {
    shape_ = {static_cast<int>(members.size()), 0, static_cast<int>(members.size())};
    for (std::size_t i = 0; i < members.size();) {
      const int domain = members[i] / server_.domain();
      const std::size_t first = i;
      while (i < members.size() && members[i] / server_.domain() == domain) {
        ++i;
      }
      ++shape_.domains;
      shape_.per_domain = std::min(shape_.per_domain, static_cast<int>(i - first));
    }
    return shape_;
  }

  FamilyIndex FamilyOf(const Ranks& members) {
    const FamilyIndex next{static_cast<std::int32_t>(work_.program.families.size())};
    const auto [found, added] = families_.emplace(members, next);
    if (added) {
      GroupFamily& family = work_.program.families.emplace_back();
      family.name = fmt::format("{} ranks", members.size());
      family.listed = members;
    }
    return found->second;
  }

  std::int32_t Row(FamilyIndex family, CollectiveKind kind, Bytes payload,
                   const Algorithm& algorithm) {
    const auto next = static_cast<std::int32_t>(work_.program.collectives.size());
    const auto key = std::tuple(family.value, static_cast<int>(kind), payload.si(), &algorithm);
    const auto [found, added] = rows_.emplace(key, next);
    if (added) {
      work_.program.collectives.push_back(
          {CollectiveName(kind), family, kind, payload, &algorithm});
    }
    return found->second;
  }

  // Recorded times; where there are none, what arithmetic and memory take at their peaks.
  void AddSeconds(const RankTrace& trace) {
    const AcceleratorSpec& chip = server_.accelerator;
    const MatrixRate& rate = chip.rates[static_cast<int>(Precision::kBf16)];
    const BytesPerSecond hbm = chip.hbm_bandwidth * chip.hbm_efficiency;
    std::vector<double>& seconds = work_.seconds.emplace_back();
    seconds.reserve(trace.nodes.size());
    for (const TraceNode& node : trace.nodes) {
      double time = node.seconds;
      if (time <= 0 && (node.flop > 0 || node.bytes > 0)) {
        ++modelled_;
        const double compute = rate.peak.si() > 0 ? node.flop / rate.peak.si() : 0;
        time = std::max(compute, node.bytes / hbm.si());
      }
      const bool host = node.kind == TraceNode::Kind::kHost;
      const bool call = node.kind == TraceNode::Kind::kCall;
      seconds.push_back(host || call ? time : time / options_.compute_speed);
    }
  }

  void AddNotes() {
    for (const RankTrace* trace : traces_) {
      for (const auto& [what, count] : trace->odd) {
        odd_[what] += count;
      }
    }
    for (const auto& [what, count] : odd_) {
      work_.notes.push_back(fmt::format("{} {}", count, what));
    }
    if (call_stacks_ > 0) {
      work_.notes.push_back(
          "control dependencies are the call stack here and contradict the data dependencies: they "
          "are left out");
    }
    if (modelled_ > 0) {
      work_.notes.push_back(fmt::format(
          "{} nodes have no recorded time: they take their FLOP at the BF16 peak or their bytes at "
          "HBM bandwidth, whichever is longer",
          modelled_));
    }
    if (!guessed_.empty()) {
      work_.notes.push_back(fmt::format(
          "nobody lists the ranks of {} {}, for example {}: the ranks that use a name are its "
          "group",
          guessed_.size(), guessed_.size() == 1 ? "group" : "groups", Quoted(*guessed_.begin())));
    }
  }

  const std::vector<const RankTrace*>& traces_;
  const ReplayOptions& options_;
  const ServerSpec& server_;
  ReplayWork& work_;
  std::map<std::string, Ranks> users_;
  std::set<std::string> guessed_;  ///< groups by those who use them
  std::map<std::string, std::int64_t> odd_;
  std::map<Ranks, FamilyIndex> families_;
  std::map<std::tuple<std::int32_t, int, double, const Algorithm*>, std::int32_t> rows_;
  std::vector<int> dimensions_;
  GroupShape shape_;
  std::int64_t modelled_ = 0;
  int call_stacks_ = 0;
};

}  // namespace

ReplayWork BuildReplay(const std::vector<const RankTrace*>& traces,
                       const std::vector<std::int32_t>& trace_of_rank, const ReplayOptions& options,
                       const ServerSpec& server) {
  ReplayWork work;
  ReplayBuilder(traces, trace_of_rank, options, server, work).Build();
  return work;
}

}  // namespace gridlock
