// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"testing/iotest"

	"github.com/s3seal/s3seal/backend"
)

// roundTrip stores bodies around the block size of the ciphers and reads them
// back, with the size declared and not.
func roundTrip(e *env) {
	for _, n := range []int{0, 1, 15, 16, 17, 4101, 65536} {
		e.bothSizes(n)
	}
}

// roundTripLarge does the same beyond the sizes at which storage systems
// change the way they upload.
func roundTripLarge(e *env) {
	for _, n := range []int{5<<20 + 3, 17<<20 + 1} {
		e.bothSizes(n)
	}
}

func (e *env) bothSizes(n int) {
	for _, declared := range []int64{int64(n), -1} {
		e.run(fmt.Sprintf("len=%d,size=%d", n, declared), func(e *env) {
			e.large(int64(n))
			v := version{pattern(uint64(n), n), map[string]string{"len": fmt.Sprint(n)}}
			key := fmt.Sprintf("round/%d/%d", n, declared)
			info, err := e.tryPut(e.ctx, key, newBody(v.data), declared, v.meta)
			if err != nil {
				e.Fatalf("Put = %v", err)
			}
			if info.Size != int64(n) || info.Key != key {
				e.Errorf("Put: Key %q, Size %d, want %q, %d", info.Key, info.Size, key, n)
			}
			e.want(key, v)
			e.wantClean()
		})
	}
}

// bodyShapes stores through readers that are within their rights but unusual.
func bodyShapes(e *env) {
	data := pattern(7, 70_001)
	shapes := map[string]func() io.Reader{
		"one byte a read":         func() io.Reader { return iotest.OneByteReader(bytes.NewReader(data)) },
		"half reads":              func() io.Reader { return iotest.HalfReader(bytes.NewReader(data)) },
		"data together with EOF":  func() io.Reader { return iotest.DataErrReader(bytes.NewReader(data)) },
		"empty reads in between":  func() io.Reader { return &stutter{src: bytes.NewReader(data)} },
		"pipe":                    func() io.Reader { return pipe(data) },
		"EOF only when asked for": func() io.Reader { return newBody(data) },
	}
	for name, shape := range shapes {
		for _, size := range []int64{int64(len(data)), -1} {
			e.run(fmt.Sprintf("%s,size=%d", name, size), func(e *env) {
				if _, err := e.d.Put(e.ctx, name, shape(), size, &backend.PutOptions{}); err != nil {
					e.Fatalf("Put = %v", err)
				}
				e.want(name, version{data, nil})
			})
		}
	}
}

// A stutter returns no bytes and no error on every other read.
type stutter struct {
	src  io.Reader
	even bool
}

func (s *stutter) Read(p []byte) (int, error) {
	if s.even = !s.even; s.even {
		return 0, nil
	}
	return s.src.Read(p[:min(len(p), 999)])
}

// pipe returns a reader that another goroutine feeds. The goroutine ends when
// everything has been read.
func pipe(data []byte) io.Reader {
	r, w := io.Pipe()
	go func() {
		_, err := w.Write(data)
		w.CloseWithError(err)
	}()
	return r
}

// replace stores two versions under one key: nothing of the first may remain.
func replace(e *env) {
	old := version{pattern(1, 5000), map[string]string{"only-old": "1", "both": "old"}}
	for i, now := range []version{
		{pattern(2, 5000), map[string]string{"only-new": "1", "both": "new"}},
		{pattern(3, 17), nil},
		{pattern(4, 9000), map[string]string{"both": "longer"}},
	} {
		key := fmt.Sprintf("replace/%d", i)
		before := e.put(key, old)
		after := e.put(key, now)
		e.want(key, now)
		if before.ETag == after.ETag {
			e.Errorf("version %d: ETag %q did not change with the body", i, after.ETag)
		}
	}
	e.wantClean()
}

// infoAgrees checks that Put, Get and Stat describe an object alike.
func infoAgrees(e *env) {
	v := version{pattern(5, 4101), map[string]string{"name": "value"}}
	put := e.put("info", v)
	_, get, err := e.get("info", backend.GetOptions{})
	if err != nil {
		e.Fatalf("Get = %v", err)
	}
	stat, err := e.d.Stat(e.ctx, "info")
	if err != nil {
		e.Fatalf("Stat = %v", err)
	}
	for name, info := range map[string]*backend.Info{"Put": put, "Get": get} {
		if info.Key != stat.Key || info.Size != stat.Size || info.ETag != stat.ETag ||
			info.ContentType != stat.ContentType || !maps.Equal(info.Metadata, stat.Metadata) {
			e.Errorf("%s: %+v\nStat: %+v", name, info, stat)
		}
	}
	if stat.Size != int64(len(v.data)) || stat.ETag == "" || stat.Key != "info" {
		e.Errorf("Stat: %+v, want key info, size %d and an ETag", stat, len(v.data))
	}
	if stat.ModTime.IsZero() || !stat.ModTime.Equal(get.ModTime) {
		e.Errorf("ModTime: Stat %v, Get %v, want the same and not zero", stat.ModTime, get.ModTime)
	}
}

// contentType checks the media type and its default.
func contentType(e *env) {
	for given, want := range map[string]string{
		"text/plain; charset=utf-8": "text/plain; charset=utf-8",
		"":                          "application/octet-stream",
	} {
		opts := &backend.PutOptions{ContentType: given}
		if _, err := e.d.Put(e.ctx, "type", newBody([]byte("x")), 1, opts); err != nil {
			e.Fatalf("Put with type %q = %v", given, err)
		}
		info, err := e.d.Stat(e.ctx, "type")
		if err != nil {
			e.Fatalf("Stat = %v", err)
		}
		if info.ContentType != want {
			e.Errorf("type stored as %q: got %q, want %q", given, info.ContentType, want)
		}
	}
}
