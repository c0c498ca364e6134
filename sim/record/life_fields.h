#pragma once

// The fields of the record of a cluster's life, each once: name, unit, meaning. trace.h5,
// summary.json, the fingerprint and the reference of outputs (docs/outputs.md) follow from these
// lists; a new column is one line here.

#include "sim/base/fields.h"
#include "sim/record/columns.h"
#include "sim/record/life_measures.h"
#include "sim/record/life_record.h"

namespace gridlock {

/// The fields with this whole say where the time of a job went, from its submission to its end or
/// the horizon, and sum to that time.
inline constexpr const char* kTimeOfJob = "time_s";

template <>
inline constexpr TableNote kTable<LifeJob> = {"job", "job_", "jobs[]",
                                              "one job, run or fleet, over the horizon"};

template <>
inline constexpr auto kFields<LifeJob> = FieldList(
    Field("name", &LifeJob::name, "name of the job").Label(),
    Field("tenant", &LifeJob::tenant, "who submitted the job"),
    Field("kind", &LifeJob::kind, "kind of the job, a number along job_kind")
        .Variable("kind_of_job"),
    Field("campaign", &LifeJob::campaign,
          "campaign that generated the experiment; empty for all other jobs"),
    Field("rung", &LifeJob::rung, "rung of the campaign, from 0; -1: of no campaign"),
    Field("round", &LifeJob::round, "round of successive halving, from 1; 0: of no campaign"),
    Field("final_run", &LifeJob::final_run, "job that the campaign of an experiment prepares"),
    Field("outcome", &LifeJob::outcome, "how the job stood at the horizon"),
    Field("site", &LifeJob::site,
          "number of the site where it ran last, of several the first; -1: nowhere")
        .NumberAlong("site"),
    Field("accelerators", &LifeJob::accelerators,
          "accelerators that it asks for; of a fleet, at most"),
    Field("submit", &LifeJob::submit, "time of submission").OnClock(),
    Field("start", &LifeJob::start, "time of the first start").OnClock(),
    Field("end", &LifeJob::end, "time of the end").OnClock(),
    Field("steps", &LifeJob::steps, "steps of the whole run; 0 for fleets"),
    Field("steps_done", &LifeJob::steps_done, "steps that count: not those that were lost"),
    Derived("mean_step_time", &MeanStepTime, "time in steps that count over their number"),
    Field("tokens", &LifeJob::tokens, "token",
          "tokens trained in steps that count, or decoded by a fleet"),
    Field("model_flop", &LifeJob::model_flop,
          "model FLOP of the steps that count, or of the tokens"),
    Field("peak_flop_rate", &LifeJob::peak,
          "dense peak of one accelerator in the job's format; 0: not known")
        .Key("peak_flop_per_s_per_accelerator"),
    Derived("holding_mfu", &HoldingMfu, "1",
            "model FLOP of the steps that count, or of the tokens, over the peak of the "
            "accelerators held"),
    Derived("ettr", &Ettr, "1",
            "effective training time ratio: time in steps that count, or serving, over the time "
            "from submission to the end or the horizon"),
    Field("training", &LifeJob::training, "time in steps that count; 0 for fleets")
        .PartOf(kTimeOfJob),
    Field("serving", &LifeJob::serving, "time in which a fleet served; 0 for runs")
        .PartOf(kTimeOfJob),
    Field("waiting", &LifeJob::waiting, "time in the queue").PartOf(kTimeOfJob),
    Field("lost", &LifeJob::lost, "time in steps that were lost").PartOf(kTimeOfJob),
    Field("checkpointing", &LifeJob::checkpointing, "time writing checkpoints").PartOf(kTimeOfJob),
    Field("restarting", &LifeJob::restarting, "time restarting and reading checkpoints")
        .PartOf(kTimeOfJob),
    Field("stalled", &LifeJob::stalled, "time holding servers without a step").PartOf(kTimeOfJob),
    Field("log_waiting", &LifeJob::log_waiting,
          "of a job of a log, time in the queue there; missing: not known")
        .OnClock()
        .Aside(),
    Field("interruptions", &LifeJob::interruptions, "times that a failure or an outage stopped it"),
    Derived(
        "mean_time_between_interruptions",
        +[](const LifeJob& job) {
          return Per(SumOfTimes(job) - job.waiting, job.interruptions);
        },
        "time that it held servers over its interruptions; missing: it had none"),
    Field("preemptions", &LifeJob::preemptions, "times that another job or a power cap stopped it"),
    Field("moves", &LifeJob::moves, "times that it moved to make room for another job").Aside(),
    Field("shrunk", &LifeJob::shrunk,
          "time that it held servers with fewer replicas than it asks for")
        .Aside(),
    Field("memory_restarts", &LifeJob::memory_restarts,
          "restarts from copies in the memory of its servers")
        .Aside(),
    Field("survivor_restarts", &LifeJob::survivor_restarts,
          "restarts from replicas that had lost no server")
        .Aside(),
    Field("accelerator_seconds", &LifeJob::accelerator_seconds, "s",
          "accelerators held, in whole servers, times the time")
        .Key("accelerator_s"),
    Field("energy", &LifeJob::energy, "energy of the servers held, without PUE"),
    Field("facility_energy", &LifeJob::facility_energy, "energy of the servers held, with PUE"),
    Field("cost", &LifeJob::cost_usd, "USD", "price of the energy with PUE"),
    Field("carbon", &LifeJob::carbon_kg, "kg", "carbon dioxide equivalent of the energy with PUE"),
    Field("capital", &LifeJob::capital_usd, "USD",
          "what the accelerators held, with their share of the site, were written off by"),
    Field("operation", &LifeJob::operation_usd, "USD",
          "staff, upkeep, repairs, taxes and land of the accelerators held, and bytes over WAN "
          "links; 0: not counted")
        .Aside(),
    Derived("usd_per_million_tokens", &UsdPerMillionTokens, "USD",
            "price of the energy, capital and operation over the tokens in millions; missing: no "
            "tokens"));

template <>
inline constexpr TableNote kTable<LifeRequests> = {"request_group", "request_", "requests[]",
                                                   "requests of one group of one fleet"};

template <>
inline constexpr auto kFields<LifeRequests> = FieldList(
    Derived("name", &NameOfGroup, "fleet and group of the requests: FLEET/GROUP")
        .Label()
        .NotInJson(),
    Field("fleet", &LifeRequests::fleet, "fleet of the requests"),
    Field("group", &LifeRequests::group, "group of the requests").Variable("request_group_name"),
    Field("scale", &LifeRequests::scale, "1", "replicas of the fleet over those simulated"),
    Field("arrived", &LifeRequests::arrived, "1", "requests that arrived, whole fleet"),
    Field("completed", &LifeRequests::completed, "1", "requests that were completed, whole fleet"),
    Field("prompt_tokens", &LifeRequests::prompt_tokens, "token",
          "prompt tokens of completed requests, whole fleet"),
    Field("output_tokens", &LifeRequests::output_tokens, "token",
          "output tokens of completed requests, whole fleet"),
    Field("ttft_p50", &LifeRequests::ttft_p50, "s", "time to first token, median"),
    Field("ttft_p90", &LifeRequests::ttft_p90, "s", "time to first token, 90th percentile"),
    Field("ttft_p99", &LifeRequests::ttft_p99, "s", "time to first token, 99th percentile"),
    Field("tpot_p50", &LifeRequests::tpot_p50, "s", "time per output token, median"),
    Field("tpot_p90", &LifeRequests::tpot_p90, "s", "time per output token, 90th percentile"),
    Field("tpot_p99", &LifeRequests::tpot_p99, "s", "time per output token, 99th percentile"),
    Field("good_share", &LifeRequests::good_share, "1",
          "share of completed requests that met both objectives"),
    Field("waits_for", &LifeRequests::waits_for,
          "what requests of the fleet wait for most: batch, KV room or prefill; load: for nothing"),
    Field("waits_share", &LifeRequests::waits_share, "1",
          "share of the time in which replicas of the fleet work, that the first in line waits so"),
    Field("waits_remedy", &LifeRequests::waits_remedy, "what would shorten that wait"),
    Field("time_for", &LifeRequests::time_for,
          "what iterations of the fleet take most of their time for: weights, caches, compute, "
          "links, kernels or host"),
    Field("time_share", &LifeRequests::time_share, "1", "share of that in the time of iterations"),
    Field("time_remedy", &LifeRequests::time_remedy, "what would shorten iterations"),
    Field("moved", &LifeRequests::moved, "caches that moved between the pools of the fleet"),
    Field("network", &LifeRequests::network,
          "of the time to first token, the way from users to a site and back, mean")
        .Aside());

template <>
inline constexpr TableNote kTable<LifeFailure> = {"failure", "failure_", "failures[]",
                                                  "one kind of failure over the horizon"};

template <>
inline constexpr auto kFields<LifeFailure> =
    FieldList(Field("name", &LifeFailure::name, "kind of the failure").Label(),
              Field("count", &LifeFailure::failures, "failures that hit something in service"),
              Field("servers", &LifeFailure::servers, "servers that they took out of service"),
              Field("interruptions", &LifeFailure::interruptions, "runs that they stopped"),
              Field("lost", &LifeFailure::lost, "training that these runs lost by it"));

template <>
inline constexpr TableNote kTable<LifeSite> = {"site", "site_", "sites[]",
                                               "one site: totals over the horizon, and series"};

template <>
inline constexpr auto kFields<LifeSite> = FieldList(
    Field("name", &LifeSite::name, "name of the site").Label(),
    Field("accelerators", &LifeSite::accelerators, "accelerators of the site"),
    Field("pue", &LifeSite::pue, "1",
          "power usage effectiveness: all power over that of the servers"),
    Field("it_energy", &LifeSite::it_energy, "energy over the horizon, without PUE"),
    Field("energy", &LifeSite::energy, "energy over the horizon, with PUE"),
    Field("rest_energy", &LifeSite::rest_energy,
          "of it_energy, what no job held: idle servers, switches and storage"),
    Derived("mean_power", &MeanPower, "energy over the horizon, with PUE"),
    Field("peak_power", &LifeSite::peak_power, "highest mean power of a minute or more, with PUE"),
    Derived("at_cap_share", &AtCapShare, "1",
            "share of the time under a power cap in which the power was at the cap"),
    Field("switch_power", &LifeSite::switch_power, "power of all switches, without PUE"),
    Field("optics_power", &LifeSite::optics_power,
          "power of the transceivers at both ends of all cables, without PUE"),
    Field("storage_power", &LifeSite::storage_power,
          "power of the storage of checkpoints, without PUE")
        .Aside(),
    Field("ramp_energy", &LifeSite::ramp_energy,
          "of it_energy, what boards burned so that their power fell slowly when work had stopped")
        .Aside(),
    Field("battery_capacity", &LifeSite::battery_capacity,
          "energy that its battery gives from full to empty; 0: it has none")
        .Aside(),
    Field("battery_charged", &LifeSite::battery_charged,
          "of energy, what its battery took from the grid")
        .Aside(),
    Field("battery_discharged", &LifeSite::battery_discharged,
          "energy that its battery gave to the site, which the grid did not")
        .Aside(),
    Field("battery_least", &LifeSite::battery_least, "the least that its battery held").Aside(),
    Field("battery_faded", &LifeSite::battery_faded,
          "capacity that its battery lost by its age and its work until the end")
        .Aside(),
    Field("battery_capital", &LifeSite::battery_capital_usd, "USD",
          "of capital, what its battery was written off by")
        .Aside(),
    Field("cost", &LifeSite::cost_usd, "USD", "price of the energy with PUE"),
    Field(
        "capital", &LifeSite::capital_usd, "USD",
        "what all accelerators, with servers, network and building, and a battery were written off "
        "by"),
    Field("operation", &LifeSite::operation_usd, "USD",
          "staff, upkeep, repairs, taxes and land of all accelerators, rent of WAN links and the "
          "price of bytes over them; 0: not counted")
        .Aside(),
    Field("wan_rent", &LifeSite::wan_rent_usd, "USD",
          "of operation, half of the rent of each WAN link of the site")
        .Aside(),
    Field("wan_traffic", &LifeSite::wan_traffic_usd, "USD",
          "of operation, half of what runs paid for bytes over each WAN link of the site")
        .Aside(),
    Field("sales", &LifeSite::sales_usd, "USD",
          "of capital, what accelerators that left had not been written off by, less what they "
          "were sold for")
        .Aside(),
    Field("carbon", &LifeSite::carbon_kg, "kg", "carbon dioxide equivalent of the energy with PUE"),
    Field("power", &LifeSite::power, "W", "power that the site draws from the grid, with PUE")
        .Along("time")
        .NotInJson(),
    Field("power_cap", &LifeSite::power_cap, "W", "power that the site may draw; missing: no cap")
        .Along("time")
        .Key("mean_power_cap_w"),
    Field("busy", &LifeSite::busy, "1", "accelerators that jobs of the kind hold")
        .Along("job_kind", "time")
        .Key("mean_busy_accelerators"),
    Field("idle", &LifeSite::idle, "1", "accelerators in service that no job holds")
        .Along("time")
        .Key("mean_idle_accelerators"),
    Field("down", &LifeSite::down, "1", "accelerators out of service")
        .Along("time")
        .Key("mean_down_accelerators"),
    Field("battery_stored", &LifeSite::battery_stored, "J",
          "energy that the battery of the site holds")
        .Along("time")
        .Key("mean_battery_stored_j")
        .Aside(),
    Field("power_limit", &LifeSite::power_limit, "W", "board limit in force of one accelerator")
        .Along("time")
        .Key("mean_accelerator_power_limit_w"));

template <>
inline constexpr TableNote kTable<LifeSeries> = {"", "", "means", "series of the whole cluster"};

template <>
inline constexpr auto kFields<LifeSeries> =
    FieldList(Field("queue_jobs", &LifeSeries::queue_jobs, "1", "jobs that wait").Along("time"),
              Field("queue_accelerators", &LifeSeries::queue_accelerators, "1",
                    "accelerators that waiting jobs ask for")
                  .Along("time"),
              Field("training_flop_rate", &LifeSeries::training_flops, "FLOP/s",
                    "model FLOP/s of all training, also of steps lost later")
                  .Along("time")
                  .Key("training_flop_per_s"),
              Field("decoded_token_rate", &LifeSeries::decoded_tokens, "token/s",
                    "tokens decoded per second by all fleets")
                  .Along("time")
                  .Key("decoded_tokens_per_s"),
              Field("storage_rate", &LifeSeries::storage_bytes, "byte/s",
                    "written to and read from checkpoint storage")
                  .Along("time")
                  .Key("storage_bytes_per_s"),
              Field("wan_rate", &LifeSeries::wan_bytes, "byte/s",
                    "over links between sites, all links and both directions")
                  .Along("time")
                  .Key("wan_bytes_per_s"));

template <>
inline constexpr TableNote kTable<LifeEvent> = {"event", "event_", "events[]",
                                                "what happened, in order of time"};

template <>
inline constexpr auto kFields<LifeEvent> =
    FieldList(Field("at", &LifeEvent::at, "time of the event"),
              Field("kind", &LifeEvent::kind, "what happened"),
              Field("job", &LifeEvent::job, "number of the job; -1: none").NumberAlong("job"),
              Field("site", &LifeEvent::site, "number of the site; -1: none").NumberAlong("site"),
              Field("server", &LifeEvent::server,
                    "first server that the event is about, from 0 on its site; -1: none"),
              Field("servers", &LifeEvent::servers, "servers that the event is about"),
              Field("wan", &LifeEvent::wan,
                    "number of the link between sites, from 0 in the scenario; -1: none"),
              Field("detail", &LifeEvent::detail, "what the numbers do not say").ToldOnce());

template <>
inline constexpr auto kFields<LifeRecord> = FieldList(
    Field("horizon", &LifeRecord::horizon, "length of the life"),
    Field("interval", &LifeRecord::interval, "width of an interval of the series, but the last")
        .NotInTrace(),
    Field("jobs", &LifeRecord::jobs, "jobs and fleets"),
    Field("requests", &LifeRecord::requests, "requests by fleet and group"),
    Field("failures", &LifeRecord::failures, "kinds of failures").Aside(),
    Field("sites", &LifeRecord::sites, "sites"),
    Field("series", &LifeRecord::series, "series of the whole cluster"),
    Field("events", &LifeRecord::events, "what happened, in order of time"),
    Derived(
        "goodput", &Goodput, "1",
        "accelerator-time in steps that count, and serving, over all accelerators and the whole "
        "horizon"),
    Derived("tokens_trained", &TokensTrained, "token",
            "tokens of all runs and experiments, in steps that count"),
    Derived("experiments_waiting_mean", &MeanWaitOfExperiments,
            "time in the queue of experiments that started, mean; missing: there are none"),
    Derived("sites_energy", &EnergyOfSites, "energy of all sites over the horizon, with PUE"),
    Derived("sites_usd", &CostOfSites, "USD",
            "energy of all sites with PUE, and what their accelerators were written off by")
        .Key("sites_usd"),
    Field("situations", &LifeRecord::situations, "distinct situations whose step was simulated"),
    Field("requests_simulated", &LifeRecord::requests_simulated, "requests that were simulated"),
    Field("energy_is_estimate", &LifeRecord::energy_is_estimate,
          "whether a power coefficient of some site is an estimate"),
    Field("fingerprint", &LifeRecord::fingerprint, "hash of every other field, at 9 digits")
        .Aside()
        .NotInTrace()
        .NotInJson(),
    Derived("fingerprint_text", &LifeFingerprintText, "fingerprint in hexadecimal")
        .Variable("fingerprint")
        .Key("fingerprint"));

}  // namespace gridlock
