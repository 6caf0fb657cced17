#include "bench/environment_json.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

namespace postern::bench {

nlohmann::ordered_json environment_json(const Environment& environment) {
  return {{"cpu", environment.cpu},
          {"cpus", environment.cpus},
          {"instruction_set", environment.instruction_set},
          {"flags", environment.flags},
          {"tsc_hz", environment.tsc_hz},
          {"hugepages",
           {{"total", environment.huge_pages},
            {"free", environment.huge_pages_free},
            {"page_kb", environment.huge_page_kb}}},
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

std::string claim_result(std::string& path) {
  if (path.empty()) return "";
  if (path == "-") {
    const int out = dup(STDOUT_FILENO);
    std::fflush(stdout);
    if (out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return "standard output is closed";
    path = "/dev/fd/" + std::to_string(out);
    return "";
  }
  constexpr int kHow = O_WRONLY | O_CLOEXEC;
  constexpr mode_t kMode = 0666;
  const int made = open(path.c_str(), kHow | O_CREAT | O_EXCL, kMode);
  const int file = made >= 0 || errno != EEXIST ? made : open(path.c_str(), kHow);
  if (file < 0) return path + " cannot be written: " + std::strerror(errno);
  close(file);
  if (made >= 0) unlink(path.c_str());  // it is to be there when it has a result
  return "";
}

std::string write_result(const std::string& path, const nlohmann::ordered_json& result) {
  if (path.empty()) return "";
  std::ofstream file(path);
  file << result.dump(2) << '\n';
  file.close();
  return file ? "" : path + " cannot be written";
}

}  // namespace postern::bench
