#include "sim/analytic/analytic_step.h"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// How long a transfer takes alone, and which resource says so.
struct Alone {
  double seconds = 0;
  Cause cause = Cause::kLatency;
};

// What a communicator knows of a collective.
struct Taken {
  std::uint32_t arrived = 0;
  std::int32_t record = -1;  ///< of its last phase
  std::int32_t rounds = 0;   ///< how often it has been done
  CollectiveRecord latest;   ///< arrival of the last member so far
  std::vector<CollectiveCost> costs;
};

class Communicator {
 public:
  /// Those of a stage follow each other in the program, so that a communicator holds the ones from
  /// its first to its last, not all of all stages.
  Taken& At(std::int32_t collective) {
    if (taken_.empty()) {
      first_ = collective;
    }
    for (; collective < first_; --first_) {
      taken_.emplace_front();
    }
    while (collective >= first_ + static_cast<std::int32_t>(taken_.size())) {
      taken_.emplace_back();
    }
    return taken_[collective - first_];
  }

  /// How often a collective has been done.
  [[nodiscard]] std::int32_t RoundsOf(std::int32_t collective) const {
    const auto place = static_cast<std::size_t>(collective - first_);
    return collective >= first_ && place < taken_.size() ? taken_[place].rounds : 0;
  }

  /// What it has done, by the time at which all members had come.
  std::vector<std::pair<double, std::int32_t>> done;

 private:
  std::int32_t first_ = 0;
  std::deque<Taken> taken_;  ///< from collective `first_` on
};

struct AgentState {
  std::size_t next = 0;  ///< action to do
  double now = 0;
  std::deque<std::int32_t> inbox[kChannels];  ///< messages posted to it
  std::vector<std::int32_t> handed_over;      ///< how often, by collective
  double pass_start = 0;                      ///< of the last pass
  std::int32_t pass_records = 0;              ///< written before it
};

class AnalyticStep {
 public:
  AnalyticStep(const StepProgram& program, const Plan& plan, const ServerSpec& server,
               const StepOptions& options)
      : program_(program),
        plan_(plan),
        server_(server),
        run_{{}, UtilisationAccumulator(SeriesOf(plan), options.intervals), TallyOf(options, plan)},
        traffic_(plan, options.links.empty() && !options.counts_links ? nullptr : &run_.links),
        agents_(plan.agents.size()),
        communicators_(plan.groups.size()) {
    run_.log.agents.resize(plan.agents.size());
    run_.log.action_ends.resize(options.action_ends ? plan.agents.size() : 0);
    for (AgentState& agent : agents_) {
      agent.handed_over.resize(program.collectives.size());
    }
  }

  // Agents go on until each is blocked on something not yet known; times do not depend on the
  // order.
  StepRun Run() && {
    bool moved = true;
    while (moved) {
      moved = false;
      for (std::size_t a = 0; a < agents_.size(); ++a) {
        while (Advance(IndexOf<AgentIndex>(a))) {
          moved = true;
        }
      }
    }
    for (std::size_t a = 0; a < agents_.size(); ++a) {
      CHECK(agents_[a].next == program_.roles[plan_.agents[a].role].size());
    }
    return std::move(run_);
  }

 private:
  /// The plan has one job.
  static AgentRow RowOf(AgentIndex a) { return {a.value}; }

