#pragma once

// A process that is forked early, while this one has not used SimGrid yet, and then answers
// requests: it forks a child for each. So a process that runs SimGrid itself (the life of a
// cluster) can have other simulations done.

#include <functional>
#include <string>

#include "sim/process/fork.h"
#include "sim/process/task.h"

namespace gridlock {

class TaskServer {
 public:
  /// From the bytes of a request to those of its answer. Runs in a child of its own.
  using Handler = std::function<std::string(const std::string& request)>;

  /// Forks the server.
  /// @param waiting called about once a second while Ask waits; may be empty
  explicit TaskServer(const Handler& handler, std::function<void()> waiting = {});

  /// The answer. Throws UserError as the handler threw it; std::runtime_error when the handler
  /// threw anything else, or the child or the server was ended.
  std::string Ask(const std::string& request);

 private:
  Channel channel_;
  Process process_;
  std::function<void()> waiting_;

  TaskServer(const Handler& handler, std::function<void()> waiting,
             std::pair<Channel, Channel> ends);
};

}  // namespace gridlock
