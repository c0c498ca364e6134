#include "sim/schema/text_reader.h"

#include <memory>
#include <optional>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

#include "sim/base/check.h"
#include "sim/schema/rules.h"
#include "sim/schema/tokens.h"

namespace gridlock {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::io::Tokenizer;

/// Reads the tokens against the schema. Unknown blocks are skipped without recursion, and the
/// schema does not contain itself, so that the depth of the recursion is bounded by the schema.
class Checker {
 public:
  Checker(std::vector<Token> tokens, ProblemList& problems)
      : tokens_(std::move(tokens)), problems_(problems) {}

  void Check(const Descriptor& root, Written& written) {
    Body(root, "", written, nullptr);
    // With an open block, fields of the blocks around it land in it: they are not the mistake.
    for (const Stray& stray : strays_) {
      if (!unclosed_ || !stray.belongs_outside) {
        problems_.Add(stray.where, stray.path, stray.message);
      }
    }
  }

 private:
  struct Stray {
    Position where;
    std::string path;
    std::string message;
    bool belongs_outside;
  };

  [[nodiscard]] bool AtEnd() const { return next_ >= tokens_.size(); }

  [[nodiscard]] const Token& Peek(std::size_t ahead = 0) const {
    static const Token end;
    return next_ + ahead < tokens_.size() ? tokens_[next_ + ahead] : end;
  }

  [[nodiscard]] bool NextIs(std::string_view text) const { return Peek().text == text; }

  bool Take(std::string_view text) {
    if (!NextIs(text)) {
      return false;
    }
    ++next_;
    return true;
  }

  [[nodiscard]] bool NextCloses() const { return NextIs("}") || NextIs(">"); }

  [[nodiscard]] bool NextIsBlock() const { return NextIs("{") || NextIs("<"); }

  /// A field name with its colon or brace stands where a value should: the value was forgotten.
  [[nodiscard]] bool ValueIsMissing() const {
    if (AtEnd() || NextIs("}") || NextIs(">") || NextIs("]") || NextIs(",") || NextIs(";")) {
      return true;
    }
    return Peek().type == Tokenizer::TYPE_IDENTIFIER &&
           (Peek(1).text == ":" || Peek(1).text == "{" || Peek(1).text == "<");
  }

  void SkipBrackets();
  void SkipValue();
  void Body(const Descriptor& descriptor, const std::string& path, Written& written,
            const Token* open);
  void RefuseToGoOn(const std::string& path);
  void Close(const std::string& path, const Token& open);
  void Field(const Descriptor& descriptor, const std::string& path, Written& written);
  void UnknownField(const Descriptor& descriptor, const std::string& path, const Token& name);
  void CheckGivenOnce(const FieldDescriptor& field, const std::string& path, const Written& written,
                      const Token& name);
  void Values(const FieldDescriptor& field, const std::string& path, std::vector<Written>& list,
              const Token& name);
  void Value(const FieldDescriptor& field, const std::string& path, std::vector<Written>& list,
             const Token& name);

