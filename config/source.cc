#include "config/source.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <limits>
#include <system_error>

#include "config/whole_file.h"

namespace postern::config {
namespace {

constexpr std::string_view kRepeatedPrefix = "*repeated-";
constexpr size_t kMaxDepth = 32;         // of brackets; the grammar needs 5
constexpr size_t kMaxNames = 64;         // in one group; the largest has 17
constexpr size_t kMaxIncludeDepth = 10;  // as libconfig
constexpr size_t kMaxFiles = 4096;
constexpr size_t kMaxBytes = 256u << 20;  // of all files together

std::string beside(const std::string& holder, const std::string& path) {
  const size_t slash = holder.rfind('/');
  if (path.starts_with('/') || slash == std::string::npos) return path;
  return holder.substr(0, slash + 1) + path;
}

bool starts_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '*'; }
bool continues_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '*' || c == '-' || c == '_';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Scanner {
 public:
  Scanner(SourceFiles& files, Report& report, bool includes)
      : files_(files), report_(report), includes_(includes) {
    scopes_.push_back({'\0', {}, {}});
  }

  // Reads `text` of the file that was added last.
  void scan(std::string_view text, size_t depth);
  Source finish();

 private:
  struct Scope {
    char opener;
    SourceLine line;
    std::vector<Repeated> names;
  };
  // The place in the file that is being read.
  struct Cursor {
    std::string_view text;
    SourceLine line;
    size_t depth;
    size_t at = 0;
    bool line_start = true;  // nothing but blanks before on this line

    [[nodiscard]] bool end() const { return at >= text.size(); }
    [[nodiscard]] char peek(size_t ahead = 0) const {
      return at + ahead < text.size() ? text[at + ahead] : '\0';
    }
    void newline() {
      ++line.line;
      ++at;
      line_start = true;
    }
  };

  void fail(SourceLine line, std::string message, std::string hint = {});
  void step(Cursor& in);
  bool skip_blank(Cursor& in);
  void skip_block_comment(Cursor& in);
  void include(Cursor& in);
  void take_string(Cursor& in);
  void step_in_string(Cursor& in, std::string& token);
  void finish_text();
  void take_number(Cursor& in);
  void take_name(Cursor& in);
  void take_mark(Cursor& in);
  void open(char opener, SourceLine line);
  void close(char closer, SourceLine line);
  void declare(SourceLine line);
  void flush_name();
  void emit(std::string_view token, SourceLine line, bool alone = false);

  SourceFiles& files_;
  Report& report_;
  bool includes_;
  bool failed_ = false;
  size_t bytes_ = 0;
  Source out_;
  std::vector<Scope> scopes_;
  char last_ = ';';   // the first character of the last token
  std::string name_;  // read and not written yet: the next token says whether it is a setting
  SourceLine name_line_;
  unsigned name_at_ = 0;                // line of out_.text with the last name
  std::vector<SourceLine> text_lines_;  // where the lines of the text that is read begin
  bool text_breaks_ = true;             // the next character of it begins one
};

void Scanner::scan(std::string_view text, size_t depth) {
  const auto index = static_cast<uint16_t>(files_.name.size() - 1);
  bytes_ += text.size();
  if (bytes_ > kMaxBytes) return fail({index, 0}, "the configuration is larger than 256 MiB");
  Cursor in{text, {index, 1}, depth};
  if (text.starts_with("\xef\xbb\xbf")) in.at = 3;
  while (!in.end() && !failed_) step(in);
}

Source Scanner::finish() {
  flush_name();
  while (!failed_ && scopes_.size() > 1) {
    const Scope& scope = scopes_.back();
    report_.error(scope.line, "", std::string("'") + scope.opener + "' is never closed");
    scopes_.pop_back();
  }
  return std::move(out_);
}

void Scanner::fail(SourceLine line, std::string message, std::string hint) {
  report_.error(line, "", std::move(message), std::move(hint));
  failed_ = true;
}

void Scanner::step(Cursor& in) {
  if (skip_blank(in)) return;
  const char c = in.peek();
  if (c == '@' && in.line_start && in.text.substr(in.at).starts_with("@include")) {
    return include(in);
  }
  in.line_start = false;
  if (c == '"') return take_string(in);
  if (starts_name(c)) return take_name(in);
  if (is_digit(c) || c == '-' || c == '+' || c == '.') return take_number(in);
  take_mark(in);
}

bool Scanner::skip_blank(Cursor& in) {
  const char c = in.peek();
  if (c == '\n') {
    in.newline();
    return true;
  }
  if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v') {
    ++in.at;
    return true;
  }
  if (c == '#' || (c == '/' && in.peek(1) == '/')) {
    const size_t end = in.text.find('\n', in.at);
    in.at = end == std::string_view::npos ? in.text.size() : end;
    return true;
  }
  if (c == '/' && in.peek(1) == '*') {
    skip_block_comment(in);
    return true;
  }
  return false;
}

