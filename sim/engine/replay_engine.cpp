#include "sim/engine/replay_engine.h"

#include <algorithm>
#include <deque>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/engine/timeline.h"

namespace gridlock {

namespace {

/// Behind the end of everything.
constexpr double kAfterAll = 1e15;
/// Ends closer together are one instant; the clock of a trace of hours is known to 1e-12 s.
constexpr double kSameInstant = 1e-9;
/// How many that wait are named.
constexpr std::size_t kNamedMost = 3;

std::vector<BytesPerSecond> CapacitiesOf(const Plan& plan) {
  std::vector<BytesPerSecond> capacities;
  for (const Plan::Resource& resource : plan.resources) {
    capacities.push_back(resource.capacity);
  }
  return capacities;
}

class Replayer {
 public:
  Replayer(const ReplayWork& work, const Plan& plan, const ServerSpec& server,
           const ReplayProgress& progress)
      : work_(work),
        plan_(plan),
        server_(server),
        progress_(progress),
        timeline_(CapacitiesOf(plan), Seconds(kSameInstant)),
        group_of_family_(work.program.families.size(), -1),
        gathering_(work.program.collectives.size()),
        rounds_done_(work.program.collectives.size(), 0),
        rounds_of_(work.program.collectives.size()),
        queues_(work.program.families.size()) {
    for (std::size_t g = 0; g < plan.groups.size(); ++g) {
      group_of_family_[plan.groups[g].family.value] = static_cast<std::int32_t>(g);
    }
    run_.carried.assign(plan.resources.size(), 0.0);
    run_.ranks.resize(work.trace_of_rank.size());
    waits_.resize(work.trace_of_rank.size());
    for (std::size_t rank = 0; rank < waits_.size(); ++rank) {
      const OrderedTrace& trace = work.TraceOf(static_cast<std::int32_t>(rank));
      const std::size_t nodes = trace.waits.size();
      waits_[rank] = trace.waits;
      nodes_left_ += nodes;
      ReplayRun::Rank& state = run_.ranks[rank];
      state.start.assign(nodes, 0.0);
      state.end.assign(nodes, -1.0);
      state.waited_for.assign(nodes, -1);
      state.call_of.assign(nodes, -1);
    }
    nodes_all_ = nodes_left_;
  }

  ReplayRun Run() {
    for (std::size_t rank = 0; rank < waits_.size(); ++rank) {
      const OrderedTrace& trace = work_.TraceOf(static_cast<std::int32_t>(rank));
      for (std::size_t n = 0; n < trace.waits.size(); ++n) {
        if (trace.waits[n] == 0) {
          Begin({static_cast<std::int32_t>(rank), static_cast<std::int32_t>(n)});
        }
      }
    }
    Settle();
    timeline_.RunUntil(Seconds(kAfterAll));
    if (nodes_left_ > 0) {
      ComplainOfWaiting();
    }
    return std::move(run_);
  }

 private:
  /// A collective that not all ranks of its group have come to.
  struct Gathering {
    std::vector<RankNode> members;
    double ready = 0;
    RankNode last;
  };

  /// The calls of a group, one after another.
  struct Queue {
    std::deque<std::pair<std::int32_t, std::vector<RankNode>>> waiting;  ///< calls and their nodes
    std::int32_t running = -1, last = -1;
    std::vector<RankNode> members;  ///< of the one that runs
  };

  /// Messages of one sender, receiver and tag that only one of the two has come to.
  struct Channel {
    std::deque<std::int32_t> arrived;   ///< calls that are done and nobody has received
    std::deque<std::int32_t> underway;  ///< calls that run and nobody waits for
    std::deque<RankNode> receivers;     ///< that wait for a message not yet sent
  };

  struct Phases {
    const Plan::Lay* lays = nullptr;
    std::vector<CollectiveCost> costs;
    std::size_t next = 0;
    int transfers = 0;
  };

  [[nodiscard]] double Now() const { return timeline_.now().si(); }

