#include "bench/child_run.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace postern::bench {
namespace {

[[noreturn]] void become(const std::string& program, const std::vector<std::string>& words,
                         int error_end) {
  std::vector<char*> arguments = {const_cast<char*>("postern-bench")};
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  dup2(error_end, STDERR_FILENO);
  execvp(program.c_str(), arguments.data());
  _exit(127);
}

std::string read_all(int end) {
  std::string text;
  std::array<char, 4096> part;
  for (ssize_t got; (got = read(end, part.data(), part.size())) > 0;) {
    text.append(part.data(), static_cast<size_t>(got));
  }
  return text;
}

std::string last_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  const size_t before = text.rfind('\n');
  return before == std::string::npos ? text : text.substr(before + 1);
}

}  // namespace

ChildEnd run_child(const std::vector<std::string>& words, const std::string& program) {
  int ends[2];
  if (pipe(ends) != 0) return {.status = 127, .said = "no pipe can be made"};
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    become(program, words, ends[1]);
  }
  close(ends[1]);
  ChildEnd end;
  if (child > 0) end.said = last_line(read_all(ends[0]));
  close(ends[0]);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) {
    return {.status = 127, .said = "no process can be made"};
  }
  end.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return end;
}

}  // namespace postern::bench
