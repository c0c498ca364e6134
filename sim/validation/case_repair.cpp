#include "sim/validation/case_repair.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include <fmt/format.h>

#include "sim/validation/case_scenario.h"
#include "sim/validation/case_stack.h"

namespace gridlock {

namespace {

std::int64_t RoundedUp(std::int64_t number, std::int64_t to) {
  return (number + to - 1) / to * to;
}

// Changes one number and says so.
class Repair {
 public:
  explicit Repair(RepairedCase& out) : out_(out), row_(out.row) {}

  void Change(const char* column, std::int64_t& number, std::int64_t to, const char* why) {
    if (number != to) {
      out_.said.push_back(fmt::format("{} {} as {}: {}", column, number, to, why));
      number = to;
    }
  }

  // Key-value heads that neither are a multiple of the ranks nor divide them become the next number
  // that does, and that the query heads are a multiple of.
  void KeyValueHeads() {
    const std::int64_t tensor = row_.tp;
    const auto shared = [&](std::int64_t heads) {
      return row_.heads % heads == 0 && (heads % tensor == 0 || tensor % heads == 0);
    };
    std::int64_t heads = row_.kv_heads;
    while (heads < row_.heads && !shared(heads)) {
      ++heads;
    }
    Change("kv_heads", row_.kv_heads, heads, "repeated for the tensor-parallel ranks");
  }

  void Model() {
    const std::int64_t tensor = row_.tp;
    if (row_.hidden % row_.heads != 0 && out_.head_dim == 0) {
      out_.said.push_back(fmt::format("heads of {}: hidden {} is no multiple of {} heads",
                                      std::max<std::int64_t>(1, row_.hidden / row_.heads),
                                      row_.hidden, row_.heads));
    }
    if (row_.heads % tensor != 0 || row_.hidden % row_.heads != 0) {
      out_.head_dim =
          out_.head_dim > 0 ? out_.head_dim : std::max<std::int64_t>(1, row_.hidden / row_.heads);
    }
    const bool every = row_.kv_heads == row_.heads;
    Change("heads", row_.heads, RoundedUp(row_.heads, tensor),
           "padded for the tensor-parallel ranks");
    if (every) {
      row_.kv_heads = row_.heads;
    }
    KeyValueHeads();
    Change("ffn", row_.ffn, RoundedUp(row_.ffn, tensor), "padded for the tensor-parallel ranks");
    if (row_.experts > 0 && row_.expert_ffn >= row_.hidden) {
      Change("expert_ffn", row_.expert_ffn, RoundedUp(row_.expert_ffn, tensor),
             "padded for the tensor-parallel ranks");
    }
    const std::int64_t parts =
        std::lcm(row_.sequence_parallel == 1 ? tensor : 1, row_.cp > 1 ? 2 * row_.cp : 1);
    Change("seq", row_.seq, RoundedUp(row_.seq, parts), "padded for the ranks that share it");
  }

  void Experts() {
    if (row_.experts == 0) {
      Change("ep", row_.ep, 1, "the model has no experts");
      return;
    }
    Change("ep", row_.ep, std::gcd(row_.ep, row_.experts), "has to divide the experts");
    const std::int64_t sharing = row_.dp * row_.cp * (WholeExperts(row_) ? row_.tp : 1);
    Change("ep", row_.ep, std::gcd(row_.ep, sharing), "has to divide the ranks of a stage");
    if (row_.tp > 1) {
      Change("sequence_parallel", row_.sequence_parallel, 1,
             "experts with tensor parallelism need it");
    }
  }

