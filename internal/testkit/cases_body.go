// SPDX-License-Identifier: Apache-2.0

package testkit

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// bodyEntries alter bodies that have one tag, at the end.
func bodyEntries() (all []entry) {
	for _, r := range []recipe{usualGCM.size(40), usualV3.size(40), usualGCM.wrapped(AESKW).size(40), usualV3.size(0)} {
		name, n := fmt.Sprintf("body-%s-%s-%d-", strings.ToLower(r.suite), r.wrap, r.n), r.n+16
		add := func(what, attacks, comment string, edit func(*made)) {
			all = append(all, entry{name + what, attacks, comment, r, Rejected, edit})
		}
		for _, at := range below(n, 0, n/2, n-17, n-16, n-1) {
			add(fmt.Sprint("bit-", at), "B1", fmt.Sprintf("a bit of byte %d of the body", at), func(m *made) { m.flipBody(at) })
		}
		for _, cut := range below(n, 0, 1, 15, 16, n-16, n-2, n-1) {
			add(fmt.Sprint("cut-", cut), "B2", fmt.Sprintf("a body that ends after %d bytes", cut), func(m *made) { m.Body = m.Body[:cut] })
		}
		for _, more := range []int{1, 16, 17} {
			add(fmt.Sprint("grown-", more), "B2", fmt.Sprintf("a body with %d bytes more", more), func(m *made) { m.Body = append(m.Body, make([]byte, more)...) })
		}
		add("before", "B2", "a byte before the body", func(m *made) { m.Body = append([]byte{0}, m.Body...) })
	}
	return append(all,
		entry{"body-v2-gcm-iv-bit", "B1", "a bit of the IV", usualGCM, Rejected, func(m *made) { m.flip("x-amz-iv", 3); m.iv = decode(m.Get("x-amz-iv")) }},
		entry{"body-v2-gcm-aad-missing", "B1", "additional data that the reader does not know", usualGCM, Rejected, func(m *made) {
			m.Body = gcm(m.key).Seal(nil, m.iv, m.plain, []byte("secret"))
		}},
		entry{"body-v2-gcm-aad-wrong", "B1", "additional data that is wrong", usualGCM.with(func(r *recipe) { r.aad = "somebody's" }), Rejected, func(m *made) {
			m.ContentAAD = []byte("somebody")
		}},
		entry{"body-v2-gcm-blocks-swapped", "B1", "two blocks in the other order", usualGCM.size(40), Rejected, swapBlocks},
		entry{"body-v3-blocks-swapped", "B1", "two blocks in the other order", usualV3.size(40), Rejected, swapBlocks},
		entry{"body-v3-of-another", "B5", "the body of another object under the same key", usualV3, Rejected, func(m *made) {
			m.Body = m.kit.make("body-v3-of-another/other", usualV3).Body
		}},
		entry{"body-v2-ctr-bit", "A2", "CTR: a bit that is altered in the body is altered in the plaintext, and nothing notices", usualCTR, Success, func(m *made) {
			m.flipBody(3)
			m.Released = bytes.Clone(m.plain)
			m.Released[3] ^= 1
		}},
		entry{"body-v2-ctr-cut", "B2", "CTR: nor that the body is cut, where its size is not known", usualCTR, Success, func(m *made) {
			m.Body, m.Released = m.Body[:20], m.plain[:20]
		}})
}

// below returns each of at that is in 0 to n-1, once.
func below(n int, at ...int) []int {
	slices.Sort(at)
	return slices.DeleteFunc(slices.Compact(at), func(i int) bool { return i < 0 || i >= n })
}

func swapBlocks(m *made) {
	m.Body = slices.Concat(m.Body[16:32], m.Body[:16], m.Body[32:])
}