  // All that the node waits for has ended.
  void Begin(RankNode at) {
    const RankTrace& trace = *work_.TraceOf(at.rank).trace;
    const TraceNode& node = trace.nodes[at.node];
    ReplayRun::Rank& state = run_.ranks[at.rank];
    const std::int32_t row =
        node.call >= 0 ? work_.collective_of_call[at.rank][node.call] : std::int32_t{-1};
    if (row < 0) {
      const double seconds = work_.seconds[work_.trace_of_rank[at.rank]][at.node];
      return End(at, state.start[at.node] + seconds);
    }
    timeline_.At(Seconds(state.start[at.node]), [this, at, row] {
      Arrive(at, row);
      Settle();
    });
  }

  // Notes an end; what follows is worked off by Settle, so that long chains need no deep stack.
  void End(RankNode at, double when) {
    run_.ranks[at.rank].end[at.node] = when;
    run_.end = std::max(run_.end, when);
    ended_.push_back(at);
    if (--nodes_left_ % kReported == 0 && progress_) {
      progress_(1 - static_cast<double>(nodes_left_) / static_cast<double>(nodes_all_));
    }
  }

  void Settle() {
    while (!ended_.empty()) {
      const RankNode at = ended_.back();
      ended_.pop_back();
      const OrderedTrace& trace = work_.TraceOf(at.rank);
      ReplayRun::Rank& state = run_.ranks[at.rank];
      const double when = state.end[at.node];
      for (std::int32_t i = trace.next_begin[at.node]; i < trace.next_begin[at.node + 1]; ++i) {
        const std::int32_t next = trace.next[i];
        if (state.waited_for[next] < 0 || when > state.start[next] ||
            (when == state.start[next] && at.node < state.waited_for[next])) {
          state.start[next] = when;
          state.waited_for[next] = at.node;
        }
        if (--waits_[at.rank][next] == 0) {
          Begin({at.rank, next});
        }
      }
    }
  }

  void Arrive(RankNode at, std::int32_t row) {
    const TraceNode& node = work_.TraceOf(at.rank).trace->nodes[at.node];
    const TraceCall& call = work_.TraceOf(at.rank).trace->calls[node.call];
    switch (call.kind) {
      case TraceCall::Kind::kCollective:
        return Gather(at, row);
      case TraceCall::Kind::kSend:
        return Send(at, row, channels_[{at.rank, call.peer, call.tag}]);
      case TraceCall::Kind::kReceive:
        return Receive(at, channels_[{call.peer, at.rank, call.tag}]);
    }
  }

  // A rank that comes for the second time takes part in the next round.
  void Gather(RankNode at, std::int32_t row) {
    const FamilyIndex family = work_.program.collectives[row].family;
    const std::vector<int>& ranks = work_.program.families[family.value].listed;
    std::vector<std::int32_t>& rounds_of_rank = rounds_of_[row];
    rounds_of_rank.resize(ranks.size(), 0);
    const auto place = std::lower_bound(ranks.begin(), ranks.end(), at.rank) - ranks.begin();
    const auto number = static_cast<std::size_t>(rounds_of_rank[place]++ - rounds_done_[row]);
    std::deque<Gathering>& rounds = gathering_[row];
    rounds.resize(std::max(rounds.size(), number + 1));
    Gathering* const round = &rounds[number];
    // Of ranks that come at once the first one counts as the last.
    if (round->members.empty() || Now() > round->ready + kInstant || at.rank < round->last.rank) {
      round->last = at;
    }
    round->ready = Now();
    round->members.push_back(at);
    if (round->members.size() < ranks.size()) {
      return;
    }
    const std::int32_t call = Note(row, round->last, round->members);
    Queue& queue = queues_[family.value];
    queue.waiting.emplace_back(call, std::move(round->members));
    CHECK(number == 0);  // nobody comes to a round before the one in front of it
    rounds.pop_front();
    ++rounds_done_[row];
    if (queue.running < 0) {
      StartNext(family);
    }
  }

