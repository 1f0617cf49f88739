#include "model/weights/weight_source.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/safetensors.h"
#include "model/weights/flax_stream.h"
#include "model/weights/names.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

using Key = std::vector<std::string>;

bool HasParamsPrefix(const Key& key) {
  return key.size() > 2 && key[0] == "params" && key[1] == "params";
}

std::string JoinKey(const Key& key) {
  std::string name;
  for (const std::string& component : key) {
    name += (name.empty() ? "" : "/") + component;
  }
  return name;
}

class FlaxWeights : public WeightSource {
 public:
  explicit FlaxWeights(const fs::path& path)
      : stream_(path, [](const Key& key) {
          return HasParamsPrefix(key) || key[0] == "model";
        }) {
    AddFile(path);
    AddSkipped(stream_.num_skipped(), stream_.skipped_bytes());
    if (stream_.records().empty()) {
      throw InvalidError(path.string() +
                         ": no parameter in this stream: no key begins with "
                         "[\"params\",\"params\"] or [\"model\"]");
    }
    const bool prefixed = HasParamsPrefix(stream_.records()[0].key);
    for (size_t i = 0; i < stream_.records().size(); ++i) Add(i, prefixed);
    if (!prefixed) RefuseStrangers();
  }

 protected:
  HostTensor ReadStored(const std::string& name) const override {
    return stream_.Read(stream_.records()[index_.at(name)]);
  }

 private:
  Error Bad(const FlaxRecord& record, const std::string& what) const {
    return InvalidError(stream_.path().string() + ": byte " +
                        std::to_string(record.offset) + ", key " +
                        KeyText(record.key) + ": " + what);
  }

  void Add(size_t i, bool prefixed) {
    const FlaxRecord& record = stream_.records()[i];
    if (HasParamsPrefix(record.key) != prefixed) {
      throw Bad(record,
                "parameters with and without the prefix "
                "[\"params\",\"params\"] in one stream");
    }
    const Key key(record.key.begin() + (prefixed ? 2 : 0), record.key.end());
    const std::string name = JoinKey(key);
    // Two spellings of one path would otherwise fall together here.
    if (const Key expected = FlaxKey(name); key != expected) {
      throw Bad(record, "components " + KeyText(key) + ", expected " +
                            KeyText(expected) +
                            " (a slash inside a component belongs to it)");
    }
    if (!index_.emplace(name, i).second) {
      throw Bad(record, "this key appears twice");
    }
    AddTensor(name, SourceTensor{KeyText(record.key), record.dtype,
                                 record.shape, record.shape, stream_.path(),
                                 record.offset, record.data_begin});
  }

  // Without the prefix this is a file of parameters only: what is none of the
  // model's is a surprise, not an optimizer.
  void RefuseStrangers() const {
    for (const std::string& root : stream_.skipped_roots()) {
      if (root != "step" && root != "opt_state") {
        throw InvalidError(stream_.path().string() +
                           ": unexpected key that begins with " +
                           KeyText({root}) + ", expected [\"model\",...]");
      }
    }
  }

  FlaxStream stream_;
  std::map<std::string, size_t> index_;
};

class TorchWeights : public WeightSource {
 public:
  explicit TorchWeights(const fs::path& path) {
    const fs::path file = Resolve(path);
    if (file.extension() == ".json") {
      OpenShards(file);
    } else {
      AddFile(file);
      shards_.emplace_back(file);
    }
    for (size_t i = 0; i < shards_.size(); ++i) {
      for (const auto& [name, info] : shards_[i].tensors()) Add(i, name, info);
    }
    CheckHead();
  }

 protected:
  HostTensor ReadStored(const std::string& name) const override {
    const Place& place = places_.at(name);
    const SafetensorsFile& shard = shards_[place.shard];
    HostTensor tensor = shard.Read(place.torch_name);
    shard.Release();
    return tensor;
  }

 private:
  struct Place {
    size_t shard;
    std::string torch_name;
  };

  static fs::path Resolve(const fs::path& path) {
    std::error_code error;
    if (!fs::is_directory(path, error)) return path;
    std::vector<fs::path> indexes, files;
    fs::directory_iterator folder(path, error);
    if (error) {
      throw InvalidError("cannot read folder " + path.string() + ": " +
                         error.message());
    }
    for (const fs::directory_entry& entry : folder) {
      const std::string name = entry.path().filename().string();
      if (name.ends_with(".index.json")) indexes.push_back(entry.path());
      if (name.ends_with(".safetensors")) files.push_back(entry.path());
    }
    // An index wins: the .safetensors files beside it are its shards.
    const std::vector<fs::path>& found = indexes.empty() ? files : indexes;
    if (found.size() != 1) {
      throw InvalidError(path.string() + ": holds " +
                         std::to_string(found.size()) +
                         (indexes.empty() ? " .safetensors" : " .index.json") +
                         " files, expected one; name the file itself");
    }
    return found[0];
  }