void Scanner::skip_block_comment(Cursor& in) {
  const SourceLine begin = in.line;
  in.at += 2;
  while (!in.end()) {
    if (in.peek() == '*' && in.peek(1) == '/') {
      in.at += 2;
      return;
    }
    if (in.peek() == '\n') {
      in.newline();
    } else {
      ++in.at;
    }
  }
  fail(begin, "comment without an end", "close it with */");
}

void Scanner::include(Cursor& in) {
  const SourceLine line = in.line;
  in.at += std::string_view("@include").size();
  while (in.peek() == ' ' || in.peek() == '\t') ++in.at;
  const size_t end = in.peek() == '"' ? in.text.find_first_of("\"\n", in.at + 1) : in.at;
  if (in.peek() != '"' || end == std::string_view::npos || in.text[end] == '\n') {
    return fail(line, "@include needs a file name in double quotes");
  }
  const std::string wanted(in.text.substr(in.at + 1, end - in.at - 1));
  in.at = end + 1;
  in.line_start = false;
  if (!includes_) {
    return fail(line, "@include is not possible in text", "send the path of the file instead");
  }
  if (in.depth >= kMaxIncludeDepth) {
    return fail(line, "@include goes deeper than 10 files", "does a file include itself?");
  }
  if (files_.name.size() >= kMaxFiles) return fail(line, "more than 4096 files");
  const std::string path = beside(files_.name[line.file], wanted);
  std::string text;
  if (const auto why = read_whole(path, kMaxBytes, text)) {
    return fail(line, "cannot read " + path + ": " + why.message());
  }
  files_.name.push_back(path);
  scan(text, in.depth + 1);
}

void Scanner::take_string(Cursor& in) {
  flush_name();
  const SourceLine begin = in.line;
  const bool in_group = scopes_.back().opener == '{' || scopes_.back().opener == '\0';
  if (std::string_view(in_group ? "=:\"" : "([,\"").find(last_) == std::string_view::npos) {
    return fail(begin, "no text is possible here", "is '=', a comma or a semicolon missing?");
  }
  ++in.at;
  std::string token = "\"";
  while (!in.end() && in.peek() != '"' && !failed_) step_in_string(in, token);
  if (failed_) return;
  if (in.end()) return fail(begin, "string without an end", "close it with a double quote");
  ++in.at;
  const char next = in.peek();
  if (starts_name(next) || is_digit(next)) {
    return fail(begin, "text goes on right behind a closing quote", "is a quote missing?");
  }
  emit(token + '"', begin, /*alone=*/true);
}

