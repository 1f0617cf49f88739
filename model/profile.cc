#include "model/profile.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "model/profile_file.h"

namespace plastometer {
void FailProfile(const std::string& profile, const std::string& what) {
  throw UsageError("profile '" + profile + "': " + what);
}

void CheckUntil(const std::string& profile, int64_t until) {
  if (until < 0 || until % kMiniBatchTokens != 0) {
    FailProfile(
        profile,
        "until=" + std::to_string(until) +
            " is not a multiple of 16 tokens >= 0 (the inner mini-batch)");
  }
}

void CheckEvery(const std::string& profile, int64_t every) {
  if (every < 1)
    FailProfile(profile,
                "every=" + std::to_string(every) + "; expected at least 1");
}

namespace {

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::optional<int64_t> ParseInt(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

int64_t ExpectInt(const std::string& profile, const std::string& text,
                  const std::string& what) {
  const auto value = ParseInt(text);
  if (!value)
    FailProfile(profile, what + " is '" + text + "'; expected an integer");
  return *value;
}

double ExpectScale(const std::string& profile, const std::string& text) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() ||
      end != text.data() + text.size()) {
    FailProfile(profile, "scale '" + text + "' is not a number");
  }
  if (!std::isfinite(value) || value < 0) {
    FailProfile(
        profile,
        "scale " + text +
            " is negative or not finite; expected a finite number >= 0");
  }
  if (value > kMaxScale)
    FailProfile(profile, "scale " + text + "; expected at most 1e9");
  return value;
}

// Takes "@scale" off the end of `text`; 1 when there is none.
double TakeScale(const std::string& profile, std::string& text) {
  const size_t at = text.find('@');
  if (at == std::string::npos) return 1.0;
  const double scale = ExpectScale(profile, text.substr(at + 1));
  text.resize(at);
  return scale;
}

std::vector<int64_t> FirstLayers(int64_t count) {
  std::vector<int64_t> layers(count);
  std::iota(layers.begin(), layers.end(), 0);
  return layers;
}

std::vector<int64_t> LastLayers(int64_t count, int64_t num_layers) {
  std::vector<int64_t> layers(count);
  std::iota(layers.begin(), layers.end(), num_layers - count);
  return layers;
}

// "25%" or "6" -> a number of layers.
int64_t ExpectCount(const std::string& profile, std::string text,
                    int64_t num_layers) {
  if (!text.empty() && text.back() == '%') {
    text.pop_back();
    const double percent = ExpectScale(profile, text);
    if (percent > 100) FailProfile(profile, text + "% is more than 100%");
    if (percent == 0)
      FailProfile(profile, "0% names no layer (an empty range); use 'frozen'");
    // P * L is rounded before the ceiling, so that 29% of 100 layers is 29 and
    // not 30 from binary rounding.
    const double exact =
        std::round(percent * static_cast<double>(num_layers) * 1e6) / 1e8;
    return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(exact)));
  }
  const int64_t count = ExpectInt(profile, text, "number of layers");
  if (count < 1)
    FailProfile(
        profile,
        "names " + text +
            " layers (an empty range); expected at least 1, or 'frozen'");
  if (count > num_layers) {
    FailProfile(profile, "asks for " + text + " layers; the model has " +
                             std::to_string(num_layers));
  }
  return count;
}

