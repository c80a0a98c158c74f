"""The demo challenge: drawn images, planted responses, known answers. NumPy and Pillow only."""

from algokit.challenge.synthetic.demo import write_demo
from algokit.challenge.synthetic.settings import DemoSettings

__all__ = ["DemoSettings", "write_demo"]