// cbcEntries alter bodies that have padding instead of a tag.
func cbcEntries() (all []entry) {
	for _, r := range []recipe{usualCBC, usualV1} {
		name := fmt.Sprintf("cbc-%s-", strings.ToLower(r.suite))
		add := func(what, attacks, comment string, edit func(*made)) {
			all = append(all, entry{name + what, attacks, comment, r, Rejected, edit})
		}
		for _, cut := range []int{0, 1, 15, 17, 47} {
			add(fmt.Sprint("cut-", cut), "A1 B2", fmt.Sprintf("CBC of %d bytes", cut), func(m *made) { m.Body = m.Body[:cut] })
		}
		add("block-cut", "A1 B2", "the last block is missing, and what is last then is no padding", func(m *made) { m.Body = m.Body[:32] })
		for _, last := range []byte{0, 17, 255} {
			add(fmt.Sprint("padding-", last), "A1", fmt.Sprintf("a last byte of %d", last), func(m *made) {
				m.Body = cbcBlocks(m.key, m.iv, append(slices.Clone(m.plain), 8, 8, 8, 8, 8, 8, 8, last))
			})
		}
		add("padding-differs", "A1", "padding whose first byte differs", func(m *made) {
			m.Body = cbcBlocks(m.key, m.iv, append(slices.Clone(m.plain), 9, 8, 8, 8, 8, 8, 8, 9))
		})
		add("bit-of-the-end", "A1", "a bit of the last byte", func(m *made) { m.flipBody(-1) })
		all = append(all,
			entry{name + "bit", "A1", "a bit of the first block: the plaintext is another, and nothing notices", r, Success, func(m *made) {
				m.flipBody(0)
				p := cbcOpenBlocks(m.key, m.iv, m.Body)
				m.Released = p[:len(p)-8]
			}},
			entry{name + "iv-bit", "A1", "a bit of the IV: it is altered in the plaintext, and nothing notices", r, Success, func(m *made) {
				m.flip("x-amz-iv", 5)
				m.Released = bytes.Clone(m.plain)
				m.Released[5] ^= 1
			}},
			entry{name + "parts-swapped", "C6", "two parts of a multipart upload in the other order: nothing notices", r.size(56), Success, func(m *made) {
				swapBlocks(m)
				p := cbcOpenBlocks(m.key, m.iv, m.Body)
				m.Released = p[:len(p)-8]
			}},
			entry{name + "parts-of-their-own", "C6", "a second part that was encrypted with the first IV instead of the last block", r, Success, func(m *made) {
				m.Body = slices.Concat(m.Body[:16], cbcBlocks(m.key, m.iv, pad(m.plain[16:])))
				p := cbcOpenBlocks(m.key, m.iv, m.Body)
				m.Released = p[:len(p)-8]
			}},
			entry{name + "part-padded", "C6", "a first part that was padded, too: the padding is in the plaintext", r, Success, func(m *made) {
				first := cbcBlocks(m.key, m.iv, pad(m.plain[:16]))
				m.Body = slices.Concat(first, cbcBlocks(m.key, first[16:], pad(m.plain[16:])))
				m.Released = slices.Concat(pad(m.plain[:16]), m.plain[16:])
			}})
	}
	return all
}

// chunkEntries alter bodies in which every chunk has a tag.
func chunkEntries() (all []entry) {
	add := func(name, attacks, comment string, r recipe, keep int, edit func(*made)) {
		all = append(all, entry{"chunk-" + name, attacks, comment, r, Rejected, func(m *made) {
			edit(m)
			m.keep(keep)
		}})
	}
	two, sealed := usualOwn.size(chunk+9), 56+chunk+16
	cut := func(n int) func(*made) { return func(m *made) { m.Body = m.Body[:n] } }
	flip := func(at int) func(*made) { return func(m *made) { m.flipBody(at) } }
	for _, at := range []int{0, 23, 24, 55, 56, 72} {
		add(fmt.Sprint("chunked-bit-", at), "B1", fmt.Sprintf("Chunked: a bit of byte %d", at), usualOwn, 0, flip(at))
	}
	for _, n := range []int{0, 55, 56, 71, 72} {
		add(fmt.Sprint("chunked-cut-", n), "B2", fmt.Sprintf("Chunked, cut after %d bytes", n), usualOwn, 0, cut(n))
	}
	add("chunked-grown", "B2", "Chunked with a byte more", usualOwn, 0, func(m *made) { m.Body = append(m.Body, 0) })
	add("chunked-no-commitment", "A5 A7", "Chunked with the commitment of another CEK", usualOwn, 0, func(m *made) {
		copy(m.Body[24:56], m.draw("commitment", 32))
	})
	add("chunked-other-cek", "A5", "Chunked: the wrapped key of another object", usualOwn, 0, func(m *made) {
		m.rewrap(m.wrapCEK(AESGCM, m.draw("another CEK", 32), m.bound, nil))
	})
	add("chunked-second-bit", "B1", "a bit of the second chunk: the first one is good", two, chunk, flip(-1))
	add("chunked-second-missing", "B2", "the second chunk is missing: every whole chunk has another after it", two, chunk, cut(sealed))
	add("chunked-second-cut", "B2", "the second chunk is cut", two, chunk, cut(sealed+20))
	add("chunked-swapped", "B1", "the chunks in the other order", usualOwn.size(2*chunk), 0, func(m *made) {
		m.Body = slices.Concat(m.Body[:56], m.Body[sealed:sealed+chunk+16], m.Body[56:sealed], m.Body[sealed+chunk+16:])
	})
	add("chunked-first-missing", "B2", "the first chunk is missing", two, 0, func(m *made) { m.Body = slices.Concat(m.Body[:56], m.Body[sealed:]) })
	dare := usualD2.size(1<<16 + 9)
	for _, at := range []int{0, 1, 2, 4, 8, 15, 16, 40, 48} {
		add(fmt.Sprint("dare2-bit-", at), "B1", fmt.Sprintf("DARE: a bit of byte %d", at), usualD2, 0, flip(at))
	}
	for _, n := range []int{0, 16, 32, 48} {
		add(fmt.Sprint("dare2-cut-", n), "B2", fmt.Sprintf("DARE, cut after %d bytes", n), usualD2, 0, cut(n))
	}
	add("dare2-second-bit", "B1", "a bit of the second package: the first one is good", dare, 1<<16, flip(-1))
	add("dare2-second-missing", "B2", "the second package is missing", dare, 1<<16, cut(1<<16+32))
	add("dare2-after-the-end", "B2", "another package after the last one", usualD2, 17, func(m *made) { m.Body = slices.Concat(m.Body, m.Body) })
	add("dare2-version-1", "B1", "a package of DARE 1.0", usualD2, 0, func(m *made) { m.Body[0] = 0x10 })
	add("dare2-empty-claimed", "B2", "a body under a header that says that there is none", usualD2, 0, func(m *made) { m.Set("s3seal-empty", "1") })
	add("dare2-empty-unclaimed", "B2", "no body under a header that does not say so", usualD2.size(0), 0, func(m *made) { m.Remove("s3seal-empty") })
	add("dare2-emptied", "B2", "the body taken away, and a header that says that there is none", usualD2, 0, func(m *made) {
		m.Body = nil
		m.Set("s3seal-empty", "1")
	})
	add("dare2-salt-bit", "B1", "a bit of the salt", usualD2, 0, func(m *made) { m.flip("s3seal-salt", 0) })
	add("chunked-unbound-claimed", "B5", "a bound body under a header that says that it is not", usualOwn.at(place), 0, func(m *made) { m.Remove("s3seal-bound") })
	add("chunked-bound-claimed", "B5", "a body that is not bound under a header that says that it is", usualOwn, 0, func(m *made) {
		m.Set("s3seal-bound", "1")
		m.Bind = place
	})
	for name, p := range map[string]*Place{"key": {"bucket", "a/other"}, "bucket": {"other", "a/key"}, "border": {"bucketa", "/key"}} {
		add("chunked-other-"+name, "B5", "bound to another place: "+name, usualOwn.at(place), 0, func(m *made) { m.Bind = p })
		add("dare2-other-"+name, "B5", "bound to another place: "+name, usualD2.at(place), 0, func(m *made) { m.Bind = p })
	}
	return all
}