// splitmix64 (Steele, Lea, Flood 2014): enough for choosing a subset, the same
// on every platform.
uint64_t NextRandom(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// `count` layers by a partial Fisher-Yates shuffle.
std::vector<int64_t> RandomLayers(int64_t count, uint64_t seed,
                                  int64_t num_layers) {
  std::vector<int64_t> layers = FirstLayers(num_layers);
  for (int64_t i = 0; i < count; ++i) {
    const auto j =
        i + static_cast<int64_t>(NextRandom(seed) %
                                 static_cast<uint64_t>(num_layers - i));
    std::swap(layers[i], layers[j]);
  }
  layers.resize(count);
  return layers;
}

std::vector<int64_t> NamedLayers(const std::string& profile,
                                 const std::string& name, int64_t num_layers) {
  if (name == "uniform") return FirstLayers(num_layers);
  if (name == "frozen") return {};
  if (name == "retina")
    return FirstLayers(std::max<int64_t>(1, 5 * num_layers / 24));
  if (name == "cortex")
    return LastLayers(std::max<int64_t>(1, 3 * num_layers / 24), num_layers);
  if (name.starts_with("early:"))
    return FirstLayers(ExpectCount(profile, name.substr(6), num_layers));
  if (name.starts_with("late:"))
    return LastLayers(ExpectCount(profile, name.substr(5), num_layers),
                      num_layers);
  if (name.starts_with("random:")) {
    const auto parts = Split(name.substr(7), '#');
    if (parts.size() != 2) FailProfile(profile, "expected random:K#SEED");
    const int64_t seed = ExpectInt(profile, parts[1], "seed");
    return RandomLayers(ExpectCount(profile, parts[0], num_layers),
                        static_cast<uint64_t>(seed), num_layers);
  }
  const std::string stem = name.substr(0, name.find(':'));
  FailProfile(profile,
              "unknown name '" + name + "'" +
                  DidYouMean(stem, {"uniform", "frozen", "retina", "cortex",
                                    "early", "late", "random", "layers", "ramp",
                                    "every", "file"}) +
                  "; expected uniform, frozen, retina, cortex, early:K, "
                  "early:P%, late:K, late:P%, random:K#SEED, "
                  "layers:A-B,C[@scale], ramp:a->b, every:a->b, "
                  "every:N,N,... or file:PATH");
}

using Lambdas = std::vector<double>;

Lambdas ParseRanges(const std::string& profile, const std::string& text,
                    int64_t num_layers) {
  Lambdas lambdas(num_layers, 0.0);
  std::vector<bool> named(num_layers, false);
  for (std::string part : Split(text, ',')) {
    const double scale = TakeScale(profile, part);
    const auto ends = Split(part, '-');
    if (ends.size() > 2)
      FailProfile(profile, "range '" + part + "' is not LAYER or FIRST-LAST");
    const int64_t first = ExpectInt(profile, ends.front(), "layer");
    const int64_t last = ExpectInt(profile, ends.back(), "layer");
    if (last < first)
      FailProfile(profile, "range '" + part + "' is empty: " + ends.front() +
                               " is after " + ends.back());
    for (int64_t l = first; l <= last; ++l) {
      if (l < 0 || l >= num_layers) {
        FailProfile(profile, "layer " + std::to_string(l) +
                                 " is outside the model, which has layers 0-" +
                                 std::to_string(num_layers - 1));
      }
      if (named[l])
        FailProfile(profile, "layer " + std::to_string(l) + " is named twice");
      named[l] = true;
      lambdas[l] = scale;
    }
  }
  return lambdas;
}

Lambdas ParseRamp(const std::string& profile, const std::string& text,
                  int64_t num_layers) {
  const size_t arrow = text.find("->");
  if (arrow == std::string::npos) FailProfile(profile, "expected ramp:a->b");
  const double a = ExpectScale(profile, text.substr(0, arrow));
  const double b = ExpectScale(profile, text.substr(arrow + 2));
  Lambdas lambdas(num_layers, a);
  for (int64_t l = 1; l < num_layers; ++l) {
    lambdas[l] = a + (b - a) * static_cast<double>(l) /
                         static_cast<double>(num_layers - 1);
  }
  return lambdas;
}

std::vector<LayerSchedule> WithLambdas(const Lambdas& lambdas) {
  std::vector<LayerSchedule> layers;
  for (const double lambda : lambdas)
    layers.push_back(LayerSchedule{.lambda = lambda});
  return layers;
}

// The exponent of a power of two up to 2^30.
int64_t ExpectPowerOfTwo(const std::string& profile, const std::string& text) {
  const int64_t value = ExpectInt(profile, text, "period");
  if (value < 1 || value > int64_t{1} << 30 || (value & (value - 1)) != 0)
    FailProfile(profile,
                "period " + text +
                    " is not a power of two from 1 to 2^30; periods that "
                    "are none can be listed, one a layer");
  return std::bit_width(static_cast<uint64_t>(value)) - 1;
}

// Rounds half up, in integers: floor(x + 1/2) of x = a + (b - a) l / (L - 1).
std::vector<int64_t> PeriodsOverDepth(const std::string& profile,
                                      const std::string& text, size_t arrow,
                                      int64_t num_layers) {
  const int64_t a = ExpectPowerOfTwo(profile, text.substr(0, arrow)),
                b = ExpectPowerOfTwo(profile, text.substr(arrow + 2)),
                steps = std::max<int64_t>(1, num_layers - 1);
  std::vector<int64_t> periods;
  for (int64_t l = 0; l < num_layers; ++l)
    periods.push_back(
        int64_t{1} << ((2 * (a * steps + (b - a) * l) + steps) / (2 * steps)));
  return periods;
}

std::vector<LayerSchedule> ParsePeriods(const std::string& profile,
                                        std::string text, int64_t num_layers) {
  const double scale = TakeScale(profile, text);
  std::vector<int64_t> periods;
  if (const size_t arrow = text.find("->"); arrow != std::string::npos) {
    periods = PeriodsOverDepth(profile, text, arrow, num_layers);
  } else {
    for (const std::string& part : Split(text, ','))
      periods.push_back(ExpectInt(profile, part, "period"));
    if (static_cast<int64_t>(periods.size()) != num_layers)
      FailProfile(profile, "lists " + std::to_string(periods.size()) +
                               " periods; the model has " +
                               std::to_string(num_layers) + " layers");
  }
  std::vector<LayerSchedule> layers;
  for (const int64_t period : periods) {
    CheckEvery(profile, period);
    layers.push_back(LayerSchedule{.lambda = scale, .every = period});
  }
  return layers;
}

std::vector<LayerSchedule> ParseShape(const std::string& profile,
                                      std::string text, int64_t num_layers) {
  if (text.starts_with("layers:"))
    return WithLambdas(ParseRanges(profile, text.substr(7), num_layers));
  if (text.starts_with("ramp:"))
    return WithLambdas(ParseRamp(profile, text.substr(5), num_layers));
  if (text.starts_with("every:"))
    return ParsePeriods(profile, text.substr(6), num_layers);
  const double scale = TakeScale(profile, text);
  Lambdas lambdas(num_layers, 0.0);
  for (int64_t l : NamedLayers(profile, text, num_layers)) lambdas[l] = scale;
  return WithLambdas(lambdas);
}

int64_t ExpectReset(const std::string& profile, const std::string& key,
                    const std::string& value) {
  const int64_t tokens = ExpectInt(profile, value, key);
  if (tokens < 1 || tokens % kMiniBatchTokens != 0) {
    FailProfile(profile,
                key + "=" + value +
                    " is not a positive multiple of 16 tokens (the inner "
                    "mini-batch)");
  }
  return tokens;
}

// True: the option was a control.
bool ApplyControl(const std::string& profile, const std::string& key,
                  const std::string& value, Controls& controls) {
  if (key == "eta") {
    if (value != "flip" && value != "shuffle")
      FailProfile(profile,
                  "eta=" + value + "; expected eta=flip or eta=shuffle");
    controls.eta = value == "flip" ? Eta::kFlipped : Eta::kShuffled;
  } else if (key == "start") {
    if (value != "mean")
      FailProfile(profile, "start=" + value + "; expected start=mean");
    controls.start_mean = true;
  } else if (key == "reset" || key == "reset-every") {
    if (controls.reset_tokens > 0)
      FailProfile(profile, "reset and reset-every exclude each other");
    controls.reset_tokens = ExpectReset(profile, key, value);
    controls.reset_repeats = key == "reset-every";
  } else {
    return false;
  }
  return true;
}

void ApplySchedule(const std::string& profile, const std::string& key,
                   const std::string& value,
                   std::vector<LayerSchedule>& layers) {
  if (key != "until" && key != "every") {
    FailProfile(profile, "unknown option '" + key +
                             "'; expected until=TOKENS, every=N, eta=flip, "
                             "eta=shuffle, reset=TOKENS, reset-every=TOKENS or "
                             "start=mean");
  }
  const int64_t number = ExpectInt(profile, value, key);
  key == "until" ? CheckUntil(profile, number) : CheckEvery(profile, number);
  for (auto& layer : layers) {
    if (!layer.explicit_lambdas.empty())
      FailProfile(
          profile,
          "'" + key + "' cannot be applied to a layer with explicit lambdas");
    (key == "until" ? layer.until_tokens : layer.every) = number;
  }
}

void ApplyOption(const std::string& profile, const std::string& option,
                 std::vector<LayerSchedule>& layers, Controls& controls) {
  const size_t equals = option.find('=');
  const std::string key = option.substr(0, equals);
  const std::string value =
      equals == std::string::npos ? "" : option.substr(equals + 1);
  if (!ApplyControl(profile, key, value, controls))
    ApplySchedule(profile, key, value, layers);
}

}  // namespace

