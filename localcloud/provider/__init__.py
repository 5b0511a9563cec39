"""Provider plugins of the local cloud: what the engine starts as `pulumi-resource-aws` and `pulumi-resource-kubernetes`.

`serve` speaks the engine's protocol, `core` does once what is the same for every resource type, `adapter` is the record
that describes one type, `aws` is the table of types. `install` lays the executables where the engine looks for them.
"""
