// postern-config-reference: writes docs/configuration.md to standard output.
#include <cstdio>

#include "config/reference.h"

int main() { return std::fputs(postern::config::reference().c_str(), stdout) == EOF ? 1 : 0; }
