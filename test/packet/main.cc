#include <gtest/gtest.h>

#include "test/packet/gateway.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  postern::test::start_eal();
  return RUN_ALL_TESTS();
}