// Takes one character or escape, with a line break as an escape.
void Scanner::step_in_string(Cursor& in, std::string& token) {
  const std::string_view rest = in.text.substr(in.at, 4);
  const char c = rest.front();
  if (c == '\0' || rest == "\\x00") return fail(in.line, "a string must not hold a NUL");
  if (text_breaks_) text_lines_.push_back(in.line);
  const bool wide = rest == "\\x0a" || rest == "\\x0A";
  const bool escape =
      c == '\\' && rest.size() > 1 && (rest[1] == '"' || rest[1] == c || rest[1] == 'n');
  text_breaks_ = c == '\n' || wide || (escape && rest[1] == 'n');
  const size_t taken = wide ? 4 : escape ? 2 : 1;
  in.at += taken;
  if (c == '\n') {
    ++in.line.line;
    token += "\\n";
  } else if (rest.starts_with("\\\n")) {
    token += R"(\\)";  // it escapes nothing
  } else {
    token += rest.substr(0, taken);
  }
}

// The text was the last of those that libconfig joins.
void Scanner::finish_text() {
  if (text_breaks_) text_lines_.push_back(out_.lines.back());
  const bool in_list = scopes_.back().opener == '(' || scopes_.back().opener == '[';
  const auto at = in_list ? static_cast<unsigned>(out_.lines.size()) : name_at_;
  const auto elsewhere = [&](SourceLine line) {
    return line.file != out_.lines[at - 1].file || line.line != out_.lines[at - 1].line;
  };
  if (at > 0 && std::any_of(text_lines_.begin(), text_lines_.end(), elsewhere)) {
    out_.spread.emplace(at, std::move(text_lines_));
  }
  text_lines_.clear();
  text_breaks_ = true;
}

// Writes every integer as a decimal one of the width that it needs. What is no number in
// libconfig's grammar either goes through for libconfig to refuse.
void Scanner::take_number(Cursor& in) {
  const size_t first = in.at;
  const bool negative = in.peek() == '-';
  if (negative || in.peek() == '+') ++in.at;
  const bool hex = in.at == first && in.peek() == '0' && (in.peek(1) | 0x20) == 'x' &&
                   std::isxdigit(static_cast<unsigned char>(in.peek(2))) != 0;
  if (hex) in.at += 2;
  const size_t digits = in.at;
  while (hex ? std::isxdigit(static_cast<unsigned char>(in.peek())) != 0 : is_digit(in.peek())) {
    ++in.at;
  }
  const bool fraction = !hex && (in.peek() == '.' || (in.peek() | 0x20) == 'e');
  if (fraction || in.at == digits) {
    if (in.at == first) ++in.at;
    while (is_digit(in.peek()) || std::strchr(".eE+-", in.peek()) != nullptr) {
      if (in.end()) break;
      ++in.at;
    }
    return emit(in.text.substr(first, in.at - first), in.line);
  }
  uint64_t magnitude = 0;
  const auto read =
      std::from_chars(in.text.data() + digits, in.text.data() + in.at, magnitude, hex ? 16 : 10);
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  if (read.ec != std::errc() || magnitude > kMost) magnitude = kMost;
  const int64_t value =
      negative ? -static_cast<int64_t>(magnitude) : static_cast<int64_t>(magnitude);
  for (int i = 0; i < 2 && in.peek() == 'L'; ++i) ++in.at;
  const bool wide = value != static_cast<int32_t>(value);
  emit(std::to_string(value) + (wide ? "L" : ""), in.line);
}

void Scanner::take_name(Cursor& in) {
  flush_name();
  const size_t first = in.at;
  while (!in.end() && continues_name(in.peek())) ++in.at;
  name_ = in.text.substr(first, in.at - first);
  name_line_ = in.line;
}

void Scanner::take_mark(Cursor& in) {
  const char c = in.text[in.at++];
  switch (c) {
    case '{':
    case '(':
    case '[':
      return open(c, in.line);
    case '}':
    case ')':
    case ']':
      return close(c, in.line);
    case '=':
    case ':':
      declare(in.line);
      return emit({&c, 1}, in.line);
    case ';':
    case ',':
      return emit({&c, 1}, in.line);
    default:
      break;
  }
  if (std::isprint(static_cast<unsigned char>(c)) != 0) {
    return fail(in.line, std::string("unexpected character '") + c + "'");
  }
  fail(in.line, "unexpected byte " + std::to_string(static_cast<unsigned char>(c)),
       "outside of strings and comments only ASCII is possible");
}

