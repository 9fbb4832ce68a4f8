// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
)

// A counting driver counts requests, and the bytes that were asked for.
type counting struct {
	backend.Driver
	stats, gets, bytes atomic.Int64
}

func (d *counting) Stat(ctx context.Context, key string) (*backend.Info, error) {
	d.stats.Add(1)
	return d.Driver.Stat(ctx, key)
}

func (d *counting) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	d.gets.Add(1)
	if opts.Range != nil {
		d.bytes.Add(opts.Range.Length)
	}
	return d.Driver.Get(ctx, key, opts)
}

// want fails the test unless there were at most that many requests since the
// last call.
func (d *counting) want(t *testing.T, what string, stats, gets, size int64) {
	t.Helper()
	if s, g, b := d.stats.Swap(0), d.gets.Swap(0), d.bytes.Swap(0); s > stats || g > gets || b > size {
		t.Errorf("%s: %d stats, %d gets of %d bytes, want at most %d, %d, %d", what, s, g, b, stats, gets, size)
	}
}

// storedOwn stores data in a format of s3seal's own.
func storedOwn(t testing.TB, suite envelope.Suite, data []byte) *mem.Driver {
	t.Helper()
	d := mem.New()
	must(backend.NewBucket(d, gcmKey(t), nil, ownOptions(suite)).Put(t.Context(), "k", bytes.NewReader(data), int64(len(data)), nil))(t)
	return d
}

func readerAt(t testing.TB, d backend.Driver) *backend.ReaderAt {
	t.Helper()
	r := must(backend.NewBucket(d, nil, gcmKey(t), ownOptions(envelope.Chunked)).ReaderAt(t.Context(), "k"))(t)
	t.Cleanup(func() { r.Close() })
	return r
}

// checkReadAt compares one read with data.
func checkReadAt(t testing.TB, r io.ReaderAt, data []byte, off, n int) {
	t.Helper()
	want := data[min(off, len(data)):min(off+n, len(data))]
	p := make([]byte, n)
	m, err := r.ReadAt(p, int64(off))
	if m != len(want) || !bytes.Equal(p[:m], want) || (m < n) != (err == io.EOF) || m == n && err != nil {
		t.Errorf("ReadAt of %d at %d = %d, %v, or other bytes; want %d", n, off, m, err, len(want))
	}
}

// TestReaderAt reads around every border, and the whole.
func TestReaderAt(t *testing.T) {
	for _, suite := range ownSuites() {
		for _, size := range []int{0, 1, 16384, 65535, 131_072, 2<<20 + 5} {
			t.Run(fmt.Sprintf("%v,size=%d", suite, size), func(t *testing.T) {
				data := pattern(size)
				r := readerAt(t, storedOwn(t, suite, data))
				if r.Size() != int64(size) || !r.Authenticated() || r.Info().Header.Suite != suite {
					t.Errorf("Size = %d, authenticated %v, %v", r.Size(), r.Authenticated(), r.Info().Header)
				}
				if size == 1 || size == 16384 && suite == envelope.Chunked { // it reads byte by byte
					if err := iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), data); err != nil {
						t.Error(err)
					}
				}
				for _, off := range []int{0, 1, 16383, 16384, 65535, 65536, 1<<20 - 1, 1 << 20, size - 1, size, size + 1} {
					for _, n := range []int{0, 1, 16384, 65537, size + 1} {
						if off >= 0 && off <= size && (n > 0 || off < size) {
							checkReadAt(t, r, data, off, n)
						}
					}
				}
			})
		}
	}
}

// TestReaderAtRequests counts requests, and that no more is fetched than that.
func TestReaderAtRequests(t *testing.T) {
	data := pattern(8 << 20)
	for _, suite := range ownSuites() {
		c := &counting{Driver: storedOwn(t, suite, data)}
		r := readerAt(t, c)
		c.want(t, "open", 1, 2, 66_000)
		rng := rand.New(rand.NewPCG(1, 2))
		for _, i := range rng.Perm(16) {
			off := i*(512<<10) + 10_000
			checkReadAt(t, r, data, off, 64<<10)
			c.want(t, fmt.Sprintf("random 64 KiB at %d", off), 0, 1, 200_000)
			checkReadAt(t, r, data, off+5, 1000)
			c.want(t, "again", 0, 0, 0)
		}
		checkReadAt(t, r, data, len(data)-1000, 1000)
		c.want(t, "the end", 0, 1, 140_000)
		checkReadAt(t, readerAt(t, c), data, 100, len(data)-100)
		c.want(t, "open, and all in one call", 1, 3, 9<<20)
		if err := fsCompare(io.NewSectionReader(readerAt(t, c), 0, int64(len(data))), data, 4096); err != nil {
			t.Error(err)
		}
		c.want(t, "open, and all in order", 1, 2+14, 9<<20)
	}
	small := &counting{Driver: storedOwn(t, envelope.Chunked, pattern(100_000))}
	r := readerAt(t, small)
	checkReadAt(t, r, pattern(100_000), 50_000, 50_000)
	small.want(t, "small object", 1, 1, 101_000)
}

