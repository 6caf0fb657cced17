// Writes posternctl.1 while building.
#include <iostream>

#include "control/ctl/manual.h"

int main() {
  std::cout << postern::manual_page(postern::all_commands(), POSTERN_VERSION);
  return std::cout.flush() ? 0 : 1;
}
