"""The parts of a web page that a reader sees: its blocks, and the marks of its lists."""