void Scanner::open(char opener, SourceLine line) {
  if (scopes_.size() > kMaxDepth) return fail(line, "brackets are nested deeper than 32");
  emit({&opener, 1}, line);
  scopes_.push_back({opener, line, {}});
}

void Scanner::close(char closer, SourceLine line) {
  const char opener = closer == '}' ? '{' : closer == ')' ? '(' : '[';
  const Scope& scope = scopes_.back();
  if (scope.opener == '\0') {
    return fail(line, std::string("'") + closer + "' closes nothing");
  }
  if (scope.opener != opener) {
    return fail(line, std::string("'") + closer + "' does not close '" + scope.opener + "' of " +
                          report_.call(scope.line, line));
  }
  emit({&closer, 1}, line);
  scopes_.pop_back();
}

// The name before this sign is a setting of the innermost group.
void Scanner::declare(SourceLine line) {
  Scope& scope = scopes_.back();
  if (name_.empty() || (scope.opener != '{' && scope.opener != '\0')) return;
  for (const Repeated& known : scope.names) {
    if (known.name != name_) continue;
    out_.repeated.push_back(known);
    name_ = std::string(kRepeatedPrefix) + std::to_string(out_.repeated.size() - 1);
    return;
  }
  if (scope.names.size() >= kMaxNames) return fail(line, "more than 64 settings in one group");
  scope.names.push_back({name_, name_line_});
}

void Scanner::flush_name() {
  if (name_.empty()) return;
  const std::string name = std::move(name_);
  name_.clear();
  emit(name, name_line_, /*alone=*/true);
  name_at_ = static_cast<unsigned>(out_.lines.size());
}

// `alone`: with a line of the rewritten text that no other such token has.
void Scanner::emit(std::string_view token, SourceLine line, bool alone) {
  flush_name();
  if (last_ == '"' && token.front() != '"') finish_text();
  last_ = token.front();
  const bool has_line = token.find_first_of("=:;,)]}") != 0;
  const bool moved = out_.lines.empty() || out_.lines.back().file != line.file ||
                     out_.lines.back().line != line.line;
  if (has_line && (moved || alone)) {
    if (!out_.lines.empty()) out_.text += '\n';
    out_.lines.push_back(line);
  }
  out_.text += token;
  out_.text += ' ';
}

}  // namespace

SourceLine Source::at(unsigned line) const {
  if (line == 0 || lines.empty()) return {0, 1};
  return lines[std::min<size_t>(line, lines.size()) - 1];
}

SourceLine Source::at(unsigned line, size_t within) const {
  const auto found = spread.find(line);
  if (found == spread.end()) return at(line);
  return found->second[std::min(within, found->second.size() - 1)];
}

const Repeated* Source::find_repeated(std::string_view name) const {
  if (!name.starts_with(kRepeatedPrefix)) return nullptr;
  name.remove_prefix(kRepeatedPrefix.size());
  size_t index = 0;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), index);
  return read.ec == std::errc() && index < repeated.size() ? &repeated[index] : nullptr;
}

Source read_file(const std::string& path, SourceFiles& files, Report& report) {
  files.name.push_back(path);
  std::string text;
  if (const auto why = read_whole(path, kMaxBytes, text)) {
    report.error({0, 0}, "", "cannot be read: " + why.message());
    return {};
  }
  Scanner scanner(files, report, /*includes=*/true);
  scanner.scan(text, 0);
  return scanner.finish();
}

Source read_text(std::string_view text, const std::string& name, SourceFiles& files,
                 Report& report) {
  files.name.push_back(name);
  Scanner scanner(files, report, /*includes=*/false);
  scanner.scan(text, 0);
  return scanner.finish();
}

}  // namespace postern::config
