// The methods of the control socket, by the file that has them. Each add_ function enters its
// methods into the table; what they answer is in spec order in docs/control.md. Control thread.
#ifndef POSTERN_CONTROL_METHODS_METHODS_H_
#define POSTERN_CONTROL_METHODS_METHODS_H_

#include "control/methods/context.h"
#include "control/rpc/method.h"

namespace postern {

// All of them. `context` outlives the table.
void add_methods(MethodTable& table, const MethodContext& context);

void add_status_methods(MethodTable& table, const MethodContext& context);
void add_config_reading_methods(MethodTable& table, const MethodContext& context);
void add_config_methods(MethodTable& table, const MethodContext& context);
void add_session_methods(MethodTable& table, const MethodContext& context);
void add_drain_methods(MethodTable& table, const MethodContext& context);
void add_list_methods(MethodTable& table, const MethodContext& context);
void add_explain_methods(MethodTable& table, const MethodContext& context);
void add_counter_methods(MethodTable& table, const MethodContext& context);

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_METHODS_H_
