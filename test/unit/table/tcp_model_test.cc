#include "test/unit/table/tcp_model.h"

#include <gtest/gtest.h>

#include <vector>

#include "test/unit/table/tcp_connection.h"

namespace postern {
namespace {

TEST(TcpModel, RandomOperationsAgree) {
  Random random(41);
  for (int list = 0; list < 20000; ++list) {
    std::vector<uint8_t> operations(random() % 400);
    for (uint8_t& byte : operations) byte = static_cast<uint8_t>(random());
    ASSERT_EQ(play_tcp_operations(operations), "") << "list " << list;
  }
}

}  // namespace
}  // namespace postern
