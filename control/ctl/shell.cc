#include "control/ctl/shell.h"

#include <histedit.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "control/ctl/complete.h"

namespace postern {
namespace {

constexpr int kHistoryLines = 1000;

// libedit's line editor with our completion and a history file.
class LineEditor {
 public:
  explicit LineEditor(const std::vector<Command>& commands)
      : commands_(commands),
        history_(history_init()),
        editor_(el_init("posternctl", stdin, stdout, stderr)) {
    if (!history_ || !editor_) return;
    history(history_.get(), &event_, H_SETSIZE, kHistoryLines);
    history(history_.get(), &event_, H_SETUNIQUE, 1);
    if (!path_.empty()) history(history_.get(), &event_, H_LOAD, path_.c_str());
    el_set(editor_.get(), EL_CLIENTDATA, this);
    el_set(editor_.get(), EL_PROMPT, prompt);
    el_set(editor_.get(), EL_EDITOR, "emacs");
    el_set(editor_.get(), EL_SIGNAL, 1);
    el_set(editor_.get(), EL_HIST, history, history_.get());
    el_set(editor_.get(), EL_ADDFN, "postern-complete", "Complete the word", complete);
    el_set(editor_.get(), EL_BIND, "^I", "postern-complete", nullptr);
    // Ctrl-C and Ctrl-Z are keys of the prompt; while a command runs they are the signals that
    // they always are.
    el_set(editor_.get(), EL_SETTY, "-d", "-isig", nullptr);
    el_set(editor_.get(), EL_ADDFN, "postern-clear", "Clear the line", clear);
    el_set(editor_.get(), EL_BIND, "^C", "postern-clear", nullptr);
    el_set(editor_.get(), EL_ADDFN, "postern-suspend", "Suspend the shell", suspend);
    el_set(editor_.get(), EL_BIND, "^Z", "postern-suspend", nullptr);
    el_source(editor_.get(), nullptr);  // the user's ~/.editrc
  }
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;
  ~LineEditor() {
    if (history_ && !path_.empty()) history(history_.get(), &event_, H_SAVE, path_.c_str());
  }

  [[nodiscard]] bool works() const { return history_ && editor_; }

  // The next line without its newline, or nothing at the end of input.
  std::optional<std::string> next() {
    int length = 0;
    const char* line = el_gets(editor_.get(), &length);
    if (line == nullptr || length <= 0) return std::nullopt;
    std::string text(line, static_cast<size_t>(length));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    if (!text.empty()) history(history_.get(), &event_, H_ENTER, text.c_str());
    return text;
  }

 private:
  struct HistoryEnd {
    void operator()(History* h) const { history_end(h); }
  };
  struct EditorEnd {
    void operator()(EditLine* e) const { el_end(e); }
  };

  static std::string history_path() {
    const char* home = std::getenv("HOME");
    return home == nullptr || *home == '\0' ? "" : std::string(home) + "/.posternctl_history";
  }
  static const char* prompt(EditLine*) { return "postern> "; }

  static unsigned char complete(EditLine* editor, int) {
    LineEditor* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    const LineInfo* line = el_line(editor);
    const Completion found = complete_line(
        self->commands_, {line->buffer, static_cast<size_t>(line->cursor - line->buffer)});
    if (!found.insert.empty()) {
      return el_insertstr(editor, found.insert.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    }
    if (found.matches.empty()) return CC_ERROR;
    std::cout << '\n';
    for (const std::string& match : found.matches) std::cout << printable(match) << "  ";
    std::cout << std::endl;
    return CC_REDISPLAY;
  }

  static unsigned char suspend(EditLine*, int) {
    return std::raise(SIGTSTP) == 0 ? CC_REFRESH : CC_ERROR;  // libedit restores the terminal
  }

  static unsigned char clear(EditLine* editor, int) {
    const LineInfo* line = el_line(editor);
    el_cursor(editor, static_cast<int>(line->lastchar - line->cursor));
    line = el_line(editor);
    el_deletestr(editor, static_cast<int>(line->cursor - line->buffer));
    return CC_REFRESH;
  }

  const std::vector<Command>& commands_;
  const std::string path_ = history_path();
  HistEvent event_{};
  std::unique_ptr<History, HistoryEnd> history_;
  std::unique_ptr<EditLine, EditorEnd> editor_;
};

// Executes one line; nothing where it ends the shell.
std::optional<ExitCode> execute(const std::string& text, ExitCode before,
                                const std::vector<Command>& commands, Runner& runner) {
  absl::StatusOr<std::vector<std::string>> words = split_words(text);
  if (!words.ok()) return runner.fail(words.status());
  if (words->empty() || (*words)[0].starts_with('#')) return before;
  if (words->size() == 1 && ((*words)[0] == "exit" || (*words)[0] == "quit")) return std::nullopt;
  absl::StatusOr<CommandLine> line = parse_line(commands, *words);
  const ExitCode code = line.ok() ? runner.run(*std::move(line)) : runner.fail(line.status());
  std::cout.flush();
  return code;
}

}  // namespace

ExitCode run_shell(const std::vector<Command>& commands, Runner& runner) {
  absl::StatusOr<Greeting> greeting = runner.greeting();
  if (!greeting.ok()) return runner.fail(greeting.status());
  std::cout << "postern " << printable(greeting->version) << ", generation " << greeting->generation
            << ". help lists the commands, exit leaves.\n";
  LineEditor editor(commands);
  if (!editor.works()) return run_lines(std::cin, commands, runner);
  ExitCode code = ExitCode::kOk;
  while (const std::optional<std::string> text = editor.next()) {
    const std::optional<ExitCode> done = execute(*text, code, commands, runner);
    if (!done) return code;
    code = *done;
  }
  std::cout << '\n';
  return code;
}

ExitCode run_lines(std::istream& in, const std::vector<Command>& commands, Runner& runner) {
  ExitCode code = ExitCode::kOk;
  for (std::string text; std::getline(in, text);) {
    const std::optional<ExitCode> done = execute(text, code, commands, runner);
    if (!done) return code;
    code = *done;
  }
  return code;
}

}  // namespace postern
