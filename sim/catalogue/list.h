#pragma once

// What the catalogue offers, for programs that choose entries by what they are and not by name.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "topologies/machine.h"

namespace gridlock {

/// A server entry in short.
struct CatalogueServer {
  std::string name;
  std::string accelerator;          ///< catalogue name
  int accelerators = 0;             ///< scale-up domain size
  int nics = 0;                     ///< of the server
  BytesPerSecond nic_bandwidth;     ///< per NIC and direction
  std::string transport;            ///< between servers, as the catalogue calls it
  bool through_host = false;        ///< its cards reach each other through the host's memory
  bool numbered_pairs = false;      ///< its mesh names pairs of accelerators
  std::vector<std::int64_t> torus;  ///< sides of its mesh; empty: no torus
  int cores = 1;                    ///< accelerators of a chip of its mesh
  std::string core_link;            ///< of each to its chip, as the schema writes it: "bandwidth"
  int switch_group = 0;             ///< accelerators under the first of two tiers; 0: one tier
  FlopPerSecond peak[kPrecisions];  ///< dense, of one accelerator; zero when it lacks the format
};

/// A model entry with experts, in short.
struct CatalogueMixture {
  std::string name;
  int layers = 0, hidden = 0, heads = 0, vocabulary = 0;
  int experts = 0, experts_per_token = 0, expert_ffn = 0;
  int head_dim = 0;
  bool query_key_norms = false;
  /// Of latent attention; zero in other models.
  int query_rank = 0, key_value_rank = 0;
  int plain_head_dim = 0, rotary_head_dim = 0, value_head_dim = 0;
  int prediction_modules = 0;
};

/// A dense model entry in short.
struct CatalogueShape {
  std::string name;
  int layers = 0, hidden = 0, heads = 0, kv_heads = 0, ffn = 0;
  int head_dim = 0, vocabulary = 0;
  bool tied_embeddings = false;
  bool query_key_norms = false;
};

/// A stack entry that stands for frameworks without one.
struct CatalogueFamily {
  std::string stack;       ///< catalogue name
  std::string kind;        ///< in words: "Megatron-like"
  std::string stands_for;  ///< how the names of the frameworks begin; "*": any
};

struct CatalogueList {
  /// Names of accelerators by their aliases.
  std::map<std::string, std::string> accelerator_aliases;
  std::vector<CatalogueServer> servers;                  ///< by name
  std::vector<std::string> accelerators;                 ///< names, sorted
  std::vector<std::string> stacks;                       ///< names, sorted
  std::vector<CatalogueMixture> mixtures;                ///< models with experts, by name
  std::vector<CatalogueShape> shapes;                    ///< dense models, by name
  std::map<std::string, std::set<std::string>> formats;  ///< "BF16" by names of accelerators
  std::vector<CatalogueFamily> families;                 ///< by the names of their stacks
  std::map<std::string, std::string> stack_kinds;        ///< kinds of framework by names of stacks
  std::map<std::string, std::string> when_short;  ///< what stacks give way to, by their names
};

/// Reads the catalogue that scenarios see. Throws UserError when its files are wrong.
CatalogueList ListCatalogue();

/// The accelerator that `name` means, by name, alias or another spelling; `name` where there is
/// none.
std::string AcceleratorNamed(const CatalogueList& catalogue, const std::string& name);

/// The server that stands for an accelerator, or an alias of one, where none is named: of its
/// servers the one nearest to eight accelerators, of those the one with the most NIC bandwidth for
/// each, then the first by name. Throws UserError where there is none.
const CatalogueServer& UsualServer(const CatalogueList& catalogue, const std::string& accelerator);

}  // namespace gridlock
