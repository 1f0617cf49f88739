#include "tests/model/weights/weights_test_util.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "model/weights/names.h"
#include "model/weights/parameter_specs.h"
#include "tests/paths.h"

namespace plastometer::testing {
namespace fs = std::filesystem;
namespace {

std::string BigEndian(uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) {
    text += static_cast<char>(value >> (8 * i) & 255);
  }
  return text;
}

std::string PackExtent(int64_t extent) {
  const auto value = static_cast<uint64_t>(extent);
  if (value < 128) return std::string(1, static_cast<char>(value));
  if (value < 65536) return std::string("\xcd") + BigEndian(value, 2);
  return std::string("\xce") + BigEndian(value, 4);
}

std::string NumpyName(DType dtype) {
  switch (dtype) {
    case DType::kBF16:
      return "bfloat16";
    case DType::kF32:
      return "float32";
    case DType::kF16:
      return "float16";
    case DType::kI32:
      return "int32";
    default:
      return "float64";
  }
}

}  // namespace

fs::path ParityFolder() {
  const char* all = std::getenv("PLASTOMETER_PARITY");
  return all != nullptr ? fs::path(all)
                        : fs::path(SourcePath("tests/data/parity"));
}

std::vector<fs::path> ParityFiles(const std::string& ending) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(ParityFolder())) {
    if (entry.path().string().ends_with(ending)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  EXPECT_FALSE(files.empty()) << "no *" << ending << " in " << ParityFolder();
  return files;
}

std::string PackText(const std::string& text) {
  if (text.size() < 32) {
    return std::string(1, static_cast<char>(0xa0 | text.size())) + text;
  }
  if (text.size() < 256)
    return std::string("\xd9") + BigEndian(text.size(), 1) + text;
  return std::string("\xda") + BigEndian(text.size(), 2) + text;
}

std::string PackBin(const std::string& bytes) {
  if (bytes.size() < 256)
    return std::string("\xc4") + BigEndian(bytes.size(), 1) + bytes;
  if (bytes.size() < 65536)
    return std::string("\xc5") + BigEndian(bytes.size(), 2) + bytes;
  return std::string("\xc6") + BigEndian(bytes.size(), 4) + bytes;
}

std::string PackExt(int type, const std::string& body) {
  const std::string tail = std::string(1, static_cast<char>(type)) + body;
  switch (body.size()) {
    case 1:
      return std::string("\xd4") + tail;
    case 2:
      return std::string("\xd5") + tail;
    case 4:
      return std::string("\xd6") + tail;
    case 8:
      return std::string("\xd7") + tail;
    case 16:
      return std::string("\xd8") + tail;
    default:
      break;
  }
  if (body.size() < 256)
    return std::string("\xc7") + BigEndian(body.size(), 1) + tail;
  if (body.size() < 65536)
    return std::string("\xc8") + BigEndian(body.size(), 2) + tail;
  return std::string("\xc9") + BigEndian(body.size(), 4) + tail;
}

std::string PackArrayBody(const std::vector<int64_t>& shape,
                          const std::string& dtype,
                          const std::string& elements) {
  std::string body = "\x93";
  body += static_cast<char>(0x90 | shape.size());
  for (const int64_t extent : shape) body += PackExtent(extent);
  return body + PackText(dtype) + PackBin(elements);
}

std::string PackKey(const std::vector<std::string>& key) {
  std::string packed =
      key.size() < 16 ? std::string(1, static_cast<char>(0x90 | key.size()))
                      : std::string("\xdc") + BigEndian(key.size(), 2);
  for (const std::string& component : key) packed += PackText(component);
  return packed;
}

std::string BytesOf(const HostTensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.bytes.data()),
          tensor.bytes.size()};
}

std::string PackRecord(const std::vector<std::string>& key,
                       const HostTensor& tensor) {
  return std::string("\x92") + PackKey(key) +
         PackBin(PackExt(1, PackArrayBody(tensor.shape, NumpyName(tensor.dtype),
                                          BytesOf(tensor))));
}

ModelConfig TinyConfig(InnerModel inner_model, Backbone backbone) {
  ModelConfig config;
  config.vocab_size = 11;
  config.hidden_size = 8;
  config.intermediate_size = 6;
  config.num_layers = 2;
  config.num_heads = 2;
  config.inner_model = inner_model;
  config.backbone = backbone;
  config.ttt_base_lr = inner_model == InnerModel::kLinear ? 1.0 : 0.1;
  return config;
}

TensorMap TinyTensors(const ModelConfig& config, DType dtype) {
  TensorMap tensors;
  uint32_t state = 1;
  for (const ParameterSpec& spec : ParameterSpecs(config)) {
    HostTensor shape{DType::kF32, spec.shape, {}};
    std::vector<float> values(static_cast<size_t>(shape.NumElements()));
    for (float& value : values) {
      state = state * 1664525 + 1013904223;
      value = static_cast<float>(state >> 8) / 16777216.0F - 0.5F;
    }
    tensors.emplace(spec.name,
                    Convert(HostTensor::FromF32(spec.shape, values), dtype));
  }
  return tensors;
}

std::string FlaxStreamOf(const TensorMap& tensors,
                         const std::vector<std::string>& prefix) {
  std::string stream;
  for (const auto& [name, tensor] : tensors) {
    std::vector<std::string> key = prefix;
    for (const std::string& part : FlaxKey(name)) key.push_back(part);
    stream += PackRecord(key, tensor);
  }
  return stream;
}

void WriteBytes(const fs::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

std::vector<std::string> FilesIn(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace plastometer::testing