  void Layout() {
    const std::int64_t group = row_.tp * row_.pp * row_.cp;
    if (group * row_.dp != row_.accelerators && row_.accelerators % group == 0) {
      Change("dp", row_.dp, row_.accelerators / group, "what the accelerators leave");
    }
    if (row_.shard_group == row_.dp) {
      row_.shard_group = 0;  // all replicas, which 0 stands for
    } else if (row_.shard_group > 0 && (row_.dp % row_.shard_group != 0 || row_.zero == 0)) {
      Change("shard_group", row_.shard_group, 0, "all replicas");
    }
    if (row_.vpp > 1 && row_.pp == 1) {
      Change("vpp", row_.vpp, 1, "there is one stage");
    }
  }

  void Batch() {
    if (row_.global_batch == 0) {
      return;
    }
    Change("global_batch", row_.global_batch, RoundedUp(row_.global_batch, row_.dp),
           "the replicas share it evenly");
    const std::int64_t each = row_.global_batch / row_.dp;
    if (row_.micro_batch > 0 && each % row_.micro_batch != 0) {
      Change("micro_batch", row_.micro_batch, std::gcd(each, row_.micro_batch),
             "has to divide a replica's batch");
    }
    if (row_.vpp > 1 && each / MicroBatchOf(row_) % row_.pp != 0) {
      Change("vpp", row_.vpp, 1, "micro-batches are no multiple of the stages");
    }
  }