// fsCompare reads r in small steps.
func fsCompare(r io.Reader, want []byte, step int) error {
	p := make([]byte, step)
	for n := 0; ; {
		m, err := io.ReadFull(r, p)
		if !bytes.Equal(p[:m], want[n:min(n+m, len(want))]) {
			return fmt.Errorf("other bytes at %d", n)
		}
		if n += m; err != nil {
			if n != len(want) || err != io.EOF && err != io.ErrUnexpectedEOF {
				return fmt.Errorf("%d bytes and %w, want %d", n, err, len(want))
			}
			return nil
		}
	}
}

// TestReaderAtConcurrent: many readers at once get the right bytes.
func TestReaderAtConcurrent(t *testing.T) {
	data := pattern(4 << 20)
	for _, suite := range ownSuites() {
		r := readerAt(t, storedOwn(t, suite, data))
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(i), 0))
				for range 20 {
					checkReadAt(t, r, data, rng.IntN(len(data)), 1+rng.IntN(200_000))
				}
				checkReadAt(t, r, data, i*1000, 2<<20)
			})
		}
		wg.Wait()
	}
}

// TestReaderAtTampered: whatever was altered is ErrDecrypt, at once or where it
// is read; no byte of it is returned, and another read is not harmed.
func TestReaderAtTampered(t *testing.T) {
	data := pattern(500_000)
	for _, suite := range ownSuites() {
		d := storedOwn(t, suite, data)
		whole, meta := []byte(body(t, d, "k")), must(d.Stat(t.Context(), "k"))(t).Metadata
		b := backend.NewBucket(d, nil, gcmKey(t), ownOptions(suite))
		for name, altered := range map[string][]byte{
			"nothing":       nil,
			"cut":           whole[:len(whole)-1],
			"cut to a step": whole[:len(whole)/2],
			"longer":        append(bytes.Clone(whole), 0),
			"another end":   flip(whole, len(whole)-1),
		} {
			raw(t, d, "k", string(altered), meta)
			if _, err := b.ReaderAt(t.Context(), "k"); err != envelope.ErrDecrypt {
				t.Errorf("%v: %s: %v, want ErrDecrypt", suite, name, err)
			}
		}
		raw(t, d, "k", string(flip(whole, 200_000)), meta)
		r := readerAt(t, d)
		for range 2 {
			p := make([]byte, 300_000)
			n, err := r.ReadAt(p, 100_000)
			if err != envelope.ErrDecrypt || !bytes.Equal(p[:n], data[100_000:100_000+n]) || bytes.ContainsFunc(p[n:], func(c rune) bool { return c != 0 }) {
				t.Errorf("%v: over the altered byte: %d bytes, %v, want ErrDecrypt and nothing behind them", suite, n, err)
			}
			checkReadAt(t, r, data, 300_000, 200_000)
		}
	}
}

// flip returns b with one bit of byte i changed.
func flip(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 4
	return b
}

// TestReaderAtFlipOnce: storage that was wrong once can be asked again.
func TestReaderAtFlipOnce(t *testing.T) {
	for _, c := range []struct {
		size    int
		at, off int64 // of the body, of the plaintext
	}{
		{2 << 20, 50, 100_000},
		{60_000, 20_000, 18_000}, // the whole of a small object is there at once
	} {
		data := pattern(c.size)
		d := storedOwn(t, envelope.Chunked, data)
		wrong := backendtest.Faulty(d, backendtest.Faults{GetFlip: 1, GetAt: c.at})
		f := &switching{now: d}
		if c.size < 100_000 {
			f.set(wrong)
		}
		r := readerAt(t, f)
		f.set(wrong)
		if n, err := r.ReadAt(make([]byte, 10), c.off); n != 0 || err != envelope.ErrDecrypt {
			t.Errorf("ReadAt = %d, %v, want ErrDecrypt", n, err)
		}
		f.set(d)
		checkReadAt(t, r, data, int(c.off), 10)
		checkReadAt(t, r, data, 0, c.size)
	}
}

// A switching driver can become another one.
type switching struct {
	mu  sync.Mutex
	now backend.Driver
}

func (s *switching) set(d backend.Driver) { s.mu.Lock(); s.now = d; s.mu.Unlock() }

func (s *switching) get() backend.Driver { s.mu.Lock(); defer s.mu.Unlock(); return s.now }

func (s *switching) Stat(ctx context.Context, key string) (*backend.Info, error) {
	return s.get().Stat(ctx, key)
}

func (s *switching) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	return s.get().Get(ctx, key, opts)
}

func (s *switching) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	return s.get().Put(ctx, key, body, size, opts)
}

func (s *switching) Delete(ctx context.Context, key string) error { return s.get().Delete(ctx, key) }

