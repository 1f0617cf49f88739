#include "tests/fuzz/changes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

namespace plastometer::fuzz {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kNumbers[] = {0,
                                 1,
                                 0x7f,
                                 0xff,
                                 0x7fffffff,
                                 0xffffffff,
                                 uint64_t{1} << 32,
                                 uint64_t{1} << 62,
                                 ~uint64_t{0} >> 1,
                                 ~uint64_t{0}};
constexpr double kDoubles[] = {0,
                               -0.0,
                               1,
                               -1,
                               0.5,
                               1e300,
                               -1e300,
                               5e-324,
                               9223372036854775808.0,
                               std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::quiet_NaN()};

// A length that lies.
void PutNumber(size_t at, Random& random, std::string* bytes) {
  const uint64_t number = kNumbers[random.Below(std::size(kNumbers))];
  const size_t width =
      std::min<size_t>(size_t{1} << random.Below(4), bytes->size() - at);
  std::memcpy(bytes->data() + at, &number, width);
}

void ChangeOnce(std::string* bytes, Random& random) {
  const size_t at = random.Below(bytes->size());
  const size_t length =
      1 + random.Below(std::min<size_t>(bytes->size() - at, 32));
  switch (random.Below(7)) {
    case 0:
      if (!bytes->empty()) (*bytes)[at] = static_cast<char>(random.Below(256));
      break;
    case 1:
      if (!bytes->empty())
        (*bytes)[at] ^= static_cast<char>(1 << random.Below(8));
      break;
    case 2:
      bytes->erase(at, length);
      break;
    case 3:
      bytes->insert(at, bytes->substr(at, length));
      break;
    case 4:
      bytes->insert(at, 1, static_cast<char>(random.Below(256)));
      break;
    case 5:
      bytes->resize(at);
      break;
    default:
      PutNumber(at, random, bytes);
  }
}

// A value of a JSON text, and where it stands.
struct Place {
  Json* value;
  Json* parent;     // null: the whole text
  std::string key;  // where the parent is an object
};

void Collect(Json& value, Json* parent, const std::string& key,
             std::vector<Place>& places) {
  places.push_back({&value, parent, key});
  if (value.is_object())
    for (auto& [name, child] : value.items())
      Collect(child, &value, name, places);
  if (value.is_array())
    for (Json& child : value) Collect(child, &value, "", places);
}

Json OtherNumber(const Json& number, Random& random) {
  const auto integer = number.is_number_integer() ? number.get<int64_t>() : 3;
  const auto wraps = static_cast<uint64_t>(integer);
  switch (random.Below(8)) {
    case 0:
      return static_cast<int64_t>(wraps + 1);
    case 1:
      return static_cast<int64_t>(wraps - 1);
    case 2:
      return static_cast<int64_t>(-wraps);
    case 3:
      return static_cast<int64_t>(wraps * 2);
    case 4:
      return number.get<double>() * 1.5 + 0.25;
    case 5:
      return kDoubles[random.Below(std::size(kDoubles))];
    case 6:
      return static_cast<int64_t>(kNumbers[random.Below(std::size(kNumbers))]);
    default:
      return kNumbers[random.Below(std::size(kNumbers))];
  }
}

std::string OtherText(const std::string& text, Random& random) {
  const Json inner = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return inner.is_structured() && random.Below(4) != 0
             ? ChangeJson(text, random)
             : ChangeBytes(text, random);
}

Json OtherValue(const Json& value, const std::vector<Place>& places,
                Random& random) {
  if (value.is_number() && random.Below(4) != 0)
    return OtherNumber(value, random);
  if (value.is_string() && random.Below(4) != 0)
    return OtherText(value.get<std::string>(), random);
  if (value.is_boolean() && random.Below(2) == 0) return !value.get<bool>();
  switch (random.Below(8)) {
    case 0:
      return nullptr;
    case 1:
      return Json::object();
    case 2:
      return Json::array();
    case 3:
      return "";
    case 4:
      return true;
    case 5:
      return 0;
    default:
      return *places[random.Below(places.size())].value;
  }
}

// A key that no file has: written beside the key that is to be there twice.
constexpr char kTwice[] = "\x7f the same key";

std::string Dump(const Json& json, int indent = 1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

// The text with one value changed.
std::string ChangedText(Json json, Random& random) {
  std::vector<Place> places;
  Collect(json, nullptr, "", places);
  const Place place = places[random.Below(places.size())];
  Json* parent = place.parent;
  const size_t way = random.Below(6);
  std::string twice;
  if (parent == nullptr || way < 4) {
    Json other = OtherValue(*place.value, places, random);
    *place.value = std::move(other);
  } else if (parent->is_object()) {
    if (way == 4) {
      parent->erase(place.key);
    } else {
      twice = place.key;
      Json other = OtherValue(*place.value, places, random);
      (*parent)[kTwice] = std::move(other);
    }
  } else {
    const auto at = static_cast<size_t>(place.value - &(*parent)[0]);
    if (way == 4) {
      parent->erase(at);
    } else {
      Json copy = *place.value;
      parent->insert(parent->begin() + static_cast<int64_t>(at), copy);
    }
  }
  std::string text = Dump(json) + "\n";
  const std::string marked = Dump(Json(kTwice));
  if (const size_t at = text.find(marked);
      !twice.empty() && at != std::string::npos)
    text.replace(at, marked.size(), Dump(Json(twice)));
  return text;
}

struct Tensors {
  Json header = Json::object();             // without offsets
  std::map<std::string, std::string> data;  // by name
};

std::optional<Tensors> TensorsIn(std::string_view bytes) {
  uint64_t length = 0;
  if (bytes.size() < sizeof length) return std::nullopt;
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > bytes.size() - sizeof length) return std::nullopt;
  const std::string_view data = bytes.substr(sizeof length + length);
  Tensors tensors;
  tensors.header = Json::parse(bytes.substr(sizeof length, length), nullptr,
                               /*allow_exceptions=*/false);
  if (!tensors.header.is_object() || tensors.header.empty())
    return std::nullopt;
  for (auto& [name, entry] : tensors.header.items()) {
    if (name == "__metadata__") continue;
    try {
      const auto begin = entry.at("data_offsets").at(0).get<size_t>(),
                 end = entry.at("data_offsets").at(1).get<size_t>();
      if (begin > end || end > data.size()) return std::nullopt;
      tensors.data[name] = data.substr(begin, end - begin);
    } catch (const Json::exception&) {
      return std::nullopt;
    }
  }
  return tensors;
}

// Offsets are given anew, one tensor behind the other.
std::string TensorBytes(Tensors tensors) {
  std::string data;
  for (auto& [name, bytes] : tensors.data) {
    tensors.header[name]["data_offsets"] = {data.size(),
                                            data.size() + bytes.size()};
    data += bytes;
  }
  std::string header = Dump(tensors.header, -1);
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const uint64_t length = header.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + header + data;
}

constexpr size_t kMostTensorBytes = size_t{1} << 16;

// As many bytes as type and shape say, as long as those are few.
void FitData(const Json& entry, std::string& data) {
  const std::pair<const char*, size_t> types[] = {
      {"F64", 8}, {"F32", 4}, {"BF16", 2}, {"F16", 2},
      {"I64", 8}, {"I32", 4}, {"U8", 1}};
  for (const auto& [name, width] : types) {
    if (entry.value("dtype", Json()) != name) continue;
    size_t bytes = width;
    for (const Json& extent : entry["shape"]) {
      if (!extent.is_number_unsigned()) return;
      bytes *= std::min<size_t>(extent.get<size_t>(), kMostTensorBytes);
      bytes = std::min(bytes, kMostTensorBytes);
    }
    data.resize(bytes, '\1');
  }
}

void ChangeShape(Json& entry, Random& random) {
  Json& shape = entry["shape"];
  if (!shape.is_array()) return;
  const size_t at = random.Below(shape.size());
  switch (random.Below(4)) {
    case 0:
      shape.push_back(random.Below(4));
      break;
    case 1:
      if (!shape.empty()) shape.erase(at);
      break;
    case 2:
      if (!shape.empty()) std::swap(shape[at], shape.back());
      break;
    default:
      if (!shape.empty()) shape[at] = random.Below(6);
  }
}

void ChangeValue(std::string& data, Random& random) {
  const size_t width = random.Below(2) == 0 ? 4 : 8;
  if (data.size() < width) return;
  const size_t at = random.Below(data.size() / width) * width;
  const double value = kDoubles[random.Below(std::size(kDoubles))];
  const auto narrow = std::abs(value) > 1e38 && std::isfinite(value)
                          ? std::numeric_limits<float>::max()
                          : static_cast<float>(value);
  if (random.Below(3) == 0)
    PutNumber(at, random, &data);
  else if (width == 8)
    std::memcpy(data.data() + at, &value, width);
  else
    std::memcpy(data.data() + at, &narrow, width);
}

}  // namespace

