#include "datasets/text_data.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  // JSON lines, packed or not: what the bytes begin with says which.
  constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";
  const std::string_view bytes = fuzz::View(data, size);
  const auto path = fuzz::WriteInput(
      bytes.starts_with(kZstdMagic) ? "text.jsonl.zst" : "text.jsonl", bytes);
  size_t num_bytes = 0;
  fuzz::Try([&] {
    ForEachTextDocument(path, [&](Document&& document) {
      num_bytes += document.text.size();
      return num_bytes < (1 << 20);
    });
  });
  return 0;
}