 private:
  RepairedCase& out_;
  PublishedCase& row_;
};

std::string FirstWord(const std::string& name) {
  return name.substr(0, name.find('_'));
}

std::string FirstLetters(const std::string& name) {
  return name.substr(0, name.find_first_of("_0123456789"));
}

// The number of a product, "1080" of "gtx_1080_ti"; "" when there is none.
std::string NumberOf(const std::string& name) {
  const std::size_t from = name.find_first_of("0123456789");
  return from == std::string::npos
             ? ""
             : name.substr(from, name.find_first_not_of("0123456789", from) - from);
}

std::size_t SameLetters(const std::string& a, const std::string& b) {
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t head = 0, tail = 0;
  while (head < most && a[head] == b[head]) {
    ++head;
  }
  while (tail < most - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) {
    ++tail;
  }
  return head + tail;
}

// Cards of a laboratory that are slower than others of their kind, as its own measurements of GEMMs
// say. Tables that know better name the variant.
void TakeSlowCards(RepairedCase& out) {
  if (out.row.accelerator == "b200_sxm" && out.row.source.find("SimuMax") != std::string::npos) {
    out.row.accelerator = "b200_sxm_slowgemm";
    out.said.emplace_back(
        "accelerator b200_sxm as b200_sxm_slowgemm: large GEMMs reach 0.48 of the peak there "
        "(MooreThreads/SimuMax, configs/system)");
  }
}

void RepairPart(RepairedCase& out, const CatalogueList& catalogue) {
  const std::vector<std::string>& known = catalogue.accelerators;
  TakeSlowCards(out);
  std::string& name = out.row.accelerator;
  if (std::find(known.begin(), known.end(), name) != known.end()) {
    return;
  }
  const std::string nearest = NearestPart(name, catalogue);
  if (!nearest.empty()) {
    const bool same = NumberOf(nearest) == NumberOf(name);
    out.said.push_back(fmt::format("accelerator {} as {}{}", name, nearest,
                                   same ? "" : ", WHICH IS ANOTHER PART"));
    name = nearest;
  }
}

// Formats in which a run may have been that its part does not have: the next wider one.
void RepairPrecision(RepairedCase& out, const CatalogueList& catalogue) {
  const auto formats = catalogue.formats.find(out.row.accelerator);
  if (formats == catalogue.formats.end()) {
    return;
  }
  std::string& name = out.row.precision;
  const auto has = [&](const std::string& precision) {
    return formats->second.contains(SchemaFormat(precision));
  };
  for (const char* wider : {"fp8", "bf16", "tf32", "fp32"}) {
    if (has(name)) {
      return;
    }
    const bool narrower = name != "bf16" && name != "fp16" && name != "tf32" && name != "fp32";
    if (has(wider) && (narrower || std::string(wider) != "fp8")) {
      out.said.push_back(fmt::format("precision {} as {}", name, wider));
      name = wider;
    }
  }
}

// Models with experts that are cut to fewer layers keep the attention of the whole one.
void TakeMixture(RepairedCase& out, const CatalogueList& catalogue) {
  const PublishedCase& row = out.row;
  for (const CatalogueMixture& model : catalogue.mixtures) {
    if (model.hidden == row.hidden && model.heads == row.heads && model.experts == row.experts &&
        model.experts_per_token == row.top_k && model.expert_ffn == row.expert_ffn) {
      out.like = model;
      out.query_key_norms = model.query_key_norms;
      if (row.head_dim == 0 && model.key_value_rank == 0 &&
          model.head_dim * model.heads != model.hidden) {
        out.head_dim = model.head_dim;
      }
      if (model.layers != row.layers || model.vocabulary != row.vocab) {
        out.said.push_back(fmt::format("attention as in {}", model.name));
      }
      return;
    }
  }
}

// Feed-forward blocks of two matrices, by the beginnings of the names of models.
bool Ungated(const std::string& model) {
  const std::string plain = PlainName(model);
  const auto begins = [&plain](const char* name) {
    return plain.starts_with(name);
  };
  constexpr const char* kPlainBlocks[] = {"gpt2",  "gpt_2", "gpt3",   "gpt_3",  "gpt_neo", "gpt_j",
                                          "bloom", "opt_",  "pythia", "falcon", "bert",    "t5"};
  return std::any_of(std::begin(kPlainBlocks), std::end(kPlainBlocks), begins);
}

// Accelerators of a domain where the row does not say: the slice that a job on a torus is, the rack
// of a part that is sold in racks, else a server of about eight.
std::int64_t UsualDomain(const PublishedCase& row, const CatalogueList& catalogue) {
  constexpr std::int64_t kUsual = 8;
  const bool has_one = std::any_of(catalogue.servers.begin(), catalogue.servers.end(),
                                   [&row](const CatalogueServer& server) {
                                     return server.accelerator == row.accelerator;
                                   });
  if (!has_one) {
    return kUsual;
  }
  const CatalogueServer& server = UsualServer(catalogue, row.accelerator);
  return !server.torus.empty() ? row.accelerators : server.accelerators;
}

// What a framework shards where the row does not say: FSDP and XLA everything, Megatron-Core and
// DeepSpeed the states of the optimizer, loops with DistributedDataParallel nothing.
std::int64_t UsualZero(const PublishedCase& row, const CatalogueList& catalogue) {
  PublishedCase plain = row;
  plain.zero = 0;
  const auto kind = catalogue.stack_kinds.find(StackOf(plain, catalogue));
  const std::string name = kind == catalogue.stack_kinds.end() ? "" : kind->second;
  if (name.find("FSDP") != std::string::npos || name == "XLA-like") {
    return 3;
  }
  return name == "Megatron-like" || name == "DeepSpeed" ? 1 : 0;
}

// A domain of trays where the notes say that it is a rack.
bool IsTray(const PublishedCase& row, std::int64_t usual) {
  const auto says = [&row](const char* words) {
    return row.notes.find(words) != std::string::npos;
  };
  return row.domain > 0 && row.domain < usual &&
         (says("NVL72") || says("MNNVL") || says("one rack"));
}

// What stands for cells that the row leaves blank.
void TakeBlanks(RepairedCase& out, const CatalogueList& catalogue) {
  PublishedCase& row = out.row;
  out.said.insert(out.said.end(), row.assumed.begin(), row.assumed.end());
  const auto take = [&out](const char* column, std::int64_t& number, std::int64_t blank,
                           std::int64_t usual) {
    if (number == blank) {
      number = usual;
      out.said.push_back(fmt::format("{} not said: {}", column, number));
    }
  };
  const std::int64_t usual = UsualDomain(row, catalogue);
  take("domain", row.domain, 0, usual);
  if (IsTray(row, usual)) {
    out.said.push_back(fmt::format("domain {} as {}, the rack's", row.domain, usual));
    row.domain = usual;
  }
  take("kv_heads", row.kv_heads, 0, row.heads);
  take("gated", row.gated, kNotSaid, Ungated(row.model) ? 0 : 1);
  take("zero", row.zero, kNotSaid, row.dp > 1 ? UsualZero(row, catalogue) : 0);
  take("sequence_parallel", row.sequence_parallel, kNotSaid, row.tp > 1 ? 1 : 0);
}

// Models of one width that differ in their norms alone have vocabularies of their own (Llama 2 and
// OLMo 2, Qwen2.5 32B and OLMo 2 32B); paddings are within a fiftieth.
bool MayBe(const PublishedCase& row, const CatalogueShape& model) {
  constexpr std::int64_t kPadding = 50;
  const bool wide = model.head_dim * model.heads != model.hidden;
  return !model.query_key_norms || wide ||
         std::abs(row.vocab - model.vocabulary) * kPadding <= model.vocabulary;
}

// Widths of heads, their norms and tied embeddings are properties of models that tables have no
// columns for.
void TakeShape(RepairedCase& out, const CatalogueList& catalogue) {
  const PublishedCase& row = out.row;
  out.relu = PlainName(row.model).starts_with("opt_");
  if (row.experts > 0) {
    TakeMixture(out, catalogue);
    return;
  }
  for (const CatalogueShape& model : catalogue.shapes) {
    if (model.hidden != row.hidden || model.heads != row.heads || model.kv_heads != row.kv_heads ||
        model.ffn != row.ffn || !MayBe(row, model)) {
      continue;
    }
    if (row.head_dim == 0 && model.head_dim * model.heads != model.hidden) {
      out.head_dim = model.head_dim;
      out.said.push_back(fmt::format("heads of {} as in {}", model.head_dim, model.name));
    }
    out.query_key_norms = model.query_key_norms;
    if (model.tied_embeddings && model.layers == row.layers && model.vocabulary == row.vocab) {
      out.tied_embeddings = true;
      out.said.push_back(fmt::format("tied embeddings as in {}", model.name));
    }
    return;
  }
}

}  // namespace

std::string NearestPart(const std::string& name, const CatalogueList& catalogue) {
  const std::string plain = PlainName(name);
  std::string best;
  std::size_t most = 0;
  const auto consider = [&](const std::string& spelling, const std::string& entry) {
    // One of the line comes before those that only begin with the same letters, and one with the
    // same number before others.
    constexpr std::size_t kOfLine = 1000, kSameNumber = 100;
    const std::size_t same = SameLetters(plain, spelling) + (plain == spelling ? 1 : 0) +
                             (FirstWord(spelling) == FirstWord(plain) ? kOfLine : 0) +
                             (NumberOf(plain) == NumberOf(spelling) ? kSameNumber : 0);
    if (FirstLetters(spelling) == FirstLetters(plain) && same > most) {
      most = same;
      best = entry;
    }
  };
  for (const std::string& entry : catalogue.accelerators) {
    consider(entry, entry);
  }
  for (const auto& [alias, entry] : catalogue.accelerator_aliases) {
    consider(alias, entry);
  }
  return best;
}

bool WholeExperts(const PublishedCase& row) {
  return row.expert_ffn < row.hidden;
}

RepairedCase Repaired(const PublishedCase& row, const CatalogueList& catalogue) {
  RepairedCase out;
  out.row = row;
  out.head_dim = row.head_dim;
  RepairPart(out, catalogue);
  TakeBlanks(out, catalogue);
  RepairPrecision(out, catalogue);
  TakeShape(out, catalogue);
  Repair repair(out);
  repair.Layout();
  repair.Experts();
  repair.Model();
  repair.Batch();
  return out;
}

}  // namespace gridlock
