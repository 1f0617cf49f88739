// The C library's allocator, told to keep what it has.
#pragma once

namespace plastometer {

// Freed activations are otherwise returned to the system and faulted in again
// at the next step: a quarter of the time. Call once, early in main.
void KeepFreedMemory();

// All the same: when something large is gone for good.
void ReturnFreedMemory();

}  // namespace plastometer
