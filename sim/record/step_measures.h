#pragma once

// Numbers that follow from the record of a step.

#include <optional>
#include <string>
#include <vector>

#include "sim/record/step_record.h"

namespace gridlock {

double TokensPerSecond(const StepRecord& record);

/// Per accelerator.
double TokensPerSecondEach(const StepRecord& record);
FlopPerSecond ModelFlopRateEach(const StepRecord& record);
Watts MeanPowerEach(const StepRecord& record);

double Mfu(const StepRecord& record);
double Hfu(const StepRecord& record);

/// Of one accelerator's board, without its share of the server.
Watts AcceleratorMeanPower(const StepRecord& record);

/// Of one board while it computes or reads HBM, at most its limit: where the energy above rest
/// goes. NaN when the power at rest is not known.
Watts BusyPower(const StepRecord& record);

/// All accelerators from busy to rest and back: they wait for each other at the same time in every
/// step.
Watts PowerSwing(const StepRecord& record);

/// All accelerators, mean over the step: what is missing to busy power all the time.
Watts SmoothingPower(const StepRecord& record);

/// The least and the most that the servers draw from the site in an interval of the step; NaN when
/// not known.
Watts PowerMin(const StepRecord& record);
Watts PowerMax(const StepRecord& record);

/// The steepest change from an interval to the next, W/s; the first follows the last, because steps
/// repeat.
double PowerRamp(const StepRecord& record);

/// What set the pace of the critical path, parts of one name added up, the largest first.
std::vector<Attribution> Walls(const StepRecord& record);

/// The resource that sets the pace of the longest part of the critical path: the wall that binds.
/// Of equal ones the first counts; none when nothing was attributed.
std::optional<Attribution> BindingWall(const StepRecord& record);

/// "" when nothing was attributed.
std::string NameOfBindingWall(const StepRecord& record);

/// Of the step time; 0 when nothing was attributed.
double ShareOfBindingWall(const StepRecord& record);

std::string StepFingerprintText(const StepRecord& record);

/// Share in use over the whole step.
double MeanUse(const UtilisationSeries& series, const StepRecord& record);

Bytes TotalMemory(const StageMemory& stage);

/// The hottest links and those that were asked for, each once.
std::vector<LinkUse> LinksOf(const StepRecord& record);

}  // namespace gridlock
