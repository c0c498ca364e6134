#pragma once

// The fields of the record of a training step, each once: name, unit, meaning. trace.h5,
// summary.json, what crosses a pipe and the reference of outputs (docs/outputs.md) follow from
// these lists. They do not enter the fingerprint: that of a step is of every completion time, and
// the evaluator computes it.

#include "sim/base/fields.h"
#include "sim/record/columns.h"
#include "sim/record/step_measures.h"
#include "sim/record/step_record.h"

namespace gridlock {

template <>
inline constexpr TableNote kTable<UtilisationSeries> = {"resource", "resource_", "utilisation{}",
                                                        "one class of resources", "cap"};

template <>
inline constexpr auto kFields<UtilisationSeries> = FieldList(
    Field("name", &UtilisationSeries::resource, "class of resources").Label().NotInJson(),
    Field("members", &UtilisationSeries::members,
          "resources of the class in the machine that the job occupies"),
    Field("capacity", &UtilisationSeries::capacity_si, "s-1",
          "capacity of one member, per direction, what can be sustained: FLOP/s of compute, byte/s "
          "of all others")
        .NotInJson(),
    Field("peak", &UtilisationSeries::peak_si, "s-1",
          "capacity of one member as its datasheet has it; 0: the same as capacity")
        .NotInJson(),
    Derived("mean", &MeanUse, "1", "share in use, mean over the step and all members of the class")
        .Variable("utilisation_mean")
        .Key("mean_share"),
    Field("utilisation", &UtilisationSeries::share, "1",
          "share in use, mean over the interval and all members of the class")
        .Along("sample")
        .NotInJson());

template <>
inline constexpr TableNote kTable<Attribution> = {"attribution_resource", "", "attribution_s{}",
                                                  "one cause that set the pace", "cap"};

template <>
inline constexpr auto kFields<Attribution> = FieldList(
    Field("name", &Attribution::resource, "what set the pace of the critical path")
        .Label()
        .NotInJson(),
    Field("attribution", &Attribution::time,
          "time of the critical path that the resource set the pace of")
        .IsElement(),
    Field("words", &Attribution::words, "the resource in words").Aside().NotInTrace().NotInJson());

template <>
inline constexpr TableNote kTable<BreakdownPart> = {"activity", "", "breakdown_s{}",
                                                    "one activity of accelerators", "cap"};

template <>
inline constexpr auto kFields<BreakdownPart> = FieldList(
    Field("name", &BreakdownPart::activity, "what an accelerator was doing").Label().NotInJson(),
    Field("breakdown", &BreakdownPart::time, "mean time per accelerator in the activity")
        .IsElement());

template <>
inline constexpr TableNote kTable<StageMemory> = {
    "stage", "memory_", "memory[]", "one pipeline stage: HBM of one accelerator", "cap"};

template <>
inline constexpr auto kFields<StageMemory> = FieldList(
    Field("stage", &StageMemory::stage, "pipeline stage").Label(),
    Field("weights", &StageMemory::weights, "HBM per accelerator for weights"),
    Field("gradients", &StageMemory::gradients, "HBM per accelerator for gradients"),
    Field("optimizer", &StageMemory::optimizer, "HBM per accelerator for optimizer state"),
    Field("activations", &StageMemory::activations, "HBM per accelerator for activations"),
    Field("buffers", &StageMemory::buffers, "HBM per accelerator for buffers"),
    Derived("total", &TotalMemory, "HBM per accelerator in use"),
    Field("capacity", &StageMemory::capacity, "HBM per accelerator there is"));

template <>
inline constexpr TableNote kTable<LinkUse> = {"link", "link_", "hottest_links[]",
                                              "one of the links with the highest use", "cap"};

template <>
inline constexpr auto kFields<LinkUse> = FieldList(
    Field("link", &LinkUse::name, "name of the link, one direction").Label(),
    Field("tier", &LinkUse::tier, "class of links that it belongs to").NotInTrace(),
    Field("capacity", &LinkUse::capacity, "what it can carry"),
    Field("carried", &LinkUse::carried, "what it carried in the step, protocol included"),
    Field("utilisation", &LinkUse::use, "1", "share of its capacity in use, mean over the step"),
    Field("from", &LinkUse::from, "machine that sends over it").NotInTrace(),
    Field("to", &LinkUse::to, "machine that receives over it").NotInTrace(),
    Field("alike", &LinkUse::alike, "links that carry the same in the same way, this one included"),
    Field("share", &LinkUse::share, "1", "share of its capacity in use, mean over the interval")
        .Variable("link_share")
        .Along("sample")
        .NotInJson());

template <>
inline constexpr TableNote kTable<TimelineSpan> = {
    "span", "span_", "timeline[]", "what one accelerator of a pipeline stage did for a while",
    "cap"};

template <>
inline constexpr auto kFields<TimelineSpan> = FieldList(
    Field("stage", &TimelineSpan::stage, "pipeline stage; each has its spans in order").NotInJson(),
    Field("start", &TimelineSpan::start, "start of the span since the step began").NotInJson(),
    Field(
        "end", &TimelineSpan::end,
        "end of the span; of a long step, of which the trace has what repeats only once, the last "
        "one ends before the step does")
        .NotInJson(),
    Field("activity", &TimelineSpan::activity, "number along activity: what the accelerator did")
        .NotInJson(),
    Field("pass", &TimelineSpan::pass, "pass of the schedule that it worked on").NotInJson());

template <>
inline constexpr TableNote kTable<OperationCost> = {"operation", "operation_", "operations[]",
                                                    "one kind of kernel call", "cap"};

template <>
inline constexpr auto kFields<OperationCost> = FieldList(
    Field("name", &OperationCost::name, "pass and kind of kernel call").Label().NotInJson(),
    Field("flop", &OperationCost::flop, "FLOP of one call").NotInJson(),
    Field("hbm", &OperationCost::hbm, "HBM traffic of one call").NotInJson(),
    Field("calls", &OperationCost::calls, "1",
          "calls of one accelerator in a step, mean over the pipeline stages")
        .NotInJson(),
    Field("time", &OperationCost::time, "time of one call, alone on the accelerator").NotInJson());

template <>
inline constexpr TableNote kTable<CollectiveResult> = {
    "row", "", "collectives[]", "one size and one algorithm of a test of a collective"};

template <>
inline constexpr auto kFields<CollectiveResult> = FieldList(
    Field("collective", &CollectiveResult::collective, "operation"),
    Field("algorithm", &CollectiveResult::algorithm, "algorithm"),
    Field("size", &CollectiveResult::size, "buffer of one rank"),
    Field("ranks", &CollectiveResult::ranks, "ranks of one group"),
    Field("groups", &CollectiveResult::groups, "groups, side by side"),
    Field("time", &CollectiveResult::time, "time of the slowest group, mean over iterations"),
    Field("latency", &CollectiveResult::latency, "the part of it that no bandwidth shortens"),
    Field("algorithm_bandwidth", &CollectiveResult::algorithm_bandwidth, "size over time"),
    Field("bus_bandwidth", &CollectiveResult::bus_bandwidth,
          "algorithm bandwidth times 2 (n-1)/n for an all-reduce of n ranks, (n-1)/n for gathers, "
          "scatters and all-to-alls, 1 for messages"),
    Field("wall", &CollectiveResult::wall, "what paced the slowest group"),
    Field("wall_words", &CollectiveResult::wall_words, "the same in words")
        .Aside()
        .NotInTrace()
        .NotInJson(),
    Field("fastest", &CollectiveResult::fastest,
          "whether no other algorithm was faster at this size"),
    Field("chosen", &CollectiveResult::chosen,
          "whether a library takes this algorithm at this size"),
    Field("port_load", &CollectiveResult::port_load,
          "bytes on the busiest scale-up link, protocol included"),
    Field("nic_load", &CollectiveResult::nic_load, "the same on the busiest NIC, one direction"),
    Field("busiest", &CollectiveResult::busiest,
          "kind of the link with the highest share of its capacity in use"),
    Field("utilisation", &CollectiveResult::utilisation, "1",
          "that share, mean over the time of the row"));

template <>
inline constexpr TableNote kTable<StepRecord> = {"cap", "", "", "one simulated step"};

template <>
inline constexpr auto kFields<StepRecord> = FieldList(
    Field("label", &StepRecord::label, "label of the capped step").Label(),
    // The study says what is capped, and so the unit: the writers add this one by hand.
    Field("cap_value", &StepRecord::cap_si, "1", "value of the cap; 0 in the baseline")
        .NotInTrace()
        .NotInJson(),
    Field("cap_as_typed", &StepRecord::cap_as_typed,
          "the cap as it was typed, where that is not a plain quantity per direction: \"75 %\"")
        .NotInJson(),
    Field("overrides", &StepRecord::overrides,
          "what the row says differently from the attribute scenario: one path=value a line, as "
          "gridlock run --set takes it")
        .NotInJson(),
    Field("fidelity", &StepRecord::fidelity, "evaluator: full, folded or analytic"),
    Field("accelerators", &StepRecord::accelerators, "accelerators of the job"),
    Field("classes", &StepRecord::classes,
          "classes of alike accelerators, one of each simulated; 0 when all were"),
    Field("tokens", &StepRecord::tokens, "token", "training tokens of one step"),
    Field("step_time", &StepRecord::step_time, "simulated time of one step"),
    Derived("tokens_per_second", &TokensPerSecond, "token/s",
            "training tokens per second, whole job")
        .Key("tokens_per_s"),
    Derived("tokens_per_second_per_accelerator", &TokensPerSecondEach, "token/s",
            "training tokens per second and accelerator")
        .Key("tokens_per_s_per_accelerator"),
    Field("model_flop", &StepRecord::model_flop,
          "forward and backward FLOP of one step, whole job, no recomputation"),
    Field("hardware_flop", &StepRecord::hardware_flop,
          "FLOP of one step, whole job, with recomputation"),
    Field("peak_flop_rate", &StepRecord::peak,
          "dense peak of all accelerators in the training format")
        .Key("peak_flop_per_s"),
    Derived("model_flop_rate_per_accelerator", &ModelFlopRateEach,
            "model FLOP per second and accelerator")
        .Key("model_flop_per_s_per_accelerator"),
    Derived("mfu", &Mfu, "1", "model FLOP utilisation: model FLOP/s over dense peak"),
    Derived("hfu", &Hfu, "1", "hardware FLOP utilisation: the same with recomputation"),
    Derived("binding_wall", &NameOfBindingWall,
            "what set the pace of the largest part of the critical path"),
    Derived("binding_wall_share", &ShareOfBindingWall, "1",
            "share of the critical path that binding_wall set the pace of"),
    Field("interval", &StepRecord::interval,
          "width of one utilisation interval; the last one ends with the step")
        .NotInJson(),
    Field("utilisation", &StepRecord::utilisation, "use of each class of resources"),
    Field("attribution", &StepRecord::attribution, "what set the pace of the critical path"),
    Field("breakdown", &StepRecord::breakdown, "what accelerators were doing"),
    Field("memory", &StepRecord::memory, "HBM by pipeline stage"),
    Field("timeline", &StepRecord::timeline, "what the pipeline stages did when"),
    Field("operations", &StepRecord::operations, "kernel calls, for the roofline"),
    Field("energy", &StepRecord::energy,
          "energy of one step, accelerators and servers, without PUE"),
    Field("accelerator_energy", &StepRecord::accelerator_energy,
          "the accelerators' part of energy"),
    Field("burned_energy", &StepRecord::burned_energy,
          "of accelerator_energy, what boards burned to keep their power floor and to fall slowly"),
    Field("power_series", &StepRecord::power, "W", "power by interval").NotInTrace().NotInJson(),
    Derived(
        "power_min", &PowerMin,
        "lowest power over the step that servers draw from the site, mean of an interval, without "
        "PUE"),
    Derived("power_max", &PowerMax, "the highest"),
    Derived("power_ramp", &PowerRamp, "W/s",
            "steepest change of it from one interval to the next, over the width of an interval")
        .Key("power_ramp_w_per_s"),
    Field("mean_power", &StepRecord::mean_power,
          "mean power over the step, accelerators and servers, without PUE"),
    Derived("mean_power_per_accelerator", &MeanPowerEach,
            "mean_power over the number of accelerators")
        .Key("mean_power_w_per_accelerator"),
    Derived("accelerator_mean_power", &AcceleratorMeanPower,
            "mean power of one accelerator, without its share of the server"),
    Field("accelerator_power_limit", &StepRecord::power_limit,
          "power limit of one accelerator's board; 0: not known"),
    Field("accelerator_power_floor", &StepRecord::power_floor,
          "power that a board draws at least while the step runs; 0: none"),
    Field("accelerator_idle_power", &StepRecord::idle_power,
          "power of one accelerator's board at rest; 0: not known"),
    Derived("accelerator_busy_power", &BusyPower,
            "power of one accelerator while it computes or reads HBM"),
    Derived("power_swing", &PowerSwing,
            "what the power of all accelerators falls by when they wait at the same time"),
    Derived("smoothing_power", &SmoothingPower,
            "mean power that accelerators would have to burn so that their power stays even"),
    Field("energy_is_estimate", &StepRecord::energy_is_estimate,
          "whether a power coefficient is an estimate"),
    Field("collective_seconds", &StepRecord::collective_seconds, "s",
          "measured duration of each kind of collective")
        .NotInTrace()
        .NotInJson(),
    Field("hottest", &StepRecord::hottest, "the links with the highest use"),
    Field("links", &StepRecord::links, "the links that the scenario has recorded by name"),
    Field("tested", &StepRecord::tested, "rows of a test of a collective; a step has none"),
    Field("activities", &StepRecord::activities, "activities that the engine simulated"),
    Field("fingerprint", &StepRecord::fingerprint, "hash of every completion time, at 9 digits")
        .NotInJson(),
    Derived("fingerprint_text", &StepFingerprintText, "fingerprint in hexadecimal")
        .Key("fingerprint"));

}  // namespace gridlock
