#include "base/safetensors.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  const auto path = fuzz::WriteInput("safetensors", fuzz::View(data, size));
  fuzz::Try([&] {
    const SafetensorsFile file(path);
    for (const auto& [name, info] : file.tensors()) {
      const HostTensor tensor = file.Read(name);
      fuzz::Require(
          tensor.bytes.size() == info.end - info.begin && info.end <= size,
          "a tensor lies inside the file");
    }
  });
  return 0;
}
