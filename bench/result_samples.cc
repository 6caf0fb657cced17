#include "bench/result_samples.h"

#include <nlohmann/json.hpp>

namespace postern::bench {
namespace {

using nlohmann::json;

std::optional<double> number_at(const json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_number()) {
    return std::nullopt;
  }
  return object[key].get<double>();
}

bool is_true(const json& object, const char* key) {
  return object.is_object() && object.contains(key) && object[key].is_boolean() &&
         object[key].get<bool>();
}

std::optional<double> difference(std::optional<double> all, std::optional<double> part) {
  if (!all || !part) return std::nullopt;
  return *all - *part;
}

// Cycles a packet from packets a second, and the other way round.
std::optional<double> turned(std::optional<double> value, double tsc_hz) {
  if (!value || !(*value > 0) || !(tsc_hz > 0)) return std::nullopt;
  return tsc_hz / *value;
}

std::optional<double> in_millions(std::optional<double> value) {
  if (!value) return std::nullopt;
  return *value / 1e6;
}

// A sample of most cases: cycles a packet, with or without what io takes of them.
std::optional<double> of_walk(const json& sample, Figure figure, double tsc_hz) {
  const std::optional<double> total = number_at(sample, "total");
  switch (figure) {
    case Figure::kNet:
      if (const auto net = number_at(sample, "net")) return net;
      return sample.contains("net") ? std::nullopt : difference(total, number_at(sample, "io"));
    case Figure::kTotal:
      return total;
    case Figure::kIo:
      return number_at(sample, "io");
    case Figure::kRate:
      return in_millions(turned(total, tsc_hz));
  }
  return std::nullopt;
}

// A sample of `scale`: packets a second in each of its settings. Cycles are one worker's.
std::optional<double> of_scale(const json& sample, Figure figure, double tsc_hz) {
  const std::optional<double> total = turned(number_at(sample, "one_worker"), tsc_hz);
  const std::optional<double> io = turned(number_at(sample, "io"), tsc_hz);
  switch (figure) {
    case Figure::kNet:
      return difference(total, io);
    case Figure::kTotal:
      return total;
    case Figure::kIo:
      return io;
    case Figure::kRate:
      return in_millions(number_at(sample, "steered"));
  }
  return std::nullopt;
}

// Cases whose samples are lists of numbers by name: which list has the figure.
const char* list_of(std::string_view which_case, Figure figure) {
  const bool is_net = figure == Figure::kNet || figure == Figure::kTotal;
  if (which_case == "ports-full" && is_net) return "99";  // percent of the ports in use
  if (which_case == "reload" && figure == Figure::kRate) return "during";
  return "";
}

std::string not_there(const std::string& which_case, Figure figure) {
  return "a result of " + which_case + " has no samples of \"" + std::string(name_of(figure)) +
         "\"";
}

std::vector<double> numbers_of(const json& list, double unit, std::string& why) {
  std::vector<double> numbers;
  for (const json& each : list) {
    if (!each.is_number()) {
      why = "a sample is no number";
      return {};
    }
    numbers.push_back(each.get<double>() / unit);
  }
  if (numbers.empty()) why = "it has no samples";
  return numbers;
}

}  // namespace

std::string_view name_of(Figure figure) {
  switch (figure) {
    case Figure::kNet:
      return "net";
    case Figure::kTotal:
      return "total";
    case Figure::kIo:
      return "io";
    case Figure::kRate:
      return "rate";
  }
  return "";
}

std::string_view words_of(Figure figure) {
  switch (figure) {
    case Figure::kNet:
      return "net cycles a packet";
    case Figure::kTotal:
      return "cycles a packet";
    case Figure::kIo:
      return "io cycles a packet";
    case Figure::kRate:
      return "million packets a second";
  }
  return "";
}

std::optional<Figure> figure_named(std::string_view name) {
  for (const Figure figure : kFigures) {
    if (name == name_of(figure)) return figure;
  }
  return std::nullopt;
}

bool is_rate(Figure figure) { return figure == Figure::kRate; }

Figure usual_figure(std::string_view which_case) {
  if (which_case == "io") return Figure::kTotal;  // nothing is left of it without io
  return which_case == "reload" || which_case == "scale" ? Figure::kRate : Figure::kNet;
}

std::vector<double> samples_of(const json& file, Figure figure, std::string& why) {
  const std::string which_case = file["case"].is_string() ? file["case"].get<std::string>() : "";
  const json samples = file.value("samples", json());
  if (samples.empty() || !samples.is_structured()) {
    why = which_case == "expire" ? "a result of expire is of latencies, which plot draws"
                                 : "it has no samples";
    return {};
  }
  if (samples.is_object()) {
    const char* const list = list_of(which_case, figure);
    if (!samples.contains(list) || !samples[list].is_array()) {
      why = not_there(which_case, figure);
      return {};
    }
    return numbers_of(samples[list], is_rate(figure) ? 1e6 : 1, why);
  }
  const double tsc_hz = number_at(file.value("environment", json()), "tsc_hz").value_or(0);
  const bool all_count = is_true(file, "disturbed");
  std::vector<double> values;
  for (const json& sample : samples) {
    const std::optional<double> value =
        which_case == "scale" ? of_scale(sample, figure, tsc_hz) : of_walk(sample, figure, tsc_hz);
    if (!value) {
      why = "a sample has no number for \"" + std::string(name_of(figure)) + '"';
      return {};
    }
    if (all_count || !is_true(sample, "disturbed")) values.push_back(*value);
  }
  if (values.empty()) why = "all of its samples were disturbed";
  return values;
}

std::optional<double> said_of(const json& file, Figure figure) {
  switch (figure) {
    case Figure::kNet:
      return number_at(file, "net_cycles_per_packet");
    case Figure::kTotal:
      return number_at(file, "cycles_per_packet");
    case Figure::kIo:
      return number_at(file, "io_cycles_per_packet");
    case Figure::kRate:
      return in_millions(number_at(file, "packets_per_second"));
  }
  return std::nullopt;
}

}  // namespace postern::bench