std::string ChangeBytes(std::string bytes, Random& random) {
  for (size_t n = 1 + random.Below(4); n > 0; --n) ChangeOnce(&bytes, random);
  return bytes;
}

std::string ChangeJson(std::string_view text, Random& random) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return ChangeBytes(std::string(text), random);
  return ChangedText(std::move(json), random);
}

std::string ChangeJsonLines(std::string_view text, Random& random) {
  const auto num_lines =
      static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  size_t begin = 0;
  for (size_t n = random.Below(num_lines); n > 0; --n)
    begin = text.find('\n', begin) + 1;
  const size_t end = std::min(text.find('\n', begin), text.size());
  const std::string before(text.substr(0, begin)), after(text.substr(end));
  const std::string line(text.substr(begin, end - begin));
  if (random.Below(16) == 0)  // the line, twice or never
    return random.Below(2) == 0 ? before + line + '\n' + line + after
                                : before + after;
  const size_t brace = std::min(line.find('{'), line.size());
  const Json json = Json::parse(ChangeJson(line.substr(brace), random), nullptr,
                                /*allow_exceptions=*/false);
  if (json.is_discarded()) return before + ChangeBytes(line, random) + after;
  return before + line.substr(0, brace) + Dump(json, -1) + after;
}

std::string ChangeTensors(std::string_view bytes, Random& random) {
  std::optional<Tensors> tensors = TensorsIn(bytes);
  if (!tensors) return ChangeBytes(std::string(bytes), random);
  auto entry = tensors->header.begin();
  std::advance(entry, random.Below(tensors->header.size()));
  const std::string name = entry.key();
  if (name == "__metadata__") {
    tensors->header[name] = Json::parse(ChangeJson(Dump(*entry), random),
                                        nullptr, /*allow_exceptions=*/false);
    return TensorBytes(std::move(*tensors));
  }
  Json& info = tensors->header[name];
  std::string& data = tensors->data[name];
  switch (random.Below(8)) {
    case 0:
      tensors->header.erase(name);
      tensors->data.erase(name);
      return TensorBytes(std::move(*tensors));
    case 1: {
      constexpr const char* kTypes[] = {"F64", "F32", "BF16", "I64", "U8"};
      info["dtype"] = kTypes[random.Below(std::size(kTypes))];
      break;
    }
    case 2:
    case 3:
      ChangeShape(info, random);
      break;
    default:
      for (size_t n = 1 + random.Below(3); n > 0; --n)
        ChangeValue(data, random);
      return TensorBytes(std::move(*tensors));
  }
  FitData(info, data);
  return TensorBytes(std::move(*tensors));
}

std::string ChangePair(std::string_view pair, Random& random) {
  const size_t nul = std::min(pair.find('\0'), pair.size());
  const std::string_view text = pair.substr(0, nul),
                         bytes = pair.substr(std::min(nul + 1, pair.size()));
  if (random.Below(2) == 0)
    return std::string(text) + '\0' + ChangeTensors(bytes, random);
  return ChangeJson(text, random) + '\0' + std::string(bytes);
}

}  // namespace plastometer::fuzz
