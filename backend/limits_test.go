// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/dir"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
)

// hostileMemory is what a lie about a size may make a reader allocate: the parts
// of a download, which are three, and no more.
const hostileMemory = 32 << 20

// TestHostileSizes: storage that lies about the size of an object gets an error,
// and no memory by it.
func TestHostileSizes(t *testing.T) {
	for _, p := range suites(t) {
		d := mem.New()
		data := pattern(1000)
		must(p.bucket(d).Put(t.Context(), "key", bytes.NewReader(data), -1, nil))(t)
		for _, size := range []int64{math.MinInt64, -1, 0, 1, 15, 999, 1 << 31, 1 << 36, 1<<62 + 16, math.MaxInt64 - 15, math.MaxInt64} {
			f := backendtest.Faulty(d, backendtest.Faults{Info: func(info *backend.Info) { info.Size = size }})
			for how, read := range readings(t, p.bucket(f), "key") {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				got, err := read()
				runtime.ReadMemStats(&after)
				if size == -1 && err == nil && (how == "GetFile" || bytes.Equal(got, data)) {
					continue // that it is unknown is no lie
				}
				if err == nil || len(got) > 0 && (p.authenticated() && how == "Get" || !bytes.HasPrefix(data, got)) {
					t.Errorf("%s, size %d: %s = %d bytes, %v, want an error", p.name, size, how, len(got), err)
				}
				if n := after.TotalAlloc - before.TotalAlloc; n > hostileMemory {
					t.Errorf("%s, size %d: %s has allocated %d bytes, want at most %d", p.name, size, how, n, hostileMemory)
				}
			}
			wantClosed(t, p.name, f)
			_, err := p.bucket(sizedStat{d, size}).Stat(t.Context(), "key")
			if err != nil {
				t.Errorf("%s, size %d: Stat = %v, want what there is to say", p.name, size, err)
			}
		}
	}
}

// A sizedStat says of every object that it has that size.
type sizedStat struct {
	backend.Driver
	size int64
}

func (s sizedStat) Stat(ctx context.Context, key string) (*backend.Info, error) {
	info, err := s.Driver.Stat(ctx, key)
	if err == nil {
		info.Size = s.size
	}
	return info, err
}

