#include "base/zstd_stream.h"
#include "harness/results/trace_file.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  // Packed as in the store, or the bytes themselves.
  constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";
  fuzz::Try([&] {
    std::string bytes(fuzz::View(data, size));
    if (bytes.starts_with(kZstdMagic)) {
      bytes = ZstdDecompress(bytes, 1 << 20, "input");
    }
    const Trace trace = DecodeTrace(bytes, "input");
    fuzz::Require(EncodeTrace(trace) == bytes, "one trace has one encoding");
    fuzz::Require(!TraceText(trace).empty(), "a trace has a text");
  });
  return 0;
}