  void OpenShards(const fs::path& index) {
    const nlohmann::json json = ReadJsonFile(index);
    if (!json.is_object() || !json.contains("weight_map") ||
        !json.at("weight_map").is_object()) {
      throw InvalidError(index.string() + ": expected an object weight_map");
    }
    // A name with a NUL would end there for the system.
    CheckTexts(json.at("weight_map"), index.string());
    AddFile(index);
    std::map<std::string, std::string> weight_map;
    std::set<std::string> names;
    for (const auto& [tensor, file] : json.at("weight_map").items()) {
      const std::string name =
          file.is_string() ? file.get<std::string>() : std::string();
      // Only files beside the index: it came from somewhere else.
      if (name.empty() || fs::path(name).filename() != fs::path(name) ||
          name == "..") {
        throw InvalidError(index.string() + ": weight_map \"" + tensor +
                           "\" = " + file.dump() +
                           ", expected the name of a file beside the index");
      }
      weight_map.emplace(tensor, name);
      names.insert(name);
    }
    for (const std::string& name : names) {
      AddFile(index.parent_path() / name);
      shards_.emplace_back(files().back());
      CheckShard(index, name, weight_map);
    }
    if (!weight_map.empty()) {
      throw InvalidError(index.string() + ": tensor \"" +
                         weight_map.begin()->first + "\" should be in " +
                         weight_map.begin()->second + ", which lacks it");
    }
  }

  // Strikes the shard's tensors off the map; what remains in the end is
  // missing.
  void CheckShard(const fs::path& index, const std::string& name,
                  std::map<std::string, std::string>& weight_map) const {
    for (const auto& [tensor, info] : shards_.back().tensors()) {
      const auto entry = weight_map.find(tensor);
      if (entry == weight_map.end() || entry->second != name) {
        throw InvalidError(
            shards_.back().path().string() + ": tensor \"" + tensor +
            "\" is not placed here by " + index.string() +
            (entry == weight_map.end() ? "" : " but in " + entry->second));
      }
      weight_map.erase(entry);
    }
  }

  void Add(size_t shard, const std::string& torch_name,
           const TensorInfo& info) {
    if (torch_name == "lm_head.weight") {
      head_shard_ = static_cast<int>(shard);
      return;
    }
    const fs::path& file = shards_[shard].path();
    const std::optional<ForeignName> name = TorchToCanonical(torch_name);
    if (!name) {
      throw InvalidError(file.string() + ": unexpected tensor \"" + torch_name +
                         "\" " + ShapeText(info.shape) +
                         ": no TTT model has it");
    }
    places_.emplace(name->name, Place{shard, torch_name});
    transforms_.emplace(name->name, name->transform);
    AddTensor(name->name,
              SourceTensor{"\"" + torch_name + "\"", info.dtype,
                           TransformedShape(info.shape, name->transform),
                           info.shape, file, info.begin, info.begin});
  }

  // The head is tied; a copy of the embedding is harmless, another matrix is a
  // different model.
  void CheckHead() {
    if (head_shard_ < 0) return;
    const SafetensorsFile& head = shards_[static_cast<size_t>(head_shard_)];
    const auto place = places_.find("model/wte/embedding");
    if (place == places_.end()) return;  // reported as missing later
    const SafetensorsFile& body = shards_[place->second.shard];
    const std::string a = "lm_head.weight", b = place->second.torch_name;
    const TensorInfo& head_info = head.tensors().at(a);
    const TensorInfo& body_info = body.tensors().at(b);
    if (head_info.dtype != body_info.dtype ||
        head_info.shape != body_info.shape ||
        !std::ranges::equal(head.Bytes(a), body.Bytes(b))) {
      throw InvalidError(head.path().string() + ": tensor \"" + a + "\" " +
                         ShapeText(head_info.shape) + " differs from \"" + b +
                         "\" " + ShapeText(body_info.shape) +
                         ": only models with a tied head are supported");
    }
    AddSkipped(1, head_info.end - head_info.begin);
    head.Release();
    body.Release();
  }

  HostTensor ToCanonicalLayout(const std::string& name,
                               HostTensor stored) const override {
    const Transform transform = transforms_.at(name);
    return transform == Transform::kCopy ? std::move(stored)
                                         : Transformed(stored, transform);
  }

  std::vector<SafetensorsFile> shards_;
  std::map<std::string, Place> places_;
  std::map<std::string, Transform> transforms_;
  int head_shard_ = -1;
};

}  // namespace

void WeightSource::AddTensor(const std::string& canonical_name,
                             SourceTensor tensor) {
  tensors_.emplace(canonical_name, std::move(tensor));
}

void WeightSource::AddSkipped(int64_t num, uint64_t bytes) {
  num_skipped_ += num;
  skipped_bytes_ += bytes;
}

std::string WeightSource::Where(const std::string& canonical_name) const {
  const SourceTensor& tensor = tensors_.at(canonical_name);
  return tensor.file.string() + ": byte " + std::to_string(tensor.offset) +
         ", key " + tensor.key;
}

HostTensor WeightSource::Read(const std::string& canonical_name) const {
  HostTensor tensor = ReadStored(canonical_name);
  if (const int64_t bad = FirstNonFinite(tensor); bad >= 0) {
    const uint64_t at = tensors_.at(canonical_name).data_begin +
                        static_cast<uint64_t>(bad * DTypeBytes(tensor.dtype));
    throw InvalidError(Where(canonical_name) + ": element " +
                       std::to_string(bad) + " at byte " + std::to_string(at) +
                       " is NaN or infinite, expected finite weights");
  }
  return ToCanonicalLayout(canonical_name, std::move(tensor));
}

HostTensor WeightSource::ToCanonicalLayout(const std::string&,
                                           HostTensor stored) const {
  return stored;
}

std::unique_ptr<WeightSource> OpenFlaxWeights(const fs::path& path) {
  return std::make_unique<FlaxWeights>(path);
}

std::unique_ptr<WeightSource> OpenTorchWeights(const fs::path& path) {
  return std::make_unique<TorchWeights>(path);
}

}  // namespace plastometer
