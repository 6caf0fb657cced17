// JSON of answers as rows of a table: what the printers of answers share. Any shape is taken, what
// is missing reads as null. One thread.
#ifndef POSTERN_CONTROL_CTL_JSON_ROWS_H_
#define POSTERN_CONTROL_CTL_JSON_ROWS_H_

#include <nlohmann/json_fwd.hpp>

#include "control/ctl/display.h"

namespace postern {

// A member, or null; of the object or of the program, so that it outlives neither by itself.
const nlohmann::json& member(const nlohmann::json& object, const char* name);

// False for an empty list, too.
bool is_list_of_objects(const nlohmann::json& value);

// A column for every member of the rows: what says which row it is first and longest, the others
// by the alphabet.
void print_rows(const nlohmann::json& rows, Display& display);

}  // namespace postern

#endif  // POSTERN_CONTROL_CTL_JSON_ROWS_H_