// rangeEntries read a part.
func rangeEntries() (all []entry) {
	part := func(name, attacks, comment string, r recipe, off, n int64, edit func(*made)) {
		all = append(all, entry{"range-" + name, attacks, comment, r, Success, func(m *made) {
			m.Range = &Span{off, n}
			m.Released = m.plain[min(off, int64(r.n)):min(off+n, int64(r.n))]
			if r.suite != Chunked && r.suite != DARE2 {
				m.Allow, m.Authenticated = append(m.Allow, Ranges), false
			}
			if edit != nil {
				edit(m)
			}
		}})
	}
	for _, r := range []recipe{usualGCM.size(100), usualV3.size(100), usualCTR.size(100), usualCBC.size(100), usualOwn.size(100), usualD2.size(100)} {
		name := strings.ToLower(r.suite)
		part(name, "B3", "a part in the middle", r, 17, 40, nil)
		part(name+"-start", "B3", "the first byte", r, 0, 1, nil)
		part(name+"-clipped", "B3", "a part that passes the end: it ends where the plaintext does, before any tag or padding", r, 90, 50, nil)
		part(name+"-past", "B3", "a part that begins where the plaintext has ended", r, 100, 1, func(m *made) { m.Expect = BadRange })
		part(name+"-tag", "B3", "a part within the tag or the padding", r, 105, 4, func(m *made) { m.Expect = BadRange })
		part(name+"-refused", "B3", "a part that nothing verifies, and the reader does not allow it", r, 17, 40, func(m *made) {
			if !m.Authenticated {
				m.Expect = Policy
				m.Allow = slices.DeleteFunc(m.Allow, func(o string) bool { return o == Ranges })
			}
		})
	}
	bit := func(m *made) {
		m.flipBody(20)
		m.Released = bytes.Clone(m.Released)
		m.Released[3] ^= 1
	}
	part("v2-gcm-bit", "B3", "a bit of the part is altered, and nothing notices", usualGCM.size(100), 17, 40, bit)
	part("v3-bit", "B3", "a bit of the part is altered, and nothing notices: the commitment is to the key", usualV3.size(100), 17, 40, bit)
	part("v3-commitment", "A7 B3", "the commitment is verified for a part, too", usualV3.size(100), 17, 40, func(m *made) {
		m.flip("x-amz-d", 0)
		m.Expect = Rejected
		m.byTheKey()
	})
	for _, r := range []recipe{usualOwn.size(100), usualD2.size(100)} {
		part(strings.ToLower(r.suite)+"-bit", "B3", "a bit of the part is altered", r, 17, 40, func(m *made) { m.flipBody(70); m.Expect = Rejected; m.byTheKey() })
		part(strings.ToLower(r.suite)+"-end", "B3", "a bit of the end is altered, which says where the plaintext ends", r, 17, 40, func(m *made) { m.flipBody(-1); m.Expect = Rejected; m.byTheKey() })
	}
	part("v2-cbc-padding", "A1 B3", "a part that reaches the padding, which is none", usualCBC.size(96), 90, 7, func(m *made) { m.flipBody(-1); m.Expect = Rejected })
	return all
}
