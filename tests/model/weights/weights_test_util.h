// Files made by the tests themselves: flax records, small models, and what an
// import should have made of them.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/host_tensor.h"
#include "model/config.h"

namespace plastometer::testing {

// The parity vectors: tests/data/parity, or the folder $PLASTOMETER_PARITY with
// the full set.
std::filesystem::path ParityFolder();
// Its files that end in `ending`; fails the test when there is none.
std::vector<std::filesystem::path> ParityFiles(const std::string& ending);

// msgpack, big-endian lengths.
std::string PackText(const std::string& text);
std::string PackBin(const std::string& bytes);
std::string PackExt(int type, const std::string& body);
std::string PackArrayBody(const std::vector<int64_t>& shape,
                          const std::string& dtype,
                          const std::string& elements);
std::string PackKey(const std::vector<std::string>& key);
// One whole record.
std::string PackRecord(const std::vector<std::string>& key,
                       const HostTensor& tensor);
std::string BytesOf(const HostTensor& tensor);

// A 2-layer model of width 8 with 2 heads; deterministic values.
ModelConfig TinyConfig(InnerModel inner_model = InnerModel::kLinear,
                       Backbone backbone = Backbone::kMamba);
TensorMap TinyTensors(const ModelConfig& config, DType dtype = DType::kF32);
// Its stream: records in the order of the names, each key behind `prefix`.
std::string FlaxStreamOf(const TensorMap& tensors,
                         const std::vector<std::string>& prefix = {});

// Without the fsync of WriteFile: thousands of these are written.
void WriteBytes(const std::filesystem::path& path, const std::string& bytes);

// Names of the files in a folder.
std::vector<std::string> FilesIn(const std::filesystem::path& folder);

}  // namespace plastometer::testing