// TestReaderAtChanged: an object that was replaced or deleted is ErrChanged for
// all that is not there yet.
func TestReaderAtChanged(t *testing.T) {
	data := pattern(2 << 20)
	for _, suite := range ownSuites() {
		d := storedOwn(t, suite, data)
		r := readerAt(t, d)
		must(backend.NewBucket(d, gcmKey(t), nil, ownOptions(suite)).Put(t.Context(), "k", bytes.NewReader(data), -1, nil))(t)
		n, err := r.ReadAt(make([]byte, 10), 0)
		wantErr(t, "replaced", err, backend.ErrChanged)
		if err := d.Delete(t.Context(), "k"); err != nil || n != 0 {
			t.Errorf("%d bytes, Delete = %v", n, err)
		}
		_, err = r.ReadAt(make([]byte, 10), 0)
		wantErr(t, "deleted", err, backend.ErrChanged)
		_, err = backend.NewBucket(d, nil, gcmKey(t), nil).ReaderAt(t.Context(), "k")
		wantErr(t, "not there", err, backend.ErrNotExist)
	}
}

// TestReaderAtOver: after the context is done, and after Close, nothing is read.
func TestReaderAtOver(t *testing.T) {
	d := storedOwn(t, envelope.Chunked, pattern(2<<20))
	ctx, cancel := context.WithCancel(t.Context())
	b := backend.NewBucket(d, nil, gcmKey(t), nil)
	r := must(b.ReaderAt(ctx, "k"))(t)
	cancel()
	_, err := r.ReadAt(make([]byte, 10), 0)
	wantErr(t, "cancelled", err, context.Canceled)

	f := backendtest.Faulty(d, backendtest.Faults{})
	r = readerAt(t, f)
	checkReadAt(t, r, pattern(2<<20), 0, 100)
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	n, err := r.ReadAt(make([]byte, 10), 0)
	wantErr(t, "closed", err, fs.ErrClosed)
	if n != 0 {
		t.Errorf("%d bytes after Close", n)
	}
	wantClosed(t, "reader", f)
	if _, err := r.ReadAt(nil, -1); !errors.Is(err, backend.ErrRange) {
		t.Errorf("negative offset: %v", err)
	}
}

// TestReaderAtUnauthenticated: other formats need an option, before a key is
// used, and never count as authenticated.
func TestReaderAtUnauthenticated(t *testing.T) {
	for _, size := range []int{1, 16, 100_000, 2<<20 + 3} {
		data := pattern(size)
		for _, p := range suites(t) {
			c := &counting{Driver: stored(t, p, "key", data)}
			opts := everything(nil)
			opts.AllowUnauthenticatedRanges = false
			_, err := backend.NewBucket(c, nil, nil, &backend.Options{Open: opts}).ReaderAt(t.Context(), "key")
			wantErr(t, p.name, err, envelope.ErrPolicy)
			c.want(t, p.name, 1, 0, 0)

			r := must(p.opening(c, nil).ReaderAt(t.Context(), "key"))(t)
			if r.Size() != int64(size) || r.Authenticated() {
				t.Errorf("%s: Size = %d, authenticated %v, want %d", p.name, r.Size(), r.Authenticated(), size)
			}
			c.want(t, p.name+": open", 1, 1, 130_000)
			checkReadAt(t, r, data, 0, min(size, 65_536))
			c.want(t, p.name+": 64 KiB", 0, 1, 66_000)
			checkReadAt(t, r, data, size/2, size)
			checkReadAt(t, r, data, size-1, 1)
			r.Close()
		}
	}
	d := mem.New()
	raw(t, d, "k", "plain", nil)
	_, err := v3(t, d).ReaderAt(t.Context(), "k")
	wantErr(t, "plain", err, envelope.ErrNotEncrypted)
	r := must(backend.NewBucket(d, nil, nil, &backend.Options{Open: envelope.OpenOptions{AllowPlaintext: true}}).ReaderAt(t.Context(), "k"))(t)
	checkReadAt(t, r, []byte("plain"), 1, 10)
	if r.Authenticated() {
		t.Error("plain content counts as authenticated")
	}
}

// TestReaderAtBound: the names are those that were asked for.
func TestReaderAtBound(t *testing.T) {
	eachOwn(t, func(t *testing.T, opts *backend.Options) {
		d := mem.New()
		b := backend.NewBucket(d, gcmKey(t), gcmKey(t), opts)
		must(b.Put(t.Context(), "k", bytes.NewReader(pattern(100)), -1, nil))(t)
		r := must(b.ReaderAt(t.Context(), "k"))(t)
		checkReadAt(t, r, pattern(100), 10, 50)
		r.Close()
		if !opts.Bind {
			return
		}
		other := *opts
		other.Name = "other"
		if _, err := backend.NewBucket(d, nil, gcmKey(t), &other).ReaderAt(t.Context(), "k"); err != envelope.ErrDecrypt {
			t.Errorf("of another bucket: %v, want ErrDecrypt", err)
		}
	})
}
