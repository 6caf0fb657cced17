// A small good configuration, and ways to spoil it.
#ifndef POSTERN_TEST_UNIT_CONFIG_SAMPLE_H_
#define POSTERN_TEST_UNIT_CONFIG_SAMPLE_H_

#include <string>
#include <vector>

#include "config/diagnostic.h"

namespace postern::config {

// Thirty lines with two ports, a tunnel, two nodes, two namespaces, both ways out and a firewall.
extern const char kSample[];

struct Edit {
  const char* from;  // its first occurrence is replaced
  const char* to;
};

// `kSample` with the edits made, one after the other. Fails the test when one finds nothing.
std::string edited(const std::vector<Edit>& edits);

struct Complaint {
  int line;
  const char* text;  // all that follows "FILE:LINE: error: "
};

struct BadSample {
  const char* what;
  std::vector<Edit> edits;
  std::vector<Complaint> complaints;
};

// Fails the test unless the edited sample is refused with exactly these complaints.
void expect_complaints(const BadSample& sample);

// Each as Diagnostic::text gives it, one a line.
std::string all_text(const std::vector<Diagnostic>& diagnostics, const char* severity = "error");

}  // namespace postern::config

#endif  // POSTERN_TEST_UNIT_CONFIG_SAMPLE_H_
