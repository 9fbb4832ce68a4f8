// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
)

// A synthetic bucket has n objects, which it makes up when it is asked for them:
// of four formats, for keys without number, with instruction files that belong to
// nothing, plaintext and damage in between.
type synthetic struct {
	n      int
	closed chan struct{}
}

func (d *synthetic) key(i int) string {
	switch i % 10 {
	case 7:
		return fmt.Sprintf("o/%08d.instruction", i)
	case 8:
		return fmt.Sprintf("o/%08d.key", i)
	}
	return fmt.Sprintf("o/%08d", i)
}

// metadata returns those of object i.
func (d *synthetic) metadata(i int) map[string]string {
	blob := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	desc := fmt.Sprintf(`{"tenant":"%d","pad":%q}`, i, strings.Repeat("x", 300))
	switch i % 10 {
	case 0, 1:
		return map[string]string{"x-amz-c": "115", "x-amz-w": "02", "x-amz-3": blob(60), "x-amz-d": blob(28), "x-amz-i": blob(28), "x-amz-m": desc}
	case 2:
		return map[string]string{"x-amz-key-v2": blob(40), "x-amz-iv": blob(12), "x-amz-cek-alg": "AES/GCM/NoPadding", "x-amz-wrap-alg": "AESWrap", "x-amz-matdesc": desc}
	case 3:
		return map[string]string{"x-amz-key": blob(256), "x-amz-iv": blob(16), "x-amz-matdesc": "{}"}
	case 4:
		return map[string]string{"s3seal-suite": "chunked1", "s3seal-key": blob(60), "s3seal-wrap": "02", "s3seal-matdesc": desc}
	case 5: // a spoof
		return map[string]string{"x-amz-key": blob(256), "x-amz-iv": blob(16), "x-amz-c": "115"}
	}
	return map[string]string{"author": strconv.Itoa(i)}
}

func (d *synthetic) info(i int) *backend.Info {
	return &backend.Info{Key: d.key(i), Size: 4112, ETag: strconv.Itoa(i)}
}

func (d *synthetic) List(_ context.Context, _ *backend.ListOptions) iter.Seq2[*backend.Info, error] {
	return func(yield func(*backend.Info, error) bool) {
		defer close(d.closed)
		for i := range d.n {
			if !yield(d.info(i), nil) {
				return
			}
		}
	}
}

func (d *synthetic) Stat(ctx context.Context, key string) (*backend.Info, error) {
	var i int
	if _, err := fmt.Sscanf(key, "o/%08d", &i); err != nil || d.key(i) != key {
		return nil, backend.ErrNotExist
	}
	info := d.info(i)
	info.Metadata = d.metadata(i)
	return info, ctx.Err()
}

func (d *synthetic) Get(context.Context, string, *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	return nil, nil, backend.ErrNotExist // of instruction files; nothing else may be asked for
}

func (d *synthetic) Put(context.Context, string, io.Reader, int64, *backend.PutOptions) (*backend.Info, error) {
	return nil, errors.ErrUnsupported
}

func (d *synthetic) Delete(context.Context, string) error { return errors.ErrUnsupported }

// heap returns the bytes that are in use and cannot be freed.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// growth is how much more memory an audit may take later than after three tenths of
// the objects, when its rows and examples are full: what the work of one moment
// weighs.
const growth = 256 << 10

