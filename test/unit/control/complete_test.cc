#include "control/ctl/complete.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>

#include "test/unit/control/temporary_directory.h"

namespace postern {
namespace {

using Words = std::vector<std::string>;

class CompleteTest : public testing::Test {
 protected:
  std::string insert(std::string_view line) { return complete_line(commands_, line).insert; }
  Words matches(std::string_view line) { return complete_line(commands_, line).matches; }

  const std::vector<Command> commands_ = all_commands();
};

TEST_F(CompleteTest, FinishesTheWord) {
  EXPECT_EQ(insert("sta"), "tus ");
  EXPECT_EQ(insert("config ch"), "eck ");
  EXPECT_EQ(insert("-s /x config ch"), "eck ");
  EXPECT_EQ(insert("sessions -n 7 --x -n 8 cou"), "nt ");
  EXPECT_EQ(insert("log d"), "ebug ");
  EXPECT_EQ(insert("config apply --d"), "ry-run ");
  EXPECT_EQ(insert("completion z"), "sh ");
  EXPECT_EQ(insert("nothing l"), "");
  EXPECT_EQ(insert("rpc 'a "), "");
}

TEST_F(CompleteTest, GoesAsFarAsIsClearAndShowsTheRest) {
  EXPECT_EQ(insert("co"), "");
  EXPECT_EQ(matches("co"), (Words{"counters", "config", "completion"}));
  EXPECT_EQ(matches("sessions "), (Words{"count", "delete", "-n"}));
  EXPECT_EQ(matches("log "), (Words{"error", "warn", "info", "debug"}));
  EXPECT_EQ(matches("namespace "), (Words{"add", "remove"}));
  EXPECT_EQ(matches(""), matches(" "));
  EXPECT_GE(matches("").size(), 10u);
}

TEST_F(CompleteTest, NamesFilesWhereOneBelongs) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path("postern.cfg")) << "";
  std::ofstream(directory.path("posters.cfg")) << "";
  std::filesystem::create_directory(directory.path("examples"));
  EXPECT_EQ(insert("config check " + directory.path("p")), "oster");
  EXPECT_EQ(insert("config check " + directory.path("postern")), ".cfg ");
  EXPECT_EQ(insert("config check " + directory.path("ex")), "amples/");
  EXPECT_EQ(insert("-s " + directory.path("ex")), "amples/");
  EXPECT_EQ(matches("sessions -n " + directory.path("p")), Words{});
  EXPECT_EQ(matches("log " + directory.path("p")), Words{});
  EXPECT_EQ(matches("config check /no/such/directory/"), Words{});
}

// What the script for bash completes to after these words.
std::string bash_completes(const std::vector<Command>& commands, const std::string& words) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path("script")) << bash_completion(commands);
  std::ofstream(directory.path("try"))
      << "set -u\ncd '" << directory.path() << "'\nsource ./script\nCOMP_WORDS=(" << words << ")\n"
      << "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_posternctl\necho \"${COMPREPLY[*]}\"\n";
  FILE* pipe = popen(("bash '" + directory.path("try") + "' 2>&1").c_str(), "r");
  if (pipe == nullptr) return "no bash";
  std::string out;
  std::array<char, 4096> bytes{};
  while (fgets(bytes.data(), bytes.size(), pipe) != nullptr) out += bytes.data();
  pclose(pipe);
  return out;
}

TEST_F(CompleteTest, TheBashScriptCompletes) {
  EXPECT_EQ(bash_completes(commands_, "posternctl sta"), "status\n");
  EXPECT_EQ(bash_completes(commands_, "posternctl -s /x -j config ''"),
            "check diff show apply confirm rollback\n");
  EXPECT_EQ(bash_completes(commands_, "posternctl config check scr"), "script\n");
  EXPECT_EQ(bash_completes(commands_, "posternctl log ''"), "error warn info debug\n");
  EXPECT_EQ(bash_completes(commands_, "posternctl sessions -n ''"), "\n");
  EXPECT_EQ(bash_completes(commands_, "posternctl namespace add web ''"), "--dry-run\n");
  EXPECT_EQ(bash_completes(commands_, "posternctl status --v"), "--version\n");
}

TEST_F(CompleteTest, BothScriptsKnowTheSameBranches) {
  const std::string bash = bash_completion(commands_);
  const std::string zsh = zsh_completion(commands_);
  for (const char* branch :
       {"    'config') choices='check diff show apply confirm rollback' ;;\n",
        "    'config apply') choices='--confirm-timeout --revalidate --dry-run'; files=1 ;;\n"}) {
    EXPECT_NE(bash.find(branch), std::string::npos) << bash;
    EXPECT_NE(zsh.find(branch), std::string::npos) << zsh;
  }
  EXPECT_TRUE(zsh.starts_with("#compdef posternctl\n"));
}

}  // namespace
}  // namespace postern