double LayerSchedule::At(int64_t mini_batch) const {
  if (!explicit_lambdas.empty()) {
    return mini_batch < static_cast<int64_t>(explicit_lambdas.size())
               ? explicit_lambdas[mini_batch]
               : 0.0;
  }
  if (until_tokens >= 0 && kMiniBatchTokens * mini_batch >= until_tokens)
    return 0.0;
  return mini_batch % every == 0 ? lambda : 0.0;
}

bool LayerSchedule::EverPlastic() const {
  if (!explicit_lambdas.empty()) {
    return std::any_of(explicit_lambdas.begin(), explicit_lambdas.end(),
                       [](double x) { return x > 0; });
  }
  return lambda > 0 && until_tokens != 0;
}

bool Controls::ResetsAt(int64_t token) const {
  if (reset_tokens == 0 || token == 0) return false;
  return reset_repeats ? token % reset_tokens == 0 : token == reset_tokens;
}

std::string Controls::ToText() const {
  std::string text;
  if (eta == Eta::kFlipped) text += ";eta=flip";
  if (eta == Eta::kShuffled) text += ";eta=shuffle";
  if (reset_tokens > 0)
    text += (reset_repeats ? ";reset-every=" : ";reset=") +
            std::to_string(reset_tokens);
  if (start_mean) text += ";start=mean";
  return text;
}