// TestHostileInstructionFiles: deep and large JSON up to the limit of a file is a
// MetadataError, soon and in little memory, as is what is over the limit.
func TestHostileInstructionFiles(t *testing.T) {
	p := profiles(t)[0]
	d := filed(t, p, "key", pattern(100))
	most := envelope.MaxInstructionSize
	files := map[string]string{
		"empty":        "",
		"deep lists":   strings.Repeat("[", most),
		"deep objects": strings.Repeat(`{"x-amz-3":`, most/11),
		"deep desc":    `{"x-amz-m":"` + strings.Repeat("[", most-20) + `"}`,
		"many names":   "{" + strings.Repeat(`"a":"",`, most/7-1) + `"a":""}`,
		"long name":    `{"` + strings.Repeat("a", most-10) + `":""}`,
		"long number":  `{"x-amz-3":` + strings.Repeat("9", most-20) + "}",
		"escapes":      `{"x-amz-3":"` + strings.Repeat(`\u0041`, most/6-10) + `"}`,
		"over":         strings.Repeat(" ", most+1),
		"NUL":          strings.Repeat("\x00", most),
	}
	for what, file := range files {
		raw(t, d, "key"+suffix, file, nil)
		for how, read := range readings(t, p.opening(d, nil), "key") {
			start := time.Now()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got, err := read()
			runtime.ReadMemStats(&after)
			if _, ok := errors.AsType[*envelope.MetadataError](err); !ok || len(got) > 0 {
				t.Errorf("%s: %s = %d bytes, %.200v, want a MetadataError", what, how, len(got), err)
			}
			if len(fmt.Sprint(err)) > 2000 {
				t.Errorf("%s: %s has an error of %d bytes", what, how, len(fmt.Sprint(err)))
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > hostileMemory || time.Since(start) > 5*time.Second {
				t.Errorf("%s: %s has taken %d bytes and %v", what, how, n, time.Since(start))
			}
		}
	}
}

// TestMostParts stores an object of as many parts as there may be, by a driver of
// parts of a block, and one of a byte more in larger ones.
func TestMostParts(t *testing.T) {
	const most, part = 10_000, stream.BlockSize
	p := profiles(t)[0]
	for _, size := range []int{most*part - part - 1, most*part - 1, most * part} {
		r := newResuming(t, p)
		r.limits.PartSize, r.limits.MinPartSize = part, part
		data := pattern(size)
		must(r.put(t, data, nil))(t)
		want := size/part + 1
		if want > most {
			want = size/(1<<20) + 1
		}
		if r.puts != want {
			t.Errorf("%d bytes: %d parts, want %d", size, r.puts, want)
		}
		r.wantDone(t, data)
	}
}

// TestPartsOverLimits: what parts cannot hold is ErrTooLarge, before the storage
// is used.
func TestPartsOverLimits(t *testing.T) {
	p := profiles(t)[4] // CBC, which has no limit of its own
	for _, c := range []struct {
		size   int64
		limits backend.UploadLimits
	}{
		{100, backend.UploadLimits{PartSize: 64, MaxPartSize: 64, MaxSize: 1 << 40, MaxParts: 10}}, // no room for the padding
		{1 << 30, backend.UploadLimits{PartSize: 64, MaxPartSize: 1 << 20, MaxSize: 1 << 40, MaxParts: 10}},
		{1 << 20, backend.UploadLimits{PartSize: 64, MaxPartSize: 1 << 30, MaxSize: 1 << 20, MaxParts: 10_000}},
		{math.MaxInt64, backend.UploadLimits{PartSize: 64, MaxPartSize: math.MaxInt64, MaxSize: math.MaxInt64, MaxParts: 10_000}},
		{math.MaxInt64 - 16, backend.UploadLimits{PartSize: 64, MaxPartSize: 5 << 30, MaxSize: math.MaxInt64, MaxParts: 10_000}},
	} {
		r := newResuming(t, p)
		r.limits = c.limits
		_, err := r.bucket(r.partsDriver).PutResumable(t.Context(), resumeKey, bytes.NewReader(nil), c.size, r.state, nil)
		if !errors.Is(err, stream.ErrTooLarge) || r.calls > 0 {
			t.Errorf("%d bytes in %+v: PutResumable = %v after %d calls, want ErrTooLarge before any", c.size, c.limits, err, r.calls)
		}
		r.wantNoState(t)
	}
}

// TestPartNumbers: a driver takes 10,000 parts, and no number before or behind.
func TestPartNumbers(t *testing.T) {
	folder, err := dir.New(memoryFolder(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	for name, d := range map[string]backend.Multiparter{"mem": mem.New(), "dir": folder} {
		most := d.UploadLimits().MaxParts
		opts := &backend.PutOptions{}
		id := must(d.StartUpload(t.Context(), "key", opts))(t)
		var parts []backend.Part
		for _, number := range []int{1, most - 1, most} {
			parts = append(parts, must(d.PutPart(t.Context(), "key", id, number, fmt.Appendf(nil, "%d,", number)))(t))
		}
		for _, number := range []int{math.MinInt, -1, 0, most + 1, math.MaxInt32, math.MaxInt} {
			if _, err := d.PutPart(t.Context(), "key", id, number, nil); !errors.Is(err, backend.ErrPart) {
				t.Errorf("%s: part %d = %v, want ErrPart", name, number, err)
			}
			bad := append(parts[:3:3], backend.Part{Number: number, ETag: parts[2].ETag})
			if _, err := d.CompleteUpload(t.Context(), "key", id, bad, opts); !errors.Is(err, backend.ErrPart) {
				t.Errorf("%s: complete with part %d = %v, want ErrPart", name, number, err)
			}
		}
		info := must(d.CompleteUpload(t.Context(), "key", id, parts, opts))(t)
		if want := int64(len("1,9999,10000,")); most != 10_000 || info.Size != want {
			t.Errorf("%s: %d bytes of at most %d parts, want %d of 10000", name, info.Size, most, want)
		}
	}
}
