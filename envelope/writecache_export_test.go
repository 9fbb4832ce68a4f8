// SPDX-License-Identifier: Apache-2.0

package envelope

// CEKs returns the CEKs that c holds, not as copies, the last used one first.
func (c *WriteCache) CEKs() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out [][]byte
	for el := c.order.Front(); el != nil; el = el.Next() {
		out = append(out, el.Value.(*writeEntry).cek)
	}
	if len(out) != len(c.entries) {
		panic("envelope: internal error: list and map of the cache differ")
	}
	return out
}

// StopTimers makes the timers of all entries late for ever.
func (c *WriteCache) StopTimers() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for el := c.order.Front(); el != nil; el = el.Next() {
		el.Value.(*writeEntry).timer.Stop()
	}
}

// Timers returns what the timers of the entries do.
func (c *WriteCache) Timers() []func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []func()
	for el := c.order.Front(); el != nil; el = el.Next() {
		out = append(out, func() { c.expire(el) })
	}
	return out
}
