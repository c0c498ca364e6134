#include "sim/validation/stand_ins.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <vector>

#include <fmt/format.h>

namespace gridlock {

namespace {

// What tables call a stack, and the catalogue entry that stands for it. Other names stand for
// themselves when the catalogue has them.
struct StackName {
  const char* table;
  const char* accelerator_prefix;  // the entry is for accelerators that begin so
  std::int64_t zero;               // and for rows that shard at least that much
  const char* catalogue;
  bool (*fits)(const PublishedCase& row);  // the entry is for rows that this is true of
};

bool Any(const PublishedCase& /*row*/) {
  return true;
}

// Experts narrower than the model, many of them per token.
bool FineGrained(const PublishedCase& row) {
  return row.experts > 0 && row.expert_ffn < row.hidden;
}

bool FineGrainedInterleaved(const PublishedCase& row) {
  return FineGrained(row) && row.vpp > 1;
}

// Frameworks that nobody fitted, by kind: each stands for the nearest one that was. The first whose
// name the row's stack begins with counts; "" is any.
struct StackFamily {
  const char* prefix;
  const char* kind;    // in words, for the row
  const char* stands;  // a table's name of a stack, or one of the catalogue
};

constexpr StackFamily kFamilies[] = {
    {"megatron", "Megatron-like", "megatron"},
    {"aleph", "Megatron-like", "megatron"},
    {"nanotron", "Megatron-like", "megatron"},
    {"paddle", "Megatron-like", "megatron"},
    {"gpt_neox", "Megatron-like", "megatron"},
    {"pith", "Megatron-like", "megatron"},
    {"nemo", "Megatron-like", "megatron"},
    {"colossal", "Megatron-like", "megatron"},
    {"maxtext", "XLA-like", "megatron"},
    {"paxml", "XLA-like", "megatron"},
    {"pax", "XLA-like", "megatron"},
    {"jax", "XLA-like", "megatron"},
    {"xla", "XLA-like", "megatron"},
    {"neuron", "XLA-like", "megatron"},
    {"", "pipeline-less FSDP", "composer_fsdp"},
};

constexpr StackName kStacks[] = {
    // The published A100 runs are of 2021 to 2023, before Transformer Engine and the overlap of
    // tensor-parallel communication; those that shard the optimizer are later than 2021, when there
    // was no distributed optimizer. Those on Hopper and later are Megatron-Core or NeMo on it.
    // Models with fine-grained experts came with dispatchers of their own, whose overlap asks for
    // an interleaved schedule (published recipes, NVIDIA-NeMo/Megatron-Bridge).
    {"megatron", "a100", 1, "megatron_2023", Any},
    {"megatron", "a800", 1, "megatron_2023", Any},
    {"megatron", "a100", 0, "megatron_2021", Any},
    {"megatron", "a800", 0, "megatron_2021", Any},
    {"megatron", "", 0, "megatron_core_overlap", FineGrainedInterleaved},
    {"megatron", "", 0, "megatron_core_flex", FineGrained},
    {"megatron", "", 0, "megatron_core", Any},
    {"composer_fsdp", "", 0, "composer_fsdp", Any},
    {"internevo", "", 0, "internevo", Any},
    {"deepseek_dualpipe", "", 0, "deepseek_dualpipe", Any},
};

// The server with the accelerator of the row whose scale-up domain is nearest to the row's, or
// null.
const CatalogueServer* ServerOf(const PublishedCase& row, const CatalogueList& catalogue) {
  const CatalogueServer* best = nullptr;
  const auto distance = [&row](const CatalogueServer& server) {
    return std::abs(std::log(static_cast<double>(server.accelerators) /
                             static_cast<double>(std::max<std::int64_t>(1, row.domain))));
  };
  for (const CatalogueServer& server : catalogue.servers) {
    if (server.accelerator == row.accelerator &&
        (best == nullptr || distance(server) < distance(*best))) {
      best = &server;
    }
  }
  return best;
}

// The catalogue's entry for what a table calls a stack; "" when there is none.
std::string EntryOf(const std::string& stack, const PublishedCase& row,
                    const CatalogueList& catalogue) {
  std::string name = stack;
  for (const StackName& each : kStacks) {
    if (stack == each.table && row.accelerator.starts_with(each.accelerator_prefix) &&
        row.zero >= each.zero && each.fits(row)) {
      name = each.catalogue;
      break;
    }
  }
  const bool known =
      std::find(catalogue.stacks.begin(), catalogue.stacks.end(), name) != catalogue.stacks.end();
  return known ? name : "";
}

const StackFamily& FamilyOf(const PublishedCase& row) {
  return *std::find_if(std::begin(kFamilies), std::end(kFamilies), [&](const StackFamily& family) {
    return row.stack.starts_with(family.prefix);
  });
}

}  // namespace

KnownNames NamesOf(const CatalogueList& catalogue) {
  KnownNames names{catalogue.stacks, catalogue.accelerators, catalogue.accelerator_aliases};
  for (const StackName& stack : kStacks) {
    if (std::find(names.stacks.begin(), names.stacks.end(), stack.table) == names.stacks.end()) {
      names.stacks.emplace_back(stack.table);
    }
  }
  for (const auto& [alias, name] : catalogue.accelerator_aliases) {
    names.accelerators.push_back(alias);
  }
  return names;
}

std::string StackOf(const PublishedCase& row, const CatalogueList& catalogue) {
  const std::string own = EntryOf(row.stack, row, catalogue);
  return own.empty() ? EntryOf(FamilyOf(row).stands, row, catalogue) : own;
}

RowServer RowServerOf(const PublishedCase& row, const CatalogueList& catalogue) {
  const CatalogueServer* const base = ServerOf(row, catalogue);
  if (base != nullptr && base->accelerators == row.domain) {
    return {base->name, "", base->nics, base->nic_bandwidth.si()};
  }
  const std::int64_t domain = row.domain;
  if (base != nullptr) {
    const auto nics = static_cast<int>(
        std::max<std::int64_t>(1, base->nics * domain / std::max(1, base->accelerators)));
    return {"published",
            fmt::format("  server {{ name: \"published\" like: \"{}\" accelerators: {} nics: {} "
                        "source {{ text: \"the row\" }} }}\n",
                        base->name, domain, nics),
            nics, base->nic_bandwidth.si()};
  }
  return {"published",
          fmt::format("  server {{ name: \"published\" accelerator: \"{}\" accelerators: {} nics: "
                      "{} nic_bandwidth: \"400 Gbps\" scale_up {{ transport: \"nvlink_4\" }} "
                      "scale_out {{ transport: \"infiniband\" }} overhead_power: \"1 kW\" source "
                      "{{ text: \"Assumed: a server of its own\" estimate: true }} }}\n",
                      row.accelerator, domain, domain),
          static_cast<int>(domain), 50e9};
}

std::string AssumedOf(const PublishedCase& row, const CatalogueList& catalogue) {
  std::vector<std::string> assumed;
  if (EntryOf(row.stack, row, catalogue).empty()) {
    assumed.push_back(fmt::format("stack {} is {}: as {}", row.stack, FamilyOf(row).kind,
                                  StackOf(row, catalogue)));
  }
  const CatalogueServer* const server = ServerOf(row, catalogue);
  if (server == nullptr) {
    assumed.push_back(
        fmt::format("a server of {} {} as one switched domain", row.domain, row.accelerator));
  } else if (server->accelerators != row.domain) {
    assumed.push_back(fmt::format("{} with {} accelerators", server->name, row.domain));
  }
  return fmt::format("{}", fmt::join(assumed, "; "));
}

}  // namespace gridlock