  std::int32_t Note(std::int32_t row, RankNode last, const std::vector<RankNode>& members) {
    const auto call = static_cast<std::int32_t>(run_.calls.size());
    run_.calls.push_back({row, Now(), Now(), 0, 0, last});
    for (const RankNode each : members) {
      run_.ranks[each.rank].call_of[each.node] = call;
    }
    return call;
  }

  void StartNext(FamilyIndex family) {
    Queue& queue = queues_[family.value];
    queue.running = -1;
    if (queue.waiting.empty()) {
      return;
    }
    queue.running = queue.waiting.front().first;
    queue.members = std::move(queue.waiting.front().second);
    queue.waiting.pop_front();
    ReplayRun::Call& call = run_.calls[queue.running];
    call.start = Now();
    call.previous = call.start > call.ready ? queue.last : -1;
    RunPhases(queue.running, [this, family] {
      Queue& done = queues_[family.value];
      done.last = done.running;
      for (const RankNode each : done.members) {
        End(each, Now());
      }
      StartNext(family);
      Settle();
    });
  }

  void Send(RankNode at, std::int32_t row, Channel& channel) {
    const std::int32_t call = Note(row, at, {at});
    if (!channel.receivers.empty()) {
      receiver_of_[call] = channel.receivers.front();
      channel.receivers.pop_front();
    } else {
      channel.underway.push_back(call);
    }
    RunPhases(call, [this, call, at, &channel] {
      End(at, Now());
      const auto receiver = receiver_of_.find(call);
      if (receiver != receiver_of_.end()) {
        Deliver(call, receiver->second);
        receiver_of_.erase(receiver);
      } else {
        channel.underway.erase(std::find(channel.underway.begin(), channel.underway.end(), call));
        channel.arrived.push_back(call);
      }
      Settle();
    });
  }

  void Receive(RankNode at, Channel& channel) {
    if (!channel.arrived.empty()) {
      Deliver(channel.arrived.front(), at);
      channel.arrived.pop_front();
    } else if (!channel.underway.empty()) {
      receiver_of_[channel.underway.front()] = at;
      channel.underway.pop_front();
    } else {
      channel.receivers.push_back(at);
    }
  }

  void Deliver(std::int32_t call, RankNode receiver) {
    run_.ranks[receiver.rank].call_of[receiver.node] = call;
    End(receiver, Now());
  }

  void RunPhases(std::int32_t number, std::function<void()> done) {
    const Collective& collective = work_.program.collectives[run_.calls[number].collective];
    const Plan::Group& group = plan_.groups[group_of_family_[collective.family.value]];
    Phases& phases = phases_[number];
    phases.lays = &plan_.lays[plan_.FirstPhase(group, collective.algorithm)];
    phases.costs = CostsOf(collective, group.shape, server_);
    done_[number] = std::move(done);
    StartPhase(number);
  }

  void StartPhase(std::int32_t number) {
    Phases& phases = phases_[number];
    if (phases.next == phases.costs.size()) {
      run_.calls[number].end = Now();
      const std::function<void()> done = std::move(done_[number]);
      done_.erase(number);
      phases_.erase(number);
      return done();
    }
    const CollectiveCost& cost = phases.costs[phases.next];
    run_.calls[number].latency += cost.latency.si();
    timeline_.At(timeline_.now() + cost.latency, [this, number] {
      Phases& now = phases_[number];
      const Plan::Lay& lay = now.lays[now.next];
      const CollectiveCost& moves = now.costs[now.next++];
      now.transfers = 2;
      Transfer(number, lay.domain, lay.DomainBytes(moves));
      Transfer(number, lay.nic, lay.NicBytes(moves));
    });
  }

