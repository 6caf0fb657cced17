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
  void take_number(Cursor& in);
  void take_name(Cursor& in);
  void take_mark(Cursor& in);
  void open(char opener, SourceLine line);
  void close(char closer, SourceLine line);
  void declare(SourceLine line);
  void flush_name();
  void emit(std::string_view token, SourceLine line);

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
  const size_t first = in.at++;
  while (!in.end() && in.peek() != '"') {
    const char c = in.peek();
    if (c == '\0' || in.text.substr(in.at, 4) == "\\x00") {
      return fail(in.line, "a string must not hold a NUL");
    }
    if (c == '\n') {
      ++in.line.line;
    } else if (c == '\\' && (in.peek(1) == '"' || in.peek(1) == '\\')) {
      ++in.at;
    }
    ++in.at;
  }
  if (in.end()) return fail(begin, "string without an end", "close it with a double quote");
  ++in.at;
  const char next = in.peek();
  if (starts_name(next) || is_digit(next)) {
    return fail(begin, "text goes on right behind a closing quote", "is a quote missing?");
  }
  emit(in.text.substr(first, in.at - first), begin);
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
  emit(name, name_line_);
}

void Scanner::emit(std::string_view token, SourceLine line) {
  flush_name();
  last_ = token.front();
  const bool has_line = token.find_first_of("=:;,)]}") != 0;
  const bool moved = out_.lines.empty() || out_.lines.back().file != line.file ||
                     out_.lines.back().line != line.line;
  if (has_line && moved) {
    if (!out_.lines.empty()) out_.text += '\n';
    out_.lines.push_back(line);
  }
  out_.text += token;
  out_.text += ' ';
  for (const char c : token) {
    if (c != '\n') continue;
    ++line.line;
    out_.lines.push_back(line);
  }
}

}  // namespace

SourceLine Source::at(unsigned line) const {
  if (line == 0 || lines.empty()) return {0, 1};
  return lines[std::min<size_t>(line, lines.size()) - 1];
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
