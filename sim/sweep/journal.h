#pragma once

// The journal of a sweep: one line per finished point, in the order of the points, on the disk.
//
//   DIR/journal.jsonl      line k is point k; grows by whole lines, which are synced when they come
//   DIR/early/POINT.json   results that came before their turn; gone when the sweep is complete
//   DIR/sweep.json         what the journal is of; see Identity
//
// A kill at any moment loses at most points that had not finished: a torn last line is cut off when
// the journal is opened again, and its point is simulated anew. A power cut may also lose results
// that waited in `early`.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gridlock {

/// What to do with a folder that has results.
enum class JournalMode {
  kNew,        ///< refuse it
  kResume,     ///< go on behind the last whole line; points that crashed or timed out run again
  kOverwrite,  ///< begin anew
};

class Journal {
 public:
  /// Opens the folder, created when missing, and locks it against other drivers.
  /// @param identity text that says what the sweep is; a folder of another sweep is refused
  /// Throws IoError for what the system refuses or another driver holds, UserError when the folder
  /// has results that `mode` must not touch.
  Journal(const std::string& folder, const std::string& identity, JournalMode mode);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Points that are in the journal.
  [[nodiscard]] std::int64_t points() const { return points_; }

  /// What was cut off, for people: "the last line was torn ..."; "" when nothing was.
  [[nodiscard]] const std::string& note() const { return note_; }

  /// Appends the line of the next point. Throws IoError, and then leaves the journal as it was.
  void Append(std::string_view line);

  /// Returns when all lines are on the disk. Throws IoError.
  void Sync();

  /// Keeps the line of a point whose turn has not come.
  void KeepEarly(std::int64_t point, std::string_view line) const;

  /// The line kept for a point; nothing when there is none. Gone with RemoveEarly.
  [[nodiscard]] std::optional<std::string> Early(std::int64_t point) const;
  void RemoveEarly(std::int64_t point) const;

  /// Removes the folder of early results.
  void Close() const;

  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  void Lock();
  void Recover(const std::string& identity, JournalMode mode);
  /// An empty journal of the sweep.
  void Begin(const std::string& identity, JournalMode mode);
  /// Counts the whole lines and cuts off a torn last one.
  void CountLines();
  /// Cuts off the journal before the first point that crashed or took too long. Good lines behind
  /// it are kept early.
  void RetryFailed();
  void Truncate(std::int64_t bytes);
  [[nodiscard]] std::string EarlyFile(std::int64_t point) const;

  std::string folder_, file_;
  int descriptor_ = -1;
  std::int64_t points_ = 0;
  std::int64_t bytes_ = 0;  ///< of whole lines
  std::string note_;
};

/// Calls `line` with every line of a journal, in order, one at a time.
void ForEachLine(const std::string& file, const std::function<void(std::string_view)>& line);

}  // namespace gridlock