  void Transfer(std::int32_t number, Span route, double bytes) {
    std::vector<std::int32_t> links;
    for (std::int32_t i = route.begin; bytes > 0 && i < route.end; ++i) {
      const RouteEntry entry = plan_.routes[i];
      const Plan::Resource& resource = plan_.resources[entry.resource];
      run_.carried[entry.resource] += bytes * entry.weight;
      if (resource.can_bind) {
        links.insert(links.end(), static_cast<std::size_t>(entry.weight), entry.resource);
      }
    }
    run_.activities += links.empty() ? 0 : 1;
    timeline_.Start(links, Bytes(links.empty() ? 0 : bytes), BytesPerSecond(0), [this, number] {
      if (--phases_[number].transfers == 0) {
        StartPhase(number);
      }
    });
  }

  [[noreturn]] void ComplainOfWaiting() const {
    std::string who;
    std::size_t count = 0;
    for (std::size_t row = 0; row < gathering_.size(); ++row) {
      for (const Gathering& round : gathering_[row]) {
        who += ++count > kNamedMost ? "" : "; " + WordsOf(row, round);
      }
    }
    for (const auto& [key, channel] : channels_) {
      for (const RankNode at : channel.receivers) {
        who += ++count > kNamedMost
                   ? ""
                   : fmt::format("; rank {} in node {} waits for a message of tag {} from rank {}",
                                 at.rank, IdOf(at), std::get<2>(key), std::get<0>(key));
      }
    }
    throw UserError(
        "", fmt::format("the replay stops with {} of {} nodes left, because {} calls "
                        "wait for ranks that never come{}{}",
                        nodes_left_, nodes_all_, count, who, count > kNamedMost ? "; ..." : ""));
  }

  [[nodiscard]] std::uint64_t IdOf(RankNode at) const {
    return work_.TraceOf(at.rank).trace->nodes[at.node].id;
  }

  [[nodiscard]] std::string WordsOf(std::size_t row, const Gathering& round) const {
    const Collective& collective = work_.program.collectives[row];
    const std::vector<int>& ranks = work_.program.families[collective.family.value].listed;
    const auto absent = std::find_if(ranks.begin(), ranks.end(), [&round](int rank) {
      return std::none_of(round.members.begin(), round.members.end(), [rank](RankNode each) {
        return each.rank == rank;
      });
    });
    return fmt::format(
        "rank {} in node {} waits for rank {} in {} of {:.0f} bytes, to which {} of "
        "{} ranks have come",
        round.members.front().rank, IdOf(round.members.front()), *absent, collective.name,
        collective.payload.si(), round.members.size(), ranks.size());
  }

  static constexpr std::uint64_t kReported = 1 << 16;

  const ReplayWork& work_;
  const Plan& plan_;
  const ServerSpec& server_;
  const ReplayProgress& progress_;
  Timeline timeline_;
  ReplayRun run_;
  std::vector<std::vector<std::int32_t>> waits_;  ///< by rank and node
  std::vector<RankNode> ended_;                   ///< whose followers have not been told
  std::vector<std::int32_t> group_of_family_;
  std::vector<std::deque<Gathering>> gathering_;      ///< by collective: rounds, the oldest first
  std::vector<std::int32_t> rounds_done_;             ///< by collective
  std::vector<std::vector<std::int32_t>> rounds_of_;  ///< by collective and place in the group
  std::vector<Queue> queues_;                         ///< by family
  std::map<std::tuple<int, int, int>, Channel> channels_;  ///< by sender, receiver and tag
  std::map<std::int32_t, RankNode> receiver_of_;           ///< of messages under way
  std::map<std::int32_t, Phases> phases_;                  ///< of calls under way
  std::map<std::int32_t, std::function<void()>> done_;     ///< of calls under way
  std::uint64_t nodes_left_ = 0, nodes_all_ = 0;
};

}  // namespace

ReplayRun RunReplay(const ReplayWork& work, const Plan& plan, const ServerSpec& server,
                    const ReplayProgress& progress) {
  return Replayer(work, plan, server, progress).Run();
}

}  // namespace gridlock
