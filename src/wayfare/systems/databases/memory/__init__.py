"""Tables in this process's memory: the reference adapter. Shortest honest implementation of the contract."""

from wayfare.systems.registry import Adapter

ADAPTER = Adapter("memory", "Memory", "wayfare.systems.databases.memory.database:MemoryDatabase", "memory://name")
