// Fuzzes one line of the control socket: parsed and given to methods that answer at once, later
// or never. Whatever comes in, it is answered exactly once, on one line, with JSON.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "control/rpc/dispatch.h"

namespace {

using postern::Access;
using postern::MethodTable;
using postern::ParamKind;
using postern::Responder;
using postern::Rights;

constexpr int kNesting = 32;

// Methods with every kind of parameter; `kept` holds the answer of the one that answers later.
void fill(MethodTable& methods, std::optional<Responder>& kept) {
  methods.add({.name = "status",
               .access = Access::kRead,
               .help = "",
               .handler = [](const nlohmann::json&, Responder r) { r.result("quiet"); }});
  methods.add({.name = "sessions.list",
               .access = Access::kRead,
               .help = "",
               .params = {{.name = "limit", .kind = ParamKind::kInteger, .min = 1, .max = 1000},
                          {.name = "cursor"}},
               .handler = [](const nlohmann::json& params, Responder r) { r.result(params); }});
  methods.add({.name = "log.set",
               .help = "",
               .params = {{.name = "level", .required = true, .choices = {"info", "debug"}}},
               .handler = [](const nlohmann::json& params, Responder r) {
                 r.result(params["level"].get<std::string>());
               }});
  methods.add({.name = "namespaces.patch",
               .help = "",
               .params = {{.name = "add", .kind = ParamKind::kTextLists},
                          {.name = "dry_run", .kind = ParamKind::kBoolean}},
               .handler = [&kept](const nlohmann::json&, Responder r) { kept = std::move(r); }});
  methods.add(
      {.name = "forgetful", .help = "", .handler = [](const nlohmann::json&, Responder) {}});
}

void execute(const MethodTable& methods, std::optional<Responder>& kept, Rights rights,
             std::string_view line) {
  int answers = 0;
  dispatch_line(methods, {}, rights, kNesting, line, [&](std::string answer, bool is_error) {
    ++answers;
    if (answer.empty()) return;
    if (answer.find('\n') != std::string::npos) std::abort();
    if (nlohmann::json::parse(answer).contains("error") != is_error) std::abort();
  });
  if (kept) kept->result(1);
  kept.reset();
  if (answers != 1) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::optional<Responder> kept;
  MethodTable methods("0");
  fill(methods, kept);
  execute(methods, kept, Rights::kChange, text);
  execute(methods, kept, Rights::kRead, text);
  return 0;
}