  [[nodiscard]] Alone TimeAlone(Span route, double bytes) const {
    Alone alone;
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      const Plan::Resource& resource = plan_.resources[plan_.routes[i].resource];
      const double seconds = plan_.routes[i].weight * bytes / resource.capacity.si();
      if (resource.can_bind && seconds > alone.seconds * kTie) {
        alone = {seconds, resource.tier};
      }
    }
    return alone;
  }

  // Does the next action of an agent if all it needs is known.
  bool Advance(AgentIndex a) {
    AgentState& agent = agents_[a];
    const Role& role = program_.roles[plan_.agents[a].role];
    if (agent.next == role.size()) {
      return false;
    }
    const Action& action = role[agent.next];
    const int channel = action.channel();
    if (action.kind == Action::Kind::kReceive && agent.inbox[channel].empty()) {
      return false;
    }
    if (action.kind == Action::Kind::kWait && !AllDone(a, action.index)) {
      return false;
    }
    Do(a, action, channel);
    ++agent.next;
    if (!run_.log.action_ends.empty()) {
      run_.log.action_ends[a].push_back(agent.now);
    }
    return true;
  }

  void Do(AgentIndex a, const Action& action, int channel) {
    switch (action.kind) {
      case Action::Kind::kPass:
        return RunPass(a, program_.passes[action.index]);
      case Action::Kind::kSend:
        return Send(a, channel);
      case Action::Kind::kReceive:
        return Receive(a, channel);
      case Action::Kind::kStart:
        return Start(a, action.index);
      case Action::Kind::kWait:
        return AwaitCollective(a, action.index);
      case Action::Kind::kFloor:
        return AwaitFloor(a, program_.passes[action.index]);
      case Action::Kind::kDelay:
        return Until(a, agents_[a].now + program_.delay.si(), Activity::kOverhead,
                     Cause::kOverhead);
    }
  }

  void Until(AgentIndex a, double end, Activity activity, Cause cause, std::int32_t awaited = -1) {
    if (end > agents_[a].now) {
      agents_[a].now = end;
      run_.log.Add(RowOf(a), end, activity, cause, awaited);
    }
  }

  void RunPass(AgentIndex a, const Pass& pass) {
    const Plan::Agent& me = plan_.agents[a];
    const double start = agents_[a].now;
    const std::int32_t first = run_.log.RecordsOf(RowOf(a));
    agents_[a].pass_start = start;
    agents_[a].pass_records = first;
    Until(a, start + pass.compute_time.si(), Activity::kCompute, Cause::kCompute);
    const double memory =
        std::max(TimeAlone(me.hbm, pass.memory_bytes.si()).seconds, pass.memory_time.si());
    Until(a, agents_[a].now + memory, Activity::kMemoryBound, plan_.tiers.hbm());
    const double busy = agents_[a].now;
    AwaitOverlapped(a, me.context, pass.context.si(), start, first);
    AwaitOverlapped(a, me.tensor, pass.tensor_overlapped.si() / me.tensor_parts, start, first);
    Until(a, agents_[a].now + pass.tensor_latency.si(), Activity::kTensorComm, Cause::kLatency);
    const double tensor = pass.tensor_exposed.si() / me.tensor_parts;
    const Alone exposed = TimeAlone(me.tensor, tensor);
    const double comm_start = agents_[a].now;
    Until(a, comm_start + exposed.seconds, Activity::kTensorComm, exposed.cause);
    traffic_.Account(me.tensor, tensor, comm_start, comm_start + exposed.seconds, run_.series);
    traffic_.Account(me.hbm, pass.compute_bytes.si() + pass.memory_bytes.si(), start, busy,
                     run_.series);
    run_.series.Add(FlopSeries(plan_), start, busy,
                    pass.flop.si() * plan_.jobs[0].width * static_cast<double>(me.members));
    if (!pass.exchanges) {
      AwaitFloor(a, pass);
    }
  }

  void AwaitFloor(AgentIndex a, const Pass& pass) {
    const double busy_end = agents_[a].now;
    Until(a, agents_[a].pass_start + pass.floor.si(), Activity::kLaunch, Cause::kLaunch);
    if (agents_[a].now > busy_end + kInstant) {
      run_.log.Recharge(RowOf(a), agents_[a].pass_records, Cause::kLaunch);
    }
    Until(a, agents_[a].now + pass.host_wait.si(), Activity::kLaunch, Cause::kLaunch);
  }

  // A transfer that began with the pass; when it outlasts the work beside it, it set the pace.
  void AwaitOverlapped(AgentIndex a, Span route, double bytes, double start, std::int32_t first) {
    const double busy = agents_[a].now;
    const Alone alone = TimeAlone(route, bytes);
    traffic_.Account(route, bytes, start, start + alone.seconds, run_.series);
    Until(a, start + alone.seconds, Activity::kTensorComm, alone.cause);
    if (agents_[a].now > busy + kInstant) {
      run_.log.Recharge(RowOf(a), first, alone.cause);
    }
  }

  void Send(AgentIndex a, int channel) {
    const Span flows = plan_.agents[a].sends[DirectionOf(channel)];
    const double now = agents_[a].now;
    MessageRecord message{now, 0.0, RowOf(a), run_.log.RecordsOf(RowOf(a)), Cause::kLatency};
    double arrival = now;
    for (std::int32_t f = flows.begin; f < flows.end; ++f) {
      const Plan::Flow& flow = plan_.flows[f];
      const double wire = program_.message.si() / flow.efficiency;
      const Alone alone = TimeAlone(flow.route, wire);
      traffic_.Account(flow.route, wire, now, now + alone.seconds, run_.series);
      if (f == flows.begin || now + alone.seconds + flow.latency > arrival) {
        arrival = now + alone.seconds + flow.latency;
        message.latency = flow.latency;
        message.cause = alone.cause;
      }
    }
    arrivals_.push_back(arrival);
    run_.log.messages.push_back(message);
    agents_[plan_.flows[flows.begin].target].inbox[channel].push_back(
        static_cast<std::int32_t>(arrivals_.size()) - 1);
  }

  void Receive(AgentIndex a, int channel) {
    const std::int32_t message = agents_[a].inbox[channel].front();
    agents_[a].inbox[channel].pop_front();
    Until(a, arrivals_[message], Activity::kPipelineWait, TierTable::kNic, message);
  }

  template <typename F>
  void ForGroups(AgentIndex a, std::int32_t collective, const F& f) {
    const Span groups = plan_.agents[a].groups;
    for (std::int32_t i = groups.begin; i < groups.end; ++i) {
      const std::int32_t g = plan_.agent_groups[i];
      if (plan_.groups[g].family == program_.collectives[collective].family) {
        f(g, communicators_[g]);
      }
    }
  }

  bool AllDone(AgentIndex a, std::int32_t collective) {
    bool done = true;
    // One that follows another may not be handed over yet.
    const std::int32_t rounds = std::max(agents_[a].handed_over[collective], 1);
    ForGroups(a, collective, [&](std::int32_t /*g*/, const Communicator& c) {
      done = done && c.RoundsOf(collective) >= rounds;
    });
    return done;
  }

  void Start(AgentIndex a, std::int32_t collective) { Arrive(a, collective, agents_[a].now, -1); }

  // A member hands a collective over at `now`, itself or (`previous`) as what follows another.
  void Arrive(AgentIndex a, std::int32_t collective, double now, std::int32_t previous) {
    ++agents_[a].handed_over[collective];
    ForGroups(a, collective, [&](std::int32_t g, Communicator& c) {
      Taken& taken = c.At(collective);
      CollectiveRecord& record = taken.latest;
      const bool first = taken.arrived == 0;
      if (first || now > record.start + kInstant ||
          (now > record.start - kInstant && RowOf(a) < record.last_agent)) {
        record.last_agent = RowOf(a);
        record.last_agent_records = run_.log.RecordsOf(RowOf(a));
        record.previous = previous;
      }
      record.start = first ? now : std::max(record.start, now);
      const Span members = plan_.groups[g].agents;
      if (++taken.arrived == static_cast<std::uint32_t>(members.end - members.begin)) {
        taken.arrived = 0;
        Finish(plan_.groups[g], taken, collective, c.done);
        HandOverNext(members, collective);
      }
    });
  }

  // A member whose groups have all done a collective hands over the one that follows it.
  void HandOverNext(Span members, std::int32_t collective) {
    const std::int32_t next = program_.collectives[collective].next;
    for (std::int32_t i = members.begin; next >= 0 && i < members.end; ++i) {
      const AgentIndex agent = plan_.group_agents[i];
      if (!AllDone(agent, collective)) {
        continue;
      }
      std::int32_t last = -1;
      ForGroups(agent, collective, [&](std::int32_t /*g*/, Communicator& c) {
        const std::int32_t record = c.At(collective).record;
        const auto& records = run_.log.collectives;
        last = last < 0 || records[record].end > records[last].end ? record : last;
      });
      Arrive(agent, next, run_.log.collectives[last].end, last);
    }
  }

  void Finish(const Plan::Group& group, Taken& taken, std::int32_t index,
              std::vector<std::pair<double, std::int32_t>>& done) {
    CollectiveRecord record = taken.latest;
    auto& records = run_.log.collectives;
    // A communicator runs its collectives in the order in which their last members came. Agents are
    // not visited in the order of time, so a collective may be found after one that came later. The
    // later one then keeps its times, although it would have had to wait: times can only be too
    // early, which a lower bound allows.
    const std::pair<double, std::int32_t> mine{record.start,
                                               static_cast<std::int32_t>(records.size())};
    const auto behind = done.insert(std::upper_bound(done.begin(), done.end(), mine), mine);
    const std::int32_t before = behind == done.begin() ? -1 : (behind - 1)->second;
    if (before >= 0 && records[before].end > record.start) {
      record.start = records[before].end;
      record.previous = before;
    }
    record.collective = index;
    const Collective& collective = program_.collectives[index];
    const Plan::Lay* const lays = &plan_.lays[plan_.FirstPhase(group, collective.algorithm)];
    if (taken.costs.empty()) {
      taken.costs = CostsOf(collective, group.shape, server_);
    }
    for (std::size_t phase = 0; phase < taken.costs.size(); ++phase) {
      record.phase = static_cast<std::int32_t>(phase);
      RunPhase(lays[phase], taken.costs[phase], record);
      records.push_back(record);
      record.start = record.end;
      record.previous = static_cast<std::int32_t>(records.size()) - 1;
    }
    behind->second = record.previous;
    taken.record = record.previous;
    ++taken.rounds;
  }

  void RunPhase(const Plan::Lay& lay, const CollectiveCost& cost, CollectiveRecord& record) {
    const double domain_bytes = lay.DomainBytes(cost);
    const double nic_bytes = lay.NicBytes(cost);
    const Alone inside = TimeAlone(lay.domain, domain_bytes);
    const Alone across = TimeAlone(lay.nic, nic_bytes);
    const double flowing = record.start + cost.latency.si();
    traffic_.Account(lay.domain, domain_bytes, flowing, flowing + inside.seconds, run_.series);
    traffic_.Account(lay.nic, nic_bytes, flowing, flowing + across.seconds, run_.series);
    record.latency = cost.latency.si();
    record.cause = across.seconds > inside.seconds + kInstant ? across.cause : inside.cause;
    record.end = flowing + std::max(inside.seconds, across.seconds);
  }

  void AwaitCollective(AgentIndex a, std::int32_t collective) {
    ForGroups(a, collective, [&](std::int32_t /*g*/, Communicator& c) {
      const std::int32_t record = c.At(collective).record;
      const bool experts = program_.collectives[collective].to_experts;
      Until(a, run_.log.collectives[record].end,
            experts ? Activity::kExpertComm : Activity::kDataComm, TierTable::kNic, record);
    });
  }

  const StepProgram& program_;
  const Plan& plan_;
  const ServerSpec& server_;
  StepRun run_;
  RouteTraffic traffic_;
  std::vector<AgentState> agents_;
  std::vector<Communicator> communicators_;
  std::vector<double> arrivals_;  ///< by message
};

}  // namespace

StepRun RunAnalyticStep(const StepProgram& program, const Plan& plan, const ServerSpec& server,
                        const StepOptions& options) {
  return AnalyticStep(program, plan, server, options).Run();
}

}  // namespace gridlock
