#include "sim/interop/hybrid.h"

#include <algorithm>

#include <fmt/format.h>

namespace gridlock {

std::optional<std::string> PatternOfHybrid(std::string_view letters) {
  std::string pattern;
  for (const char letter : letters.substr(0, letters.find('/'))) {
    switch (letter) {
      case 'M':
        pattern += 'R';
        break;
      case '*':
        pattern += 'G';
        break;
      case '-':
        pattern += 'F';
        break;
      case 'E':
        pattern += 'E';
        break;
      case '|':
        break;
      default:
        return std::nullopt;
    }
  }
  return pattern.empty() ? std::nullopt : std::optional(pattern);
}

std::string NarrowForLatent(ModelSpec& model, int latent) {
  MixtureSpec& mixture = model.mixture;
  const int wide = mixture.expert_ffn;
  const int shared = mixture.shared_experts * wide;
  mixture.expert_ffn = std::max(1, static_cast<int>(1.0 * wide * latent / model.hidden + 0.5));
  mixture.shared_experts = (shared + mixture.expert_ffn / 2) / mixture.expert_ffn;
  return fmt::format(
      "approximated: experts {} wide on a latent of {} count as experts {} wide on the stream of "
      "{}: the same weights and FLOP; the products to the latent and back are not counted, and "
      "dispatch sends {:.3g} times the bytes",
      wide, latent, mixture.expert_ffn, model.hidden, 1.0 * model.hidden / latent);
}

}  // namespace gridlock
