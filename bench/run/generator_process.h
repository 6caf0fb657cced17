// postern-bench once more, as the generator at the other end of a port: `send FILE` in a process of
// its own. It ends with the object, and with this process, however that ends. Main thread.
#ifndef POSTERN_BENCH_RUN_GENERATOR_PROCESS_H_
#define POSTERN_BENCH_RUN_GENERATOR_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

namespace postern::bench {

class GeneratorProcess {
 public:
  // Starts it with these words behind "send". Null when it cannot be started.
  static std::unique_ptr<GeneratorProcess> start(const std::vector<std::string>& words);
  ~GeneratorProcess();
  GeneratorProcess(const GeneratorProcess&) = delete;
  GeneratorProcess& operator=(const GeneratorProcess&) = delete;

  // Whether it has ended by itself: then it has said why.
  [[nodiscard]] bool has_ended();

 private:
  explicit GeneratorProcess(pid_t pid) : pid_(pid) {}
  pid_t pid_;  // 0: it has ended
};

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RUN_GENERATOR_PROCESS_H_
