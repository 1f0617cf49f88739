// trace.zst: one case's trace as bytes. The identity is the SHA-256 of the
// canonical uncompressed bytes; zstd's own output differs between versions.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "harness/results/case.h"

namespace plastometer {

inline constexpr uint64_t kMaxTraceBytes = uint64_t{64} << 20;  // uncompressed

// Little-endian; the layout is in docs/goldens.md. One trace has one encoding.
// Throws kInternal when a vector does not have the size that T, L and H give
// it (rows and states of a traced window may be absent), or a loss of 4 bytes
// is no exact float.
std::string EncodeTrace(const Trace& trace);
// Every length is bounded by the bytes that are there before anything is
// allocated. Throws kInvalid that names `source`, the offset, the value met and
// what was expected; also for an unknown schema and for bytes left over.
Trace DecodeTrace(std::string_view bytes, const std::string& source);

// A trace as text for people and `git diff`: one line a token, losses as
// hex-float and decimal, digests in hex.
std::string TraceText(const Trace& trace);

}  // namespace plastometer
