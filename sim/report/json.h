#pragma once

// Writes JSON (RFC 8259): two-space indent, keys in the order given, numbers in the shortest form
// that reads back to the same bits, so that equal results give equal bytes.

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gridlock {

class JsonWriter {
 public:
  void BeginObject() { Open('{'); }

  void EndObject() { Close('}'); }

  void BeginArray() { Open('['); }

  void EndArray() { Close(']'); }

  /// Names the next value of an object.
  void Key(std::string_view key);

  /// NaN and infinities, which JSON does not have, become null.
  void Value(double value);
  void Value(bool value);
  void Value(std::string_view text);

  void Value(const char* text) { Value(std::string_view(text)); }

  void Value(const std::string& text) { Value(std::string_view(text)); }

  void Value(std::integral auto value) {
    Before();
    text_ += std::to_string(value);
  }

  template <typename T>
  void Member(std::string_view key, const T& value) {
    Key(key);
    Value(value);
  }

  /// An array of these values under `key`.
  template <typename Items>
  void Values(std::string_view key, const Items& items) {
    Key(key);
    BeginArray();
    for (const auto& item : items) {
      Value(item);
    }
    EndArray();
  }

  /// An array under `key`, of one object for each item; `members` writes those of an item.
  template <typename Items, typename Members>
  void Objects(std::string_view key, const Items& items, Members members) {
    Key(key);
    BeginArray();
    for (const auto& item : items) {
      BeginObject();
      members(item);
      EndObject();
    }
    EndArray();
  }

  /// The document, with a final newline. CHECKs that everything begun has ended.
  [[nodiscard]] std::string Finish();

 private:
  void Open(char bracket);
  void Close(char bracket);
  void Before();
  void NewLine();

  std::string text_;
  std::vector<bool> empty_;  // per open object or array: nothing in it yet
  bool after_key_ = false;
};

}  // namespace gridlock
