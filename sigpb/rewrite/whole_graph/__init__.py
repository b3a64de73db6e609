"""What is done to the graph of a MetaGraph as a whole, once its signatures are as they are to be.

Devices and attributes are edited in place, node by node, without parsing the graph; `prune` finds
out what nothing needs, and leaves it out.
"""
