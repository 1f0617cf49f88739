#include "harness/report/check_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace plastometer {
namespace {

using Json = nlohmann::ordered_json;

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%+.2e", value);
  return text;
}

std::string OutcomeText(const TierResult& tier) {
  return tier.outcome == TierResult::kPassed   ? "passed"
         : tier.outcome == TierResult::kFailed ? "failed"
                                               : "not applicable";
}

std::string FullName(const Comparison& c) {
  return c.pins.suite + "/" + c.pins.name;
}

// The first tier that failed, in words; else why the verdict is what it is.
std::string Reason(const Comparison& c) {
  for (const TierResult& tier : c.tiers)
    if (tier.outcome == TierResult::kFailed)
      return tier.name + ": " + tier.detail;
  return c.tiers.empty() ? "" : c.tiers.back().detail;
}

std::string TierName(const Comparison& c) {
  for (const TierResult& tier : c.tiers)
    if (tier.tier == c.chosen_tier) return tier.name;
  return "contract";
}

// Text in lines of at most `width`, each after `indent`.
std::string Wrapped(const std::string& text, const std::string& indent,
                    int width) {
  std::string lines, line = indent;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    if (line.size() > indent.size() &&
        line.size() + 1 + word.size() > static_cast<size_t>(width)) {
      lines += line + "\n";
      line = indent;
    }
    line += (line.size() > indent.size() ? " " : "") + word;
    begin = end + 1;
  }
  return lines + line + "\n";
}

std::map<Verdict, int> Tally(const CheckReport& report) {
  std::map<Verdict, int> tally;
  for (const Comparison& c : report.comparisons) ++tally[c.verdict];
  return tally;
}

std::string TallyText(const CheckReport& report) {
  const std::string text = JoinEach(Tally(report), [](const auto& entry) {
    return std::to_string(entry.second) + " " + ToString(entry.first);
  });
  return std::to_string(report.comparisons.size()) +
         " cases: " + (text.empty() ? "none" : text);
}

std::string NextCommands(const CheckReport& report, const Comparison& c) {
  const bool replays = c.divergence && c.divergence->window_idx >= 0 &&
                       c.divergence->where != "loss";
  return "plastometer review " + report.run_folder + " " + FullName(c) +
         (replays ? "; plastometer replay " + report.run_folder + "/capsules/" +
                        FullName(c) + "/capsule.json"
                  : "");
}

Json OrNull(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

Json DivergenceJson(const Divergence& d) {
  Json growth = Json::array();
  for (const double g : d.growth_nats) growth.push_back(OrNull(g));
  const auto known = [](int64_t value) {
    return value < 0 ? Json(nullptr) : Json(value);
  };
  return {{"where", d.where},
          {"window", known(d.window_idx)},
          {"token", known(d.token)},
          {"last_token", known(d.last_token)},
          {"layer", known(d.layer)},
          {"mini_batch", known(d.mini_batch)},
          {"head", known(d.head)},
          {"text", d.text},
          {"growth_rms_nats_by_octave", growth}};
}

Json ComparisonJson(const Comparison& c) {
  Json tiers = Json::array();
  for (const TierResult& tier : c.tiers)
    tiers.push_back({{"tier", tier.tier},
                     {"name", tier.name},
                     {"outcome", OutcomeText(tier)},
                     {"detail", tier.detail}});
  return {{"suite", c.pins.suite},
          {"case", c.pins.name},
          {"profile", c.pins.profile},
          {"model_sha256", c.pins.model_sha256},
          {"data_sha256", c.pins.data_sha256},
          {"verdict", ToString(c.verdict)},
          {"exit_code", ExitCode(c.verdict)},
          {"class", c.candidate_class},
          {"golden_class",
           c.golden_class.empty() ? Json(nullptr) : Json(c.golden_class)},
          {"chosen_tier", c.chosen_tier},
          {"chosen_because", c.chosen_because},
          {"tiers", tiers},
          {"mean_nll_change", OrNull(c.mean_nll_change)},
          {"change_low", OrNull(c.change_low)},
          {"change_high", OrNull(c.change_high)},
          {"max_abs_nll_change", OrNull(c.max_abs_nll_change)},
          {"probe_kl", OrNull(c.probe_kl)},
          {"divergence",
           c.divergence ? DivergenceJson(*c.divergence) : Json(nullptr)}};
}

// Bytes that are no UTF-8 become U+FFFD.
std::string Utf8(const std::string& text) {
  return Json::parse(
             Json(text).dump(-1, ' ', false, Json::error_handler_t::replace))
      .get<std::string>();
}

// XML text and attributes; what XML 1.0 cannot hold becomes '?' or U+FFFD.
std::string Xml(const std::string& text) {
  std::string out, utf8 = Utf8(text);
  for (const char* none : {"\xef\xbf\xbe", "\xef\xbf\xbf"})
    for (size_t at = 0; (at = utf8.find(none, at)) != std::string::npos;)
      utf8.replace(at, 3, "?");
  for (const char c : utf8) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "&#10;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 32 ? '?' : c;
    }
  }
  return out;
}

