// Has a model seen the future? On data with a known law it can be told.
#pragma once
#include <optional>
#include <string>

#include "harness/results/summary.h"

namespace plastometer {

// Against a floor that is the exact law of the data a causal model gains more
// than ln(1/alpha) nats with probability at most alpha, whatever it learned
// (J. Ville's inequality for the likelihood ratio): alpha = 1e-6, 13.8 nats,
// on all windows together, and alpha / windows on each alone.
inline constexpr double kLeakNats = 13.815510557964274;  // ln 1e6

// Windows whose losses are not there yet (NaN) are left out. What was found
// names profile, nats and, for one window alone, the window.
std::optional<std::string> FindLeak(const RunRecord& record);
// Of what this program has just measured: throws kInternal.
void CheckLeaks(const RunRecord& record);

}  // namespace plastometer
