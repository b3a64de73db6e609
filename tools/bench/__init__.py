"""Benchmarks: sigpb next to what people would use instead. See README.md."""
