"""Writes a configuration in libconfig syntax from plain Python values."""

LISTS = ("ports", "routes", "tunnels", "nodes", "namespaces", "egress_ips", "egress_routers", "qos",
         "rules")


def _scalar(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if -2**31 <= value < 2**31 else "%dL" % value
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"%s"' % text


def _value(key, value, indent):
    pad = "  " * indent
    if isinstance(value, dict):
        inside = "".join(_setting(k, v, indent + 1) for k, v in value.items())
        return "{\n%s%s}" % (inside, pad)
    if isinstance(value, (list, tuple)):
        if key in LISTS:
            groups = [pad + "  " + _value("", group, indent + 1) for group in value]
            return "(\n%s\n%s)" % (",\n".join(groups), pad) if groups else "( )"
        return "[ %s ]" % ", ".join(_scalar(item) for item in value)
    return _scalar(value)


def _setting(key, value, indent):
    sign = ":" if isinstance(value, dict) else "="
    return "%s%s %s %s;\n" % ("  " * indent, key, sign, _value(key, value, indent))


def text(model):
    """The file's text; `model` maps setting names to values as config.md names them."""
    return "".join(_setting(key, value, 0) for key, value in model.items())
