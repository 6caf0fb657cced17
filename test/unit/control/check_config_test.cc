// What `postern --check` and `--print-config` say.
#include "control/check_config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

namespace postern {
namespace {

constexpr char kText[] = R"(version = 1;
gateway : { name = "gw-a"; };
ports = (
  { name = "underlay"; device = "net_null0"; role = "cluster"; addresses = [ "10.0.0.254/24" ]; }
);
tunnels = ( { name = "overlay"; type = "vxlan"; local = "10.0.0.254"; vni = 100; } );
nodes = ( { name = "node-1"; tunnel = "overlay"; vtep = "10.0.0.1";
            pod_cidrs = [ "10.128.0.0/23" ]; } );
)";

class CheckConfigTest : public ::testing::Test {
 protected:
  void SetUp() override { write(kText); }
  void TearDown() override { std::remove(path_.c_str()); }
  void write(const std::string& text) { std::ofstream(path_) << text; }

  std::string path_ = ::testing::TempDir() + "check_config." + std::to_string(getpid()) + ".cfg";
  std::ostringstream out_;
  std::ostringstream errors_;
};

TEST_F(CheckConfigTest, AGoodFileIsOk) {
  EXPECT_EQ(check_config(path_, out_, errors_), ExitCode::kOk);
  EXPECT_EQ(out_.str(), path_ + ": ok\n");
}

TEST_F(CheckConfigTest, ABadFileHasItsErrorsWithTheirLines) {
  write(std::string(kText) + "colour = 7;\n");
  EXPECT_EQ(check_config(path_, out_, errors_), ExitCode::kConfiguration);
  EXPECT_EQ(out_.str(), "");
  EXPECT_NE(errors_.str().find(path_ + ":9: error: "), std::string::npos) << errors_.str();
}

TEST_F(CheckConfigTest, AMissingFileIsAnError) {
  EXPECT_EQ(check_config(path_ + ".none", out_, errors_), ExitCode::kConfiguration);
  EXPECT_NE(errors_.str().find(path_ + ".none: error: "), std::string::npos) << errors_.str();
}

TEST_F(CheckConfigTest, WhatIsPrintedIsAConfiguration) {
  ASSERT_EQ(print_config(path_, out_, errors_), ExitCode::kOk);
  EXPECT_NE(out_.str().find("tcp_established"), std::string::npos) << "with its defaults";
  write(out_.str());
  std::ostringstream again;
  EXPECT_EQ(print_config(path_, again, errors_), ExitCode::kOk);
  EXPECT_EQ(again.str(), out_.str());
}

}  // namespace
}  // namespace postern
