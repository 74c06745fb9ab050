"""The commands, in this process where they can be and as programs of their own where they must."""
