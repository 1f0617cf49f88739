// How far the losses and probes of two traces of one shape are apart. Two
// losses that both diverged are not told apart. What compare.cc is made of.
#pragma once
#include <optional>

#include "harness/results/case.h"

namespace plastometer {

// Of the traced losses, nats; nullopt: no window is traced in both.
std::optional<double> MaxAbs(const Trace& a, const Trace& b);
std::optional<double> Rmse(const Trace& a, const Trace& b);

// Of the windows' mean losses, nats a token, traced or not.
double MaxWindow(const Trace& a, const Trace& b);
double WindowRmse(const Trace& a, const Trace& b);

// KL(golden || candidate) over the ids that both name, and one rest bucket.
std::optional<double> ProbeKl(const ProbeLogits& c, const ProbeLogits& g);

}  // namespace plastometer
