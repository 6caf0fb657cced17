#include "bench/environment_json.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

namespace postern::bench {

nlohmann::ordered_json environment_json(const Environment& environment) {
  return {{"cpu", environment.cpu},
          {"cpus", environment.cpus},
          {"instruction_set", environment.instruction_set},
          {"flags", environment.flags},
          {"tsc_hz", environment.tsc_hz},
          {"kernel", environment.kernel},
          {"dpdk", environment.dpdk},
          {"compiler", environment.compiler},
          {"build", environment.build},
          {"commit", environment.commit}};
}

double rounded_to(double value, int decimals) {
  const double unit = std::pow(10, decimals);
  return std::round(value * unit) / unit;
}

std::string write_result(const std::string& path, const nlohmann::ordered_json& result) {
  std::ofstream file(path);
  file << result.dump(1) << '\n';
  file.close();
  return file ? "" : path + " cannot be written";
}

}  // namespace postern::bench
