// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"fmt"

	"github.com/s3seal/s3seal/backend"
)

// wantRange fails the test unless the range delivers want.
func (e *env) wantRange(key string, r backend.Range, size int64, want []byte) {
	e.Helper()
	got, info, err := e.get(key, backend.GetOptions{Range: &r})
	if err != nil {
		e.Fatalf("Get(%+v) = %v", r, err)
	}
	if !bytes.Equal(got.data, want) {
		e.Fatalf("Get(%+v): %d bytes, want the %d of the range", r, len(got.data), len(want))
	}
	if info.Size != size {
		e.Fatalf("Get(%+v): Size %d, want %d: that of the whole object", r, info.Size, size)
	}
}

// rangeAllPairs reads every range of a small object, also those that reach
// past its end and are to be clipped.
func rangeAllPairs(e *env) {
	const n = 19
	v := version{pattern(21, n), map[string]string{"name": "value"}}
	e.put("pairs", v)
	for off := range n {
		for length := 1; length <= n+2; length++ {
			want := v.data[off:min(off+length, n)]
			e.wantRange("pairs", backend.Range{Offset: int64(off), Length: int64(length)}, n, want)
		}
	}
	e.wantRange("pairs", backend.Range{Offset: 3, Length: 1<<63 - 1}, n, v.data[3:])
}

// rangeOpenEnd reads from every offset to the end.
func rangeOpenEnd(e *env) {
	const n = 19
	v := version{pattern(22, n), nil}
	e.put("open", v)
	for off := range n {
		e.wantRange("open", backend.Range{Offset: int64(off), Length: -1}, n, v.data[off:])
	}
}

// rangeOutside asks for ranges that start at the end or past it.
func rangeOutside(e *env) {
	for _, n := range []int{0, 19} {
		key := fmt.Sprintf("outside/%d", n)
		e.put(key, version{pattern(23, n), nil})
		for _, off := range []int64{int64(n), int64(n) + 1, 1 << 40, 1<<63 - 1} {
			for _, length := range []int64{1, 100, -1} {
				_, _, err := e.get(key, backend.GetOptions{Range: &backend.Range{Offset: off, Length: length}})
				e.wantErr(fmt.Sprintf("len=%d: Get(off %d, length %d)", n, off, length), err, backend.ErrRange)
			}
		}
	}
}

// rangeInvalid asks for what is no range; in particular a length of 0 must
// not mean all, and a negative offset not the last bytes.
func rangeInvalid(e *env) {
	e.put("invalid", version{pattern(24, 19), nil})
	for _, pair := range [][2]int64{{0, 0}, {5, 0}, {-1, 1}, {-5, -1}, {0, -2}, {-1 << 63, 1}} {
		r := backend.Range{Offset: pair[0], Length: pair[1]}
		_, _, err := e.get("invalid", backend.GetOptions{Range: &r})
		e.wantErr(fmt.Sprintf("Get(%+v)", r), err, backend.ErrRange)
	}
}

// rangeLarge reads around the places where a large object may be cut up.
func rangeLarge(e *env) {
	const n = 17<<20 + 1
	e.large(n)
	v := version{pattern(25, n), nil}
	if _, err := e.tryPut(e.ctx, "large", newBody(v.data), -1, nil); err != nil {
		e.Fatalf("Put = %v", err)
	}
	for _, mid := range []int64{5 << 20, 8 << 20, 16 << 20} {
		e.wantRange("large", backend.Range{Offset: mid - 1, Length: 2}, n, v.data[mid-1:mid+1])
		e.wantRange("large", backend.Range{Offset: mid, Length: 1 << 16}, n, v.data[mid:mid+1<<16])
	}
	e.wantRange("large", backend.Range{Offset: n - 16, Length: -1}, n, v.data[n-16:])
}

// ifMatch reads under a condition, with and without a range.
func ifMatch(e *env) {
	old := version{pattern(26, 100), nil}
	now := version{pattern(27, 100), nil}
	first := e.put("match", old).ETag
	for _, r := range []*backend.Range{nil, {Offset: 10, Length: 5}} {
		if _, _, err := e.get("match", backend.GetOptions{Range: r, IfMatch: first}); err != nil {
			e.Errorf("Get(range %v) with the right ETag = %v", r, err)
		}
		_, _, err := e.get("match", backend.GetOptions{Range: r, IfMatch: "0123456789abcdef0123456789abcdef"})
		e.wantErr("Get with a foreign ETag", err, backend.ErrChanged)
	}
	second := e.put("match", now).ETag
	for _, r := range []*backend.Range{nil, {Offset: 10, Length: 5}} {
		_, _, err := e.get("match", backend.GetOptions{Range: r, IfMatch: first})
		e.wantErr("Get with the ETag of the old version", err, backend.ErrChanged)
	}
	got, _, err := e.get("match", backend.GetOptions{IfMatch: second})
	if err != nil || !bytes.Equal(got.data, now.data) {
		e.Errorf("Get with the new ETag: %v, or other bytes", err)
	}
	_, _, err = e.get("nothing", backend.GetOptions{IfMatch: first})
	e.wantErr("Get of a missing object with an ETag", err, backend.ErrNotExist)
}
