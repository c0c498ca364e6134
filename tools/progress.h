#pragma once

// How far a command is, on stderr.

#include <chrono>
#include <optional>
#include <string>

namespace gridlock {

/// Whether and when a log gets a line: after five seconds, then each time after as long again as
/// the command has run (10 s, 20 s, ...), but after no more than five minutes.
class ProgressLog {
 public:
  /// The line that is due `seconds` after the start, with the time left at the pace so far:
  /// "3 of 10 steps simulated: 30 %, 12 s so far, about 28 s left". The pace is that up to when the
  /// fraction was reached: it says no time left once it should be over. Nothing when none is due.
  std::optional<std::string> LineAt(double seconds, const std::string& what, double fraction);

 private:
  double due_ = 5;
  double fraction_ = -1, reached_ = 0;  ///< that was told last, and when it was first
};

/// On a terminal one line, written over again and again; elsewhere, in a log, a line now and then.
class ProgressLine {
 public:
  /// @param quiet shows nothing at all
  explicit ProgressLine(bool quiet);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// @param what "simulating 16,384 accelerators"; @param fraction 0..1
  void Show(const std::string& what, double fraction);

  /// The same as last time: the time goes on.
  void Again();

  /// Takes the line off the terminal.
  void Clear();

 private:
  bool quiet_;
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point begin_;
  ProgressLog log_;
  std::string what_;
  double fraction_ = 0, reached_ = 0;  ///< and when it was reached, seconds
};

}  // namespace gridlock
