"""What tests of several parts share: clocks, pollers, proxies, drivers. It holds no test."""
