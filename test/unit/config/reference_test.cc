// The reference in docs/ is what the schema says.
#include "config/reference.h"

#include <fstream>
#include <iterator>

#include "gtest/gtest.h"

namespace postern::config {
namespace {

TEST(Reference, TheDocumentIsUpToDate) {
  std::ifstream file(POSTERN_DOCS "/configuration.md");
  const std::string written((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(written, reference())
      << "write it anew: postern-config-reference > docs/configuration.md";
}

TEST(Reference, SaysDefaultsAndWhatIsMissing) {
  const std::string text = reference();
  EXPECT_NE(text.find("## sessions.timeouts\n"), std::string::npos);
  EXPECT_NE(text.find("| `tcp_established` | a duration in h, m and s such as \"2h4m\" or \"30s\", "
                      "from 1s to 8h | "
                      "`\"2h4m\"` | "),
            std::string::npos);
  EXPECT_NE(text.find("| `vlan` | an integer from 1 to 4094 | none | "), std::string::npos);
  EXPECT_NE(text.find("*Not supported yet: \"json\".*"), std::string::npos);
  EXPECT_NE(
      text.find("| `destinations` | list, each a prefix such as \"192.0.2.0/24\", or an address "
                "| `[ \"0.0.0.0/0\" ]` |"),
      std::string::npos);
}

}  // namespace
}  // namespace postern::config
