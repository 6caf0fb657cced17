#include "control/ctl/manual.h"

namespace postern {
namespace {

// A text on lines of its own: nothing in it is a macro or an escape.
std::string plain(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out += "\\&";
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string paragraph(std::string_view head, std::string_view text) {
  return ".TP\n\\fB" + plain(head) + "\\fR\n" + plain(text) + "\n";
}

std::string option_head(const Option& option) {
  return std::string(option.name) + (option.value.empty() ? "" : " " + std::string(option.value));
}

}  // namespace

std::string manual_page(const std::vector<Command>& commands, std::string_view version) {
  std::string page = ".TH POSTERNCTL 1 \"\" \"postern " + std::string(version) + "\"\n";
  page += ".SH NAME\nposternctl \\- ask and change a running postern gateway\n";
  page += ".SH SYNOPSIS\n\\fBposternctl\\fR [\\-s SOCKET] [\\-j | \\-p] [\\-i SECONDS] [COMMAND]\n";
  page += ".SH DESCRIPTION\nOne command line is one request to the gateway's control socket. ";
  page += "Without a command it is an interactive shell.\n.SH OPTIONS\n";
  for (const Option& option : general_options())
    page += paragraph(option_head(option), option.help);
  page += ".SH COMMANDS\n";
  for (const Command& command : commands) {
    page += paragraph(synopsis(command), command.help);
    for (const Option& option : command.options) {
      page += ".RS\n" + paragraph(option_head(option), option.help) + ".RE\n";
    }
  }
  page += ".SH EXIT STATUS\n";
  page += paragraph("0", "ok") + paragraph("1", "the request failed") + paragraph("2", "usage") +
          paragraph("3", "explained as dropped") + paragraph("4", "no gateway");
  page += ".SH FILES\n" + paragraph(kDefaultSocket, "the control socket where none is named");
  return page;
}

}  // namespace postern
