// losses.safetensors of a run folder.
#pragma once
#include <filesystem>

#include "harness/results/summary.h"

namespace plastometer {

// "nll.<profile>" [N] F32 (F64 in an fp64 lane): the losses of all windows one
// after another. "correct.<profile>" [N] U8 beside it in runs with accuracy: 1
// where the token was the most probable one. "window_begin" [W + 1] I64: where
// each window's losses begin. "window_tokens", "window_first_token" [W] I64.
// Metadata: profiles, windows.csv's order, hashes.
void WriteLosses(const RunRecord& record, const std::filesystem::path& path);

}  // namespace plastometer
