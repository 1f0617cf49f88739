#include "model/weights/flax_stream.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  const auto path = fuzz::WriteInput("stream", fuzz::View(data, size));
  const auto read = [&](const FlaxStream::Wanted& wanted) {
    fuzz::Try([&] {
      const FlaxStream stream(path, wanted);
      for (const FlaxRecord& record : stream.records()) {
        fuzz::Require(record.offset + record.length <= size,
                      "a record lies inside the file");
        fuzz::Require(stream.Read(record).bytes.size() == record.data_bytes,
                      "a record can be read");
      }
    });
  };
  read([](const auto&) { return true; });
  read([](const auto& key) { return key.size() % 2 == 0; });
  return 0;
}
