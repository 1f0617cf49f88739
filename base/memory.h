// What this process may take, asked before it is taken: the system kills a
// process that asks too much (or the one beside it), and says nothing.
#pragma once
#include <cstdint>
#include <string>

namespace plastometer {

// Bytes: the least of the machine's memory, the control group's limit
// (Linux, versions 1 and 2) and RLIMIT_AS, RLIMIT_DATA. Not what is free just
// now: that changes while one looks.
uint64_t MemoryLimit();

// Throws kInfrastructure when `bytes`, what will be needed at least, is more
// than `limit`: "<what> need at least 35.2 GiB of memory, and this process may
// take 23.4 GiB".
void RequireMemory(uint64_t bytes, const std::string& what,
                   uint64_t limit = MemoryLimit());

// a * b, the largest number where that would be more.
uint64_t BoundedProduct(uint64_t a, uint64_t b);

}  // namespace plastometer
