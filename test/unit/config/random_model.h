// Models at random, all of them good: what loads must not refuse them.
#ifndef POSTERN_TEST_UNIT_CONFIG_RANDOM_MODEL_H_
#define POSTERN_TEST_UNIT_CONFIG_RANDOM_MODEL_H_

#include <cstdint>

#include "config/model.h"

namespace postern::config {

// The same model for the same seed. Every setting that is supported takes values other than its
// default now and then, every list is empty now and then.
Model random_model(uint64_t seed);

}  // namespace postern::config

#endif  // POSTERN_TEST_UNIT_CONFIG_RANDOM_MODEL_H_