  std::vector<Token> tokens_;
  std::size_t next_ = 0;
  ProblemList& problems_;
  std::vector<const Descriptor*> enclosing_;
  std::vector<Stray> strays_;
  bool unclosed_ = false;
  bool gave_up_ = false;
};

/// Skips from an opening bracket to behind the one that closes it, or to the end.
void Checker::SkipBrackets() {
  int depth = 0;
  while (!AtEnd()) {
    const std::string& text = tokens_[next_].text;
    if (text == "{" || text == "<" || text == "[") {
      ++depth;
    } else if (text == "}" || text == ">" || text == "]") {
      --depth;
    }
    ++next_;
    if (depth == 0) {
      return;
    }
  }
}

/// Skips whatever stands as a value: a block, a list, a number, text.
void Checker::SkipValue() {
  if (NextIsBlock() || NextIs("[")) {
    SkipBrackets();
    return;
  }
  if (ValueIsMissing()) {
    return;
  }
  (void)Take("-");
  const auto type = Peek().type;
  ++next_;
  // Texts beside each other are one text, but not a key in quotes as in JSON.
  while (type == Tokenizer::TYPE_STRING && !AtEnd() && Peek().type == Tokenizer::TYPE_STRING &&
         Peek(1).text != ":") {
    ++next_;
  }
}

/// Reads fields up to the brace that closes the block, or to the end of the text at the root, where
/// `open` is null.
void Checker::Body(const Descriptor& descriptor, const std::string& path, Written& written,
                   const Token* open) {
  enclosing_.push_back(&descriptor);
  while (!AtEnd() && !(open != nullptr && NextCloses())) {
    if (NextCloses()) {
      problems_.Add(Peek().where, "",
                    Refusal(Quoted(Peek().text) + " closes nothing", "a block that is open"));
      ++next_;
    } else if (Peek().type == Tokenizer::TYPE_IDENTIFIER) {
      Field(descriptor, path, written);
    } else {
      RefuseToGoOn(path);
      open = nullptr;
    }
  }
  if (open != nullptr) {
    Close(path, *open);
  }
  enclosing_.pop_back();
}

/// What follows a token that cannot begin a field cannot be made sense of.
void Checker::RefuseToGoOn(const std::string& path) {
  const bool is_text = Peek().type == Tokenizer::TYPE_STRING;
  const std::string what = is_text ? Peek().text + " is in quotes, where a field should begin"
                                   : Quoted(Peek().text) + " stands where a field should begin";
  problems_.Add(Peek().where, path, Refusal(what, "the name of a field, without quotes"));
  gave_up_ = true;
  next_ = tokens_.size();
}

/// Takes the brace that closes the block that `open` opened.
void Checker::Close(const std::string& path, const Token& open) {
  if (gave_up_) {
    return;
  }
  if (AtEnd()) {
    unclosed_ = true;
    problems_.Add(open.where, path,
                  Refusal("the block that opens here is never closed",
                          std::string(open.text == "{" ? "\"}\"" : "\">\"") + " before the end"));
    return;
  }
  const Token& closing = tokens_[next_++];
  if ((open.text == "{") != (closing.text == "}")) {
    problems_.Add(
        closing.where, path,
        Refusal(Quoted(closing.text) + " closes a block that opened with " + Quoted(open.text),
                "\"{\" with \"}\""));
  }
}

void Checker::Field(const Descriptor& descriptor, const std::string& path, Written& written) {
  const Token name = tokens_[next_++];
  const FieldDescriptor* const field = descriptor.FindFieldByName(name.text);
  const bool colon = Take(":");
  if (field == nullptr) {
    UnknownField(descriptor, path, name);
    SkipValue();
  } else {
    const std::string field_path = FieldPath(path, name.text);
    CheckGivenOnce(*field, field_path, written, name);
    const bool is_message = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (!is_message && !colon && !NextIsBlock() && !ValueIsMissing()) {
      problems_.Add(name.where, field_path,
                    Refusal(Quoted(name.text) + " has no colon",
                            Quoted(name.text + ":") + " and then its value"));
    }
    Values(*field, field_path, written.fields[name.text], name);
  }
  if (!Take(",")) {
    (void)Take(";");
  }
}

void Checker::UnknownField(const Descriptor& descriptor, const std::string& path,
                           const Token& name) {
  const Descriptor* owner = nullptr;
  for (const Descriptor* outer : enclosing_) {
    if (outer != &descriptor && outer->FindFieldByName(name.text) != nullptr) {
      owner = outer;
    }
  }
  const std::vector<std::string> names = FieldNames(descriptor);
  std::string message = Quoted(name.text) + " is not a field of " + descriptor.name();
  const std::string nearest = NearestName(name.text, names);
  if (owner != nullptr) {
    message += "; it is one of " + owner->name() + ": is a \"}\" missing before it?";
  } else {
    message = Refusal(message, nearest.empty() ? OneOf(names) : "one of its fields", nearest);
  }
  const std::string field_path = FieldPath(path, name.text);
  strays_.push_back({name.where, field_path, message, owner != nullptr});
}

void Checker::CheckGivenOnce(const FieldDescriptor& field, const std::string& path,
                             const Written& written, const Token& name) {
  if (field.is_repeated()) {
    return;
  }
  const auto first = written.fields.find(field.name());
  if (first != written.fields.end() && !first->second.empty()) {
    problems_.Add(name.where, path,
                  Refusal(Quoted(name.text) + " is given twice, first in line " +
                              std::to_string(first->second[0].name.line),
                          "it once"));
    return;
  }
  if (field.real_containing_oneof() == nullptr) {
    return;
  }
  for (int i = 0; i < field.real_containing_oneof()->field_count(); ++i) {
    const std::string& other = field.real_containing_oneof()->field(i)->name();
    if (written.Has(other)) {
      problems_.Add(name.where, path,
                    Refusal(Quoted(name.text) + " and " + Quoted(other) + " exclude each other",
                            "one of them"));
    }
  }
}

/// One value, or a list in square brackets.
void Checker::Values(const FieldDescriptor& field, const std::string& path,
                     std::vector<Written>& list, const Token& name) {
  if (!NextIs("[")) {
    Value(field, path, list, name);
    return;
  }
  if (!field.is_repeated()) {
    problems_.Add(Peek().where, path,
                  Refusal(Quoted(field.name()) + " is not a list", ExpectedValue(field)));
    SkipBrackets();
    return;
  }
  ++next_;
  while (!Take("]")) {
    if (AtEnd()) {
      problems_.Add(name.where, path,
                    Refusal("the list of " + Quoted(field.name()) + " is never closed", "\"]\""));
      return;
    }
    const bool missing = ValueIsMissing();
    if (!missing) {
      Value(field, path, list, name);
    }
    if (missing || !(Take(",") || NextIs("]"))) {
      problems_.Add(AtEnd() ? name.where : Peek().where, path,
                    Refusal("the list of " + Quoted(field.name()) + " is broken off here",
                            "values separated by \",\" and a \"]\" at the end"));
      gave_up_ = true;
      next_ = tokens_.size();
      return;
    }
  }
}

void Checker::Value(const FieldDescriptor& field, const std::string& path,
                    std::vector<Written>& list, const Token& name) {
  const std::string element_path = field.is_repeated() ? ElementPath(path, list.size()) : path;
  Written& written = list.emplace_back();
  written.name = name.where;
  written.value = AtEnd() ? name.where : Peek().where;
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    if (!NextIsBlock()) {
      problems_.Add(name.where, element_path,
                    Refusal(Quoted(field.name()) + " is a block", ExpectedValue(field)));
      SkipValue();
      return;
    }
    written.value = name.where;
    const Token open = tokens_[next_++];
    Body(*field.message_type(), element_path, written, &open);
    return;
  }
  if (ValueIsMissing()) {
    problems_.Add(name.where, element_path,
                  Refusal(Quoted(field.name()) + " has no value", ExpectedValue(field)));
    return;
  }
  if (NextIsBlock()) {
    problems_.Add(written.value, element_path,
                  Refusal(Quoted(field.name()) + " is not a block", ExpectedValue(field)));
    SkipBrackets();
    return;
  }
  std::vector<Token> value;
  const std::size_t first = next_;
  SkipValue();
  value.assign(tokens_.begin() + static_cast<std::ptrdiff_t>(first),
               tokens_.begin() + static_cast<std::ptrdiff_t>(std::min(next_, tokens_.size())));
  const std::string problem = CheckScalar(field, value);
  if (!problem.empty()) {
    problems_.Add(written.value, element_path, problem);
  }
}

