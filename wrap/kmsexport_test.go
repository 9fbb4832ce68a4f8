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
