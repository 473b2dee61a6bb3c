"""Invented deliveries whose truth is known."""

from workbook.synthetic.delivery import write_delivery
from workbook.synthetic.generate import Story, generate
from workbook.synthetic.plan import Faults, Plan
from workbook.synthetic.world import World, make_world

__all__ = ["Faults", "Plan", "Story", "World", "generate", "make_world", "write_delivery"]
