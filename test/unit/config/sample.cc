#include "test/unit/config/sample.h"

#include "config/load.h"
#include "gtest/gtest.h"

namespace postern::config {

const char kSample[] = R"(version = 1;
gateway : { name = "gw-a"; };
ports = (
  { name = "underlay"; device = "net_tap0"; role = "cluster"; addresses = [ "10.0.0.254/24" ]; },
  { name = "uplink"; device = "net_tap1"; role = "external";
    addresses = [ "192.0.2.10/24" ]; gateway = "192.0.2.1"; }
);
tunnels = ( { name = "overlay"; type = "vxlan"; local = "10.0.0.254"; vni = 100; } );
nodes = (
  { name = "node-1"; tunnel = "overlay"; vtep = "10.0.0.1"; pod_cidrs = [ "10.128.0.0/23" ]; },
  { name = "node-2"; tunnel = "overlay"; vtep = "10.0.0.2"; pod_cidrs = [ "10.128.2.0/23" ]; }
);
cluster : { no_snat = [ "10.128.0.0/14" ]; };
namespaces = (
  { name = "payments"; pods = [ "10.128.0.11", "10.128.1.0/26" ]; },
  { name = "lab"; pods = [ "10.128.2.0/25" ]; }
);
node_ip : { mode = "gateway"; addresses = [ "192.0.2.20" ]; };
egress_ips = (
  { name = "payments-out"; namespaces = [ "payments" ];
    addresses = [ "192.0.2.50", "192.0.2.51" ]; },
  { name = "lab-out"; namespaces = [ "lab" ]; addresses = [ "192.0.2.60" ]; }
);
firewall : {
  rules = (
    { namespace = "payments"; action = "allow"; to = [ "203.0.113.0/24" ]; ports = [ "tcp/443" ]; },
    { namespace = "*"; action = "deny"; to = [ "169.254.169.254" ]; }
  );
};
sessions : { max = 1000; };
)";

std::string edited(const std::vector<Edit>& edits) {
  std::string text = kSample;
  for (const Edit& edit : edits) {
    const std::string from = edit.from;
    const size_t at = text.find(from);
    if (at == std::string::npos) {
      ADD_FAILURE() << "not in the sample: " << from;
      continue;
    }
    text.replace(at, from.size(), edit.to);
  }
  return text;
}

std::string all_text(const std::vector<Diagnostic>& diagnostics, const char* severity) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) out += diagnostic.text(severity) + "\n";
  return out;
}

void expect_complaints(const BadSample& sample) {
  SCOPED_TRACE(sample.what);
  const LoadResult loaded = load_text(edited(sample.edits), "f.cfg");
  EXPECT_FALSE(loaded.model.has_value());
  std::string expected;
  for (const Complaint& complaint : sample.complaints) {
    expected += "f.cfg:" + std::to_string(complaint.line) + ": error: " + complaint.text + "\n";
  }
  EXPECT_EQ(all_text(loaded.errors), expected);
}

}  // namespace postern::config