/// Notes the first mistake that protobuf's parser finds in spite of the checker.
class ParserProblems : public google::protobuf::io::ErrorCollector {
 public:
  ParserProblems(const std::string& file, ProblemList& problems)
      : file_(file), problems_(problems) {}

  void AddError(int line, int column, const std::string& message) override {
    problems_.Add({file_, line + 1, column + 1}, "", message);
  }

 private:
  std::string file_;
  ProblemList& problems_;
};

}  // namespace

const Written& Written::At(const std::string& field, int index) const {
  const auto found = fields.find(field);
  if (found == fields.end() || index < 0 ||
      static_cast<std::size_t>(index) >= found->second.size()) {
    return *this;
  }
  return found->second[static_cast<std::size_t>(index)];
}

bool ReadText(const std::string& file, std::string_view text, google::protobuf::Message& message,
              Written& written, ProblemList& problems) {
  const std::size_t before = problems.size();
  message.Clear();
  written = Written{{file, 1, 1}, {file, 1, 1}, {}};
  std::vector<Token> tokens;
  if (!Tokenize(file, text, tokens, problems)) {
    return false;
  }
  Checker(std::move(tokens), problems).Check(*message.GetDescriptor(), written);
  if (problems.size() != before) {
    return false;
  }
  google::protobuf::TextFormat::Parser parser;
  ParserProblems collector(file, problems);
  parser.RecordErrorsTo(&collector);
  google::protobuf::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  const bool parsed = parser.Parse(&stream, &message);
  CHECK(parsed || problems.size() != before);
  return parsed;
}

}  // namespace gridlock