// TestAuditMemory looks at 100,000 objects, most for a key of their own, or at
// 10,000 where there is less time.
func TestAuditMemory(t *testing.T) {
	objects := 10_000
	if os.Getenv("S3SEAL_LONG") == "1" {
		objects = 100_000
	}
	every := objects / 10
	d := &synthetic{n: objects, closed: make(chan struct{})}
	b := keyless(d)
	before := heap()
	var samples []uint64
	seen := 0
	noGoroutineLeft(t, func() {
		report, err := bulk.Audit(t.Context(), b, b.List(t.Context(), nil), &bulk.AuditOptions{OnObject: func(*bulk.AuditObject) {
			if seen++; seen%every == 0 {
				samples = append(samples, heap())
			}
		}})
		if err != nil || report.Total.Objects != int64(objects) || len(report.Rows) != bulk.DefaultAuditRows || report.Others.Objects == 0 {
			t.Fatalf("Audit = %v, total %+v, %d rows, others %+v", err, report.Total, len(report.Rows), report.Others)
		}
		tenth := int64(every)
		want := map[bulk.AuditFlag]int64{bulk.FlagSpoofedV3: tenth, bulk.FlagOrphan: tenth, bulk.FlagPlaintext: 3 * tenth}
		got := make(map[bulk.AuditFlag]int64)
		for _, f := range report.Findings {
			got[f.Flag] = f.Objects
			if len(f.Examples) != bulk.DefaultAuditExamples {
				t.Errorf("%s: %d examples", f.Flag, len(f.Examples))
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("findings %v, want %v", got, want)
		}
	})
	t.Logf("heap in KiB: before %d, then %v", before>>10, kib(samples))
	full := samples[2]
	for i, s := range samples[3:] {
		if s > full+growth {
			t.Errorf("%d bytes in use after %d objects, %d after %d: want at most %d more", s, (i+4)*every, full, 3*every, growth)
		}
	}
}

func kib(samples []uint64) []uint64 {
	out := make([]uint64, len(samples))
	for i, s := range samples {
		out[i] = s >> 10
	}
	return out
}

// TestAuditCancel stops in the middle, and what was seen is in the report.
func TestAuditCancel(t *testing.T) {
	d := &synthetic{n: 1_000_000_000, closed: make(chan struct{})}
	b := keyless(d)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	noGoroutineLeft(t, func() {
		seen := int64(0)
		report, err := bulk.Audit(ctx, b, b.List(ctx, nil), &bulk.AuditOptions{OnObject: func(*bulk.AuditObject) {
			if seen++; seen == 1000 {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) || report.Total.Objects != seen || seen < 1000 {
			t.Errorf("Audit = %v after %d objects, report of %d", err, seen, report.Total.Objects)
		}
		<-d.closed
	})
}

// TestAuditListFails ends with the error of the listing.
func TestAuditListFails(t *testing.T) {
	errList := errors.New("no more")
	d := &synthetic{n: 5}
	broken := func(yield func(*backend.Info, error) bool) {
		_ = yield(d.info(0), nil) && yield(nil, errList)
	}
	report, err := bulk.Audit(t.Context(), keyless(d), broken, nil)
	if !errors.Is(err, errList) || report.Total.Objects != 1 {
		t.Errorf("Audit = %v, total %+v; want the error of the listing and one object", err, report.Total)
	}
}

// TestAuditShards has three audits cover all objects, none twice.
func TestAuditShards(t *testing.T) {
	seen := make(map[string]int)
	for i := range 3 {
		d := &synthetic{n: 1000, closed: make(chan struct{})}
		b := keyless(d)
		opts := &bulk.AuditOptions{Options: bulk.Options{Shard: bulk.Shard{Index: i, Count: 3}}, OnObject: func(o *bulk.AuditObject) { seen[o.Key]++ }}
		if _, err := bulk.Audit(t.Context(), b, b.List(t.Context(), nil), opts); err != nil {
			t.Fatal(err)
		}
	}
	for key, n := range seen {
		if n != 1 {
			t.Errorf("%s: looked at %d times", key, n)
		}
	}
	if len(seen) != 1000 {
		t.Errorf("%d objects, want 1000", len(seen))
	}
}

// TestAuditJournal refuses what would make the report wrong.
func TestAuditJournal(t *testing.T) {
	b := keyless(&synthetic{})
	report, err := bulk.Audit(t.Context(), b, sequence(nil), &bulk.AuditOptions{Options: bulk.Options{Journal: new(bulk.Journal)}})
	if err == nil || report == nil {
		t.Errorf("Audit with a journal = %v, %v; want an error beside an empty report", report, err)
	}
}
