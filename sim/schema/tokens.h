#pragma once

// The words of a text with their places, and the check of a single value against its field.

#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/io/tokenizer.h>

#include "sim/schema/problems.h"

namespace google::protobuf {
class FieldDescriptor;
}

namespace gridlock {

struct Token {
  google::protobuf::io::Tokenizer::TokenType type = google::protobuf::io::Tokenizer::TYPE_END;
  std::string text;  ///< as written, quotes included
  Position where;
};

/// Splits `text` into tokens; comments (#) and white space are dropped. A mistake of spelling (a
/// text that is not closed, a letter that cannot stand outside of quotes) is added to `problems`,
/// only the first, because the rest of the file is then read wrongly; false in that case.
bool Tokenize(const std::string& file, std::string_view text, std::vector<Token>& tokens,
              ProblemList& problems);

/// What is wrong with the tokens of one value for a scalar field, "" when nothing is.
/// `value` is not empty.
std::string CheckScalar(const google::protobuf::FieldDescriptor& field,
                        const std::vector<Token>& value);

}  // namespace gridlock
