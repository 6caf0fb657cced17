#include "bench/run/generator_process.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace postern::bench {

std::unique_ptr<GeneratorProcess> GeneratorProcess::start(const std::vector<std::string>& words) {
  std::vector<std::string> all = {"postern-bench", "send"};
  all.insert(all.end(), words.begin(), words.end());
  all.insert(all.end(), {"--parent", std::to_string(getpid())});
  std::vector<char*> pointers;
  for (std::string& word : all) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  // In a process group of its own: Ctrl-C is for us, who end it then.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, "/proc/self/exe", nullptr, &attributes, pointers.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return nullptr;
  return std::unique_ptr<GeneratorProcess>(new GeneratorProcess(pid));
}

bool GeneratorProcess::has_ended() {
  if (pid_ != 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
  return pid_ == 0;
}

GeneratorProcess::~GeneratorProcess() {
  if (pid_ == 0) return;
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

}  // namespace postern::bench
