#include "sim/report/json.h"

#include <cmath>

#include <fmt/format.h>

#include "sim/base/check.h"

namespace gridlock {
namespace {

/// Whether `second` may follow `lead`: what is overlong, a surrogate or beyond U+10FFFF starts with
/// a pair that may not. RFC 3629, section 4.
bool MayFollow(unsigned char lead, unsigned char second) {
  const unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  return second >= low && second <= high;
}

/// Bytes of the well-formed UTF-8 sequence at the front of `text`, 0 when there is none.
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    return 1;
  }
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length || !MayFollow(lead, byte(1))) {
    return 0;
  }
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      return 0;
    }
  }
  return length;
}

std::string Escaped(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    const char front = text.front();
    if (length == 0) {
      out += "\\ufffd";  // the replacement character: a broken name must not break the document
    } else if (front == '"' || front == '\\') {
      out += {'\\', front};
    } else if (front == '\n') {
      out += "\\n";
    } else if (front == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(front) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(front));
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out + '"';
}

}  // namespace

void JsonWriter::NewLine() {
  text_ += '\n';
  text_.append(2 * empty_.size(), ' ');
}

void JsonWriter::Before() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (!empty_.empty()) {
    text_ += empty_.back() ? "" : ",";
    empty_.back() = false;
    NewLine();
  }
}

void JsonWriter::Open(char bracket) {
  Before();
  text_ += bracket;
  empty_.push_back(true);
}

void JsonWriter::Close(char bracket) {
  CHECK(!empty_.empty() && !after_key_);
  const bool empty = empty_.back();
  empty_.pop_back();
  if (!empty) {
    NewLine();
  }
  text_ += bracket;
}

void JsonWriter::Key(std::string_view key) {
  CHECK(!empty_.empty() && !after_key_);
  Before();
  text_ += Escaped(key) + ": ";
  after_key_ = true;
}

void JsonWriter::Value(double value) {
  Before();
  text_ += std::isfinite(value) ? fmt::format("{}", value) : "null";
}

void JsonWriter::Value(bool value) {
  Before();
  text_ += value ? "true" : "false";
}

void JsonWriter::Value(std::string_view text) {
  Before();
  text_ += Escaped(text);
}

std::string JsonWriter::Finish() {
  CHECK(empty_.empty() && !after_key_);
  return text_ + '\n';
}

}  // namespace gridlock