std::string Property(const std::string& name, const std::string& value) {
  return "        <property name=\"" + Xml(name) + "\" value=\"" + Xml(value) +
         "\"/>\n";
}

std::string TestCase(const CheckReport& report, const Comparison& c,
                     const TierResult& tier) {
  std::string text =
      "    <testcase classname=\"" + Xml(FullName(c)) + "\" name=\"" +
      Xml(tier.name) + "\">\n" + "      <properties>\n" +
      Property("profile", c.pins.profile) +
      Property("model_sha256", c.pins.model_sha256) +
      Property("data_sha256", c.pins.data_sha256) +
      Property("numeric_class", c.candidate_class) + "      </properties>\n";
  if (tier.outcome == TierResult::kFailed) {
    const std::string where = c.divergence ? "\n" + c.divergence->text : "";
    text += "      <failure type=\"" + Xml(ToString(c.verdict)) +
            "\" message=\"" + Xml(tier.detail) + "\">" +
            Xml(tier.detail + where + "\n" + NextCommands(report, c)) +
            "</failure>\n";
  } else if (tier.outcome == TierResult::kNotApplicable) {
    text += "      <skipped message=\"" + Xml(tier.detail) + "\"/>\n";
  }
  return text + "    </testcase>\n";
}

// One line that is text only: no cell, tag or comment begins in it.
std::string Markdown(const std::string& text) {
  std::string out;
  for (const char c : Utf8(text)) {
    if (c == '|' || c == '\\') out += '\\';
    if (c == '<')
      out += "&lt;";
    else if (c == '&')
      out += "&amp;";
    else
      out += static_cast<unsigned char>(c) < 32 ? ' ' : c;
  }
  return out;
}

