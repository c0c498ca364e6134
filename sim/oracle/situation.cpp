#include "sim/oracle/situation.h"

#include <cerrno>
#include <cstring>
#include <map>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/archive.h"
#include "sim/base/check.h"
#include "sim/engine/step_engine.h"
#include "sim/oracle/canonical.h"
#include "sim/oracle/laid_job.h"
#include "sim/oracle/sharing.h"
#include "sim/plan/fold.h"
#include "sim/process/big_stack.h"
#include "topologies/machine_fields.h"
#include "workloads/training_fields.h"

namespace gridlock {

namespace {

// Messages between this process, the server and its children: a length, then a kind and the rest.
enum class Kind : std::uint8_t {
  kSituation,  ///< to the server
  kStop,       ///< to the server
  kRates,
  kUserError,
  kFailure,
};

bool SendAll(int socket, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t n = send(socket, bytes, size, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR) {
      return false;
    }
    bytes += n > 0 ? n : 0;
    size -= n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  return true;
}

bool ReceiveAll(int socket, char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t n = recv(socket, bytes, size, 0);
    if (n == 0 || (n < 0 && errno != EINTR)) {
      return false;
    }
    bytes += n > 0 ? n : 0;
    size -= n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  return true;
}

// False when the other side is gone.
bool Send(int socket, Kind kind, const std::string& rest) {
  std::string message(sizeof(std::size_t) + 1, static_cast<char>(kind));
  const std::size_t size = rest.size() + 1;
  std::memcpy(message.data(), &size, sizeof size);
  message += rest;
  return SendAll(socket, message.data(), message.size());
}

bool Receive(int socket, Kind& kind, std::string& rest) {
  std::size_t size = 0;
  if (!ReceiveAll(socket, reinterpret_cast<char*>(&size), sizeof size)) {  // NOLINT: raw bytes
    return false;
  }
  CHECK(size > 0);
  rest.resize(size);
  if (!ReceiveAll(socket, rest.data(), size)) {
    return false;
  }
  kind = static_cast<Kind>(rest.front());
  rest.erase(0, 1);
  return true;
}

void CheckActors(const Plan& plan, const LaidJob& first) {
  if (plan.agents.size() + plan.groups.size() > kMaxActors) {
    throw UserError(
        first.training.path,
        fmt::format("its step, beside those of the jobs that share links with it, needs {} actors "
                    "and {} is the most; routing SPRAY makes more of them alike than ECMP",
                    plan.agents.size() + plan.groups.size(), kMaxActors));
  }
}

// In a process of its own: SimGrid keeps one clock.
std::vector<StepRate> Simulate(const CanonicalSituation& situation) {
  const Network network(situation.sites, situation.wans);
  std::vector<LaidJob> laid;
  for (std::size_t j = 0; j < situation.trainings.size(); ++j) {
    laid.push_back(LayJob(situation.trainings[j], situation.placements[j], network));
  }
  std::vector<PlacedProgram> placed;
  std::vector<JointJob> jobs;
  for (const LaidJob& job : laid) {
    placed.push_back(job.placed());
    jobs.push_back({&job.program, &job.server});
  }
  const Plan plan = Fold(Expand(placed, network));
  CheckActors(plan, laid.front());
  const std::vector<JointRun> runs = RunJoint(jobs, plan, {});
  std::vector<StepRate> rates;
  for (std::size_t j = 0; j < runs.size(); ++j) {
    const JobOfPlan job{laid[j].program, plan, static_cast<std::int32_t>(j), laid[j].server};
    const JointRun& run = runs[j];
    rates.push_back({run.step_time, EnergyOfJob(job, run.step_time, run.bytes).total(),
                     run.bytes[plan.tiers.wan().value], laid[j].server.accelerator.power.estimate});
  }
  return rates;
}

void Answer(int socket, const std::string& request) {
  CanonicalSituation situation;
  ArchiveReader reader(request);
  reader.All(situation.sites, situation.wans, situation.trainings, situation.placements);
  ArchiveWriter answer;
  Kind kind = Kind::kRates;
  try {
    answer.All(Simulate(situation));
  } catch (const UserError& error) {
    kind = Kind::kUserError;
    answer.All(error.problems());
  } catch (const std::exception& error) {
    kind = Kind::kFailure;
    answer.All(std::string(error.what()));
  }
  Send(socket, kind, answer.bytes);
}

// The server: forks a child for each situation, for it never runs SimGrid itself.
void Serve(int socket) {
  Kind kind{};
  std::string request;
  while (Receive(socket, kind, request) && kind == Kind::kSituation) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      RunOnBigStack([&] {
        Answer(socket, request);
      });
      _exit(0);  // without destructors: SimGrid's own teardown costs time and changes nothing
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0) {
      ArchiveWriter why;
      why.All(WIFSIGNALED(status)
                  ? fmt::format("the simulation was ended by signal {} ({})", WTERMSIG(status),
                                strsignal(WTERMSIG(status)))
                  : fmt::format("the simulation ended with status {}", WEXITSTATUS(status)));
      Send(socket, Kind::kFailure, why.bytes);
    }
  }
}

[[noreturn]] void Throw(Kind kind, const std::string& rest) {
  ArchiveReader reader(rest);
  if (kind == Kind::kFailure) {
    std::string why;
    reader.All(why);
    throw std::runtime_error(why);
  }
  CHECK(kind == Kind::kUserError);
  std::vector<Problem> problems;
  reader.All(problems);
  throw UserError(std::move(problems));
}

}  // namespace

struct StepOracle::State {
  pid_t server = -1;
  int socket = -1;
  std::map<std::string, std::vector<StepRate>> known;  ///< by canonical key, in canonical order
  DemandBook demands;

  std::vector<StepRate> Ask(const CanonicalSituation& situation) const {
    ArchiveWriter request;
    request.All(situation.sites, situation.wans, situation.trainings, situation.placements);
    Kind kind{};
    std::string rest;
    if (!Send(socket, Kind::kSituation, request.bytes) || !Receive(socket, kind, rest)) {
      throw std::runtime_error("the process that simulates situations has ended");
    }
    if (kind != Kind::kRates) {
      Throw(kind, rest);
    }
    return FromBytes<std::vector<StepRate>>(rest);
  }
};

StepOracle::StepOracle() : state_(std::make_unique<State>()) {
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  state_->server = fork();
  CHECK(state_->server >= 0);
  if (state_->server == 0) {
    close(ends[0]);
    Serve(ends[1]);
    _exit(0);
  }
  close(ends[1]);
  state_->socket = ends[0];
}

StepOracle::~StepOracle() {
  Send(state_->socket, Kind::kStop, "");
  close(state_->socket);
  while (waitpid(state_->server, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::vector<StepRate> StepOracle::RatesOf(const Situation& situation) {
  const Network network(*situation.sites, *situation.wans);
  std::vector<StepRate> rates(situation.jobs.size());
  for (const std::vector<std::size_t>& group : SharingGroups(situation, network, state_->demands)) {
    const CanonicalSituation canonical = Canonical(situation, group, network);
    auto entry = state_->known.find(canonical.key);
    if (entry == state_->known.end()) {
      entry = state_->known.emplace(canonical.key, state_->Ask(canonical)).first;
    }
    for (std::size_t j = 0; j < canonical.order.size(); ++j) {
      rates[canonical.order[j]] = entry->second[j];
    }
  }
  return rates;
}

std::uint64_t StepOracle::simulated() const {
  return state_->known.size();
}

}  // namespace gridlock