Profile::Profile(std::string name, std::vector<LayerSchedule> layers,
                 Controls controls)
    : name_(std::move(name)), layers_(std::move(layers)), controls_(controls) {
  // A layer that never learns is one thing, however it was written: 'frozen',
  // '@0', 'until=0'.
  for (LayerSchedule& layer : layers_) {
    if (!layer.EverPlastic()) layer = LayerSchedule{.lambda = 0.0};
  }
  // Where nothing is learned there is nothing to flip, shuffle or forget.
  if (NumPlasticLayers() == 0)
    controls_ = Controls{.start_mean = controls.start_mean};
}

Profile Profile::Parse(const std::string& text, int64_t num_layers) {
  auto parts = Split(text, ';');
  std::vector<LayerSchedule> layers;
  if (parts[0].starts_with("file:")) {
    layers = ReadProfileFile(text, parts[0].substr(5), num_layers);
  } else {
    layers = ParseShape(text, parts[0], num_layers);
  }
  Controls controls;
  for (size_t i = 1; i < parts.size(); ++i) {
    const std::string key = parts[i].substr(0, parts[i].find('='));
    for (size_t j = 1; j < i; ++j) {
      if (parts[j].substr(0, parts[j].find('=')) == key)
        FailProfile(text, "option '" + key + "' is given twice");
    }
    if (key == "every" && parts[0].starts_with("every:"))
      FailProfile(text,
                  "the shape gives every layer its period; 'every=' would be a "
                  "second one");
    ApplyOption(text, parts[i], layers, controls);
  }
  return Profile(text, std::move(layers), controls);
}

int64_t Profile::NumPlasticLayers() const {
  return std::count_if(layers_.begin(), layers_.end(),
                       [](const LayerSchedule& l) { return l.EverPlastic(); });
}

std::string Profile::PlasticLayers() const {
  if (NumPlasticLayers() == 0) return "none";
  if (NumPlasticLayers() == num_layers()) return "all";
  std::string text;
  for (int64_t l = 0; l < num_layers(); ++l) {
    if (!layers_[l].EverPlastic()) continue;
    int64_t last = l;
    while (last + 1 < num_layers() && layers_[last + 1].EverPlastic()) ++last;
    if (!text.empty()) text += ",";
    text += std::to_string(l);
    if (last > l) text += "-" + std::to_string(last);
    l = last;
  }
  return text;
}

}  // namespace plastometer