// https://docs.github.com: workflow commands escape % \r \n, and : , in
// properties.
std::string Annotation(const std::string& text, bool property) {
  std::string out;
  for (const char c : text) {
    if (c == '%')
      out += "%25";
    else if (c == '\r')
      out += "%0D";
    else if (c == '\n')
      out += "%0A";
    else if (property && c == ':')
      out += "%3A";
    else if (property && c == ',')
      out += "%2C";
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string CheckTable(const CheckReport& report, int width) {
  width = std::max(width, 60);
  size_t name_width = 4;
  for (const Comparison& c : report.comparisons)
    name_width = std::max(name_width, c.pins.name.size());
  name_width = std::min<size_t>(name_width, static_cast<size_t>(width) - 46);
  char line[512];
  std::snprintf(line, sizeof line, "%-*s  %-12s %-9s %-10s %-9s\n",
                static_cast<int>(name_width), "case", "verdict", "tier",
                "mean nats", "max nats");
  std::string text = "suite " + report.suite + "\n" + line;
  for (const Comparison& c : report.comparisons) {
    std::string name = c.pins.name;
    if (name.size() > name_width) {
      text += name + "\n";
      name.clear();
    }
    const auto number = [](const std::optional<double>& value) {
      return value ? Number(*value) : std::string("-");
    };
    std::snprintf(line, sizeof line, "%-*s  %-12s %-9s %-10s %-9s\n",
                  static_cast<int>(name_width), name.c_str(),
                  ToString(c.verdict).c_str(), TierName(c).c_str(),
                  number(c.mean_nll_change).c_str(),
                  number(c.max_abs_nll_change).c_str());
    text += line;
    if (c.verdict == Verdict::kPass) continue;
    text += Wrapped(Reason(c), "  ", width);
    if (c.divergence)
      text += Wrapped("first: " + c.divergence->text, "  ", width);
    text += Wrapped("next: " + NextCommands(report, c), "  ", width);
  }
  for (const std::string& note : report.notes) text += Wrapped(note, "", width);
  return text + "\n" + Wrapped(TallyText(report), "", width) +
         Wrapped(
             "mean nats: change of the mean loss (ln perplexity) against "
             "the golden.",
             "", width) +
         Wrapped("max nats: largest change of one traced loss.", "", width) +
         Wrapped("Run folder: " + report.run_folder, "", width);
}

std::string CheckJson(const CheckReport& report) {
  Json cases = Json::array();
  for (const Comparison& c : report.comparisons)
    cases.push_back(ComparisonJson(c));
  Json json = {{"schema", 1},
               {"suite", report.suite},
               {"run_folder", report.run_folder},
               {"exit_code", report.exit_code},
               {"notes", report.notes},
               {"cases", cases}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string CheckJunit(const CheckReport& report) {
  std::string cases;
  int num_tests = 0, num_failures = 0, num_skipped = 0;
  for (const Comparison& c : report.comparisons) {
    for (const TierResult& tier : c.tiers) {
      cases += TestCase(report, c, tier);
      ++num_tests;
      num_failures += tier.outcome == TierResult::kFailed ? 1 : 0;
      num_skipped += tier.outcome == TierResult::kNotApplicable ? 1 : 0;
    }
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
         "  <testsuite name=\"" +
         Xml(report.suite) + "\" tests=\"" + std::to_string(num_tests) +
         "\" failures=\"" + std::to_string(num_failures) + "\" skipped=\"" +
         std::to_string(num_skipped) + "\" errors=\"0\">\n" + cases +
         "  </testsuite>\n</testsuites>\n";
}

std::string CheckSummary(const CheckReport& report) {
  std::string text =
      "### Goldens of suite " + Markdown(report.suite) + "\n\n" +
      TallyText(report) +
      "\n\n| case | verdict | tier | mean change, nats | what |\n"
      "|---|---|---|---|---|\n";
  int num_passed = 0;
  for (const Comparison& c : report.comparisons) {
    if (c.verdict == Verdict::kPass) {
      ++num_passed;
      continue;
    }
    text += "| " + Markdown(c.pins.name) + " | **" + ToString(c.verdict) +
            "** | " + TierName(c) + " | " +
            (c.mean_nll_change ? Number(*c.mean_nll_change) : "not available") +
            " | " + Markdown(c.divergence ? c.divergence->text : Reason(c)) +
            " |\n";
  }
  text += "\n" + std::to_string(num_passed) + " more passed.\n";
  for (const std::string& note : report.notes)
    text += "\n" + Markdown(note) + "\n";
  return text;
}

std::string CheckAnnotations(const CheckReport& report) {
  std::string text;
  for (const Comparison& c : report.comparisons) {
    if (c.verdict == Verdict::kPass) continue;
    const bool fails =
        c.verdict == Verdict::kRegression || c.verdict == Verdict::kInvalid;
    text +=
        std::string(fails ? "::error" : "::warning") +
        " file=" + Annotation("goldens/" + FullName(c) + "/case.json", true) +
        ",title=" + Annotation(FullName(c) + " " + ToString(c.verdict), true) +
        "::" +
        Annotation(Reason(c) + (c.divergence ? "\n" + c.divergence->text : ""),
                   false) +
        "\n";
  }
  return text;
}

}  // namespace plastometer
