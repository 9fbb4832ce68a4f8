// SPDX-License-Identifier: Apache-2.0

package wrap

// CEKs returns the CEKs that c holds, not as copies.
func (c *Cache) CEKs() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out [][]byte
	for el := c.order.Front(); el != nil; el = el.Next() {
		out = append(out, el.Value.(*cacheEntry).cek)
	}
	if len(out) != len(c.entries) {
		panic("wrap: internal error: list and map of the cache differ")
	}
	return out
}

// StopTimers makes the timers of all entries late for ever.
func (c *Cache) StopTimers() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for el := c.order.Front(); el != nil; el = el.Next() {
		el.Value.(*cacheEntry).timer.Stop()
	}
}

// Timers returns what the timers of the entries do.
func (c *Cache) Timers() []func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []func()
	for el := c.order.Front(); el != nil; el = el.Next() {
		out = append(out, func() { c.expire(el) })
	}
	return out
}
