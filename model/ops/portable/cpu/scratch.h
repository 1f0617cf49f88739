// Work space of one thread, reused by every call on it.
#pragma once
#include <cstdint>

namespace plastometer::portable {

// 64-byte aligned, at least `num_floats`; contents are what the last user left.
// A second call may move it: one live use a thread.
float* Scratch(int64_t num_floats);

}  // namespace plastometer::portable
