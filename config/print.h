// The desired state as configuration text: every setting with its effective value, in the order of
// the schema. Loading the text gives an equal model. Any thread.
#ifndef POSTERN_CONFIG_PRINT_H_
#define POSTERN_CONFIG_PRINT_H_

#include <string>

#include "config/model.h"

namespace postern::config {

std::string print(const Model& model);

}  // namespace postern::config

#endif  // POSTERN_CONFIG_PRINT_H_
