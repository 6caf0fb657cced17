/* A kernel interface in a VLAN: all that it sends is tagged, and it hears nothing else. What a VLAN
 * device does, for kernels that are built without them. Compiled with -DVLAN=ID by vlan.py. */
#include <linux/bpf.h>

#define SECTION(name) __attribute__((section(name), used))
enum { PASS = 0, DROP = 2, ID_BITS = 0xfff, TAGGED = 0x8100 };

static long (*const push)(struct __sk_buff *, __be16, __u16) = (void *)BPF_FUNC_skb_vlan_push;
static long (*const pop)(struct __sk_buff *) = (void *)BPF_FUNC_skb_vlan_pop;

SECTION("out") int put_on(struct __sk_buff *frame) {
  return push(frame, __builtin_bswap16(TAGGED), VLAN) ? DROP : PASS;
}

SECTION("in") int take_off(struct __sk_buff *frame) {
  if (!frame->vlan_present || (frame->vlan_tci & ID_BITS) != VLAN) return DROP;
  return pop(frame) ? DROP : PASS;
}
