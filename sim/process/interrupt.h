#pragma once

// What is left to do when a signal ends the command.

#include <csignal>
#include <string>
#include <vector>

namespace gridlock {

/// While an object lives, the signals that end a command are held back; they arrive when the object
/// goes. Used between a change of a file and the OnInterrupt that tells of the change.
class HeldSignals {
 public:
  HeldSignals();
  ~HeldSignals();
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

 private:
  sigset_t before_ = {};
};

/// While an object lives, Ctrl-C (SIGINT), SIGTERM and a hangup first write its line to stderr and
/// delete its files. Then the process ends by that signal, as it would have without. Signals that
/// are ignored (nohup) stay ignored.
class OnInterrupt {
 public:
  /// @param say with its line end; "" for nothing
  OnInterrupt(std::string say, std::vector<std::string> remove);
  ~OnInterrupt();
  OnInterrupt(const OnInterrupt&) = delete;
  OnInterrupt& operator=(const OnInterrupt&) = delete;

  /// In the signal handler: writes the lines and deletes the files of this object and of those made
  /// before it. Calls only what a signal handler may call.
  void Do() const;

 private:
  const std::string say_;
  const std::vector<std::string> remove_;
  const OnInterrupt* const before_;  ///< the one that was made before this one
};

}  // namespace gridlock
