// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// TestDownloadSizes reads objects of all sizes around the block and the part, in
// parts of several sizes; small ones by one request.
func TestDownloadSizes(t *testing.T) {
	for _, p := range suites(t) {
		for _, n := range []int{0, 1, 16, 17, 31, 32, 33, 48, 63, 64, 65, 96, 97, 300} {
			data := pattern(n)
			f := backendtest.Faulty(stored(t, p, "key", data), backendtest.Faults{})
			for _, c := range []struct{ size, workers int }{{16, 3}, {17, 2}, {32, 1}, {48, 7}} {
				what := fmt.Sprintf("%s, len=%d, part=%d, %d at a time", p.name, n, c.size, c.workers)
				before := f.Gets()
				wantDownload(t, what, p, p.downloading(f, nil, backend.DownloadOptions{PartSize: int64(c.size), Concurrency: c.workers}), data)
				size := must(f.Stat(t.Context(), "key"))(t).Size
				part := (c.size + 15) / 16 * 16
				least, most := max(1, (n+part-1)/part), (int(size)+part-1)/part // by whether the trailer comes with a part
				if c.workers == 1 {
					least, most = 1, 1
				}
				if gets := f.Gets() - before; gets < 2*least || gets > 2*most {
					t.Errorf("%s: %d requests for two downloads, want 2 times %d to %d", what, gets, least, most)
				}
			}
			wantClosed(t, p.name, f)
		}
	}
}

// TestDownloadLarge reads 5 MiB in parts that all are cut at random bytes.
func TestDownloadLarge(t *testing.T) {
	const seed = 11
	data := pattern(5*mib + 7)
	for _, p := range suites(t) {
		store := stored(t, p, "key", data)
		random := rand.New(rand.NewPCG(seed, 0))
		var mu sync.Mutex
		var most, firsts int64 // bytes asked for; requests for any object
		d := &getDriver{Driver: store}
		d.hook = func(_ int, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
			mu.Lock()
			most = max(most, opts.Range.Length)
			if opts.IfMatch == "" {
				firsts++
			}
			if opts.IfMatch == "" && opts.Range.Offset > 0 {
				t.Errorf("%s: a request for %+v of any object", p.name, *opts.Range)
			}
			mu.Unlock()
			rc, info, err := store.Get(ctx, key, opts)
			if err != nil {
				return nil, nil, err
			}
			mu.Lock()
			defer mu.Unlock()
			return cutAt(rc, 1+random.Int64N(mib), io.ErrUnexpectedEOF), info, nil
		}
		for _, size := range []int64{mib, 700_000} {
			wantDownload(t, fmt.Sprintf("%s, part=%d", p.name, size), p, p.downloading(d, nil, soon(size)), data)
		}
		if n := d.open.Load(); n != 0 || most > mib+32 || firsts != 4 {
			t.Errorf("%s: %d bodies left open; asked for %d bytes at once, and %d times for any object", p.name, n, most, firsts)
		}
	}
}

// TestDownloadFlipped alters one bit of every part in turn, and of the tag.
func TestDownloadFlipped(t *testing.T) {
	for _, p := range suites(t) {
		if !p.authenticated() {
			continue
		}
		store := stored(t, p, "key", pattern(100))
		for at := int64(0); at < 116; at += 5 {
			d := &getDriver{Driver: store}
			d.hook = func(_ int, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
				var off int64
				if opts.Range != nil {
					off = opts.Range.Offset
				}
				return backendtest.Faulty(store, backendtest.Faults{GetFlip: 4, GetAt: at - off}).Get(ctx, key, opts)
			}
			what := fmt.Sprintf("%s, byte %d", p.name, at)
			b := p.downloading(d, nil, soon(32))
			wantErr(t, what, wantNothingLeft(t, what, b, t.Context()), envelope.ErrDecrypt)
			if _, err := b.GetToUnverified(t.Context(), "key", new(memory)); err != envelope.ErrDecrypt {
				t.Errorf("%s: GetToUnverified = %v, want ErrDecrypt alone", what, err)
			}
		}
	}
}

// TestDownloadReplaced replaces the object before each of the requests for its
// parts: none of them is of the new one.
func TestDownloadReplaced(t *testing.T) {
	data := pattern(200)
	for _, p := range suites(t) {
		for when := 1; when < 6; when++ {
			for _, name := range []string{"replaced", "deleted"} {
				store := stored(t, p, "key", data)
				var once sync.Once
				d := &getDriver{Driver: store}
				d.hook = func(i int, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
					if i >= when {
						once.Do(func() {
							// Another request may have noticed, and ended the download.
							ctx := context.WithoutCancel(ctx)
							err := store.Delete(ctx, key)
							if name == "replaced" {
								_, err = p.bucket(store).Put(ctx, key, bytes.NewReader(data), -1, nil)
							}
							if err != nil {
								t.Error(err)
							}
						})
					}
					return store.Get(ctx, key, opts)
				}
				what := fmt.Sprintf("%s: %s before request %d", p.name, name, when)
				wantErr(t, what, wantNothingLeft(t, what, p.downloading(d, nil, soon(32)), t.Context()), backend.ErrChanged)
				if n := d.open.Load(); n != 0 {
					t.Errorf("%s: %d bodies left open", what, n)
				}
			}
		}
	}
}

// TestDownloadStorage has a storage that does not keep to its contract.
func TestDownloadStorage(t *testing.T) {
	for _, p := range suites(t) {
		store := stored(t, p, "key", pattern(200))
		for name, c := range map[string]struct {
			faults backendtest.Faults
			want   error
		}{
			"ignores ranges": {backendtest.Faults{IgnoreRange: true}, backend.ErrSize},
			"goes on":        {backendtest.Faults{GetExtra: []byte{1}}, backend.ErrSize},
			"ends":           {backendtest.Faults{GetError: io.EOF, GetAt: 20}, backend.ErrSize},
			"is empty":       {backendtest.Faults{GetError: io.EOF}, backend.ErrSize},
			"fails":          {backendtest.Faults{GetError: errCustom, GetAt: 20}, errCustom},
			"breaks":         {backendtest.Faults{GetError: io.ErrUnexpectedEOF}, io.ErrUnexpectedEOF},
		} {
			f := backendtest.Faulty(store, c.faults)
			wantErr(t, p.name+": "+name, wantNothingLeft(t, name, p.downloading(f, nil, soon(32)), t.Context()), c.want)
			wantClosed(t, name, f)
		}
	}
}

// TestDownloadFirstError: what fails first ends the others, slow as they may be,
// and is the error.
func TestDownloadFirstError(t *testing.T) {
	p := profiles(t)[0]
	store := stored(t, p, "key", pattern(200))
	d := &getDriver{Driver: store}
	d.hook = func(i int, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
		rc, info, err := store.Get(ctx, key, opts)
		if err != nil {
			return nil, nil, err
		}
		if i == 2 {
			return cutAt(rc, 5, errCustom), info, nil
		}
		slow := readFunc(func([]byte) (int, error) { // the first body too
			<-ctx.Done()
			return 0, ctx.Err()
		})
		return struct {
			io.Reader
			io.Closer
		}{slow, rc}, info, nil
	}
	b := p.downloading(d, nil, soon(32))
	wantErr(t, "one fails", wantNothingLeft(t, "one fails", b, t.Context()), errCustom)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	wantErr(t, "cancelled", wantNothingLeft(t, "cancelled", b, ctx), context.DeadlineExceeded)
	if n := d.open.Load(); n != 0 {
		t.Errorf("%d bodies left open", n)
	}
}

// TestDownloadSlowPart: the others do not wait for a part that takes long.
func TestDownloadSlowPart(t *testing.T) {
	p := profiles(t)[0]
	data := pattern(200)
	store := stored(t, p, "key", data)
	d := &getDriver{Driver: store}
	others := make(chan struct{})
	d.hook = func(i int, ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
		if i == 5 {
			close(others) // 7 parts in all, the first of which comes with i == 0
		}
		if i == 1 {
			<-others
		}
		return store.Get(ctx, key, opts)
	}
	var m memory
	if _, err := p.downloading(d, nil, soon(32)).GetToUnverified(t.Context(), "key", &m); err != nil || !bytes.Equal(m.data, data) {
		t.Errorf("GetToUnverified = %v, %d bytes", err, len(m.data))
	}
}

func TestDownloadWriter(t *testing.T) {
	for _, p := range suites(t) {
		d := stored(t, p, "key", pattern(200))
		for _, size := range []int64{32, 1000} {
			f := backendtest.Faulty(d, backendtest.Faults{})
			b := p.downloading(f, nil, soon(size))
			for name, c := range map[string]struct {
				w    *memory
				want error
			}{
				"fails":       {&memory{err: errCustom}, errCustom},
				"says EOF":    {&memory{err: io.EOF}, io.EOF},
				"writes less": {&memory{short: true}, io.ErrShortWrite},
			} {
				_, err := b.GetToUnverified(t.Context(), "key", c.w)
				wantErr(t, fmt.Sprintf("%s: part=%d: a writer that %s", p.name, size, name), err, c.want)
			}
			wantClosed(t, p.name, f)
		}
	}
}

// TestDownloadDiskFull: the error of a full disk is passed on, and not mistaken
// for one that could pass.
func TestDownloadDiskFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	p := profiles(t)[0]
	f := backendtest.Faulty(stored(t, p, "key", pattern(200)), backendtest.Faults{})
	for _, size := range []int64{48, 1000} {
		b := p.downloading(f, nil, backend.DownloadOptions{PartSize: size, ResumePause: time.Hour})
		_, err := b.GetToUnverified(t.Context(), "key", full)
		wantErr(t, fmt.Sprintf("part=%d", size), err, syscall.ENOSPC)
	}
	wantClosed(t, "full disk", f)
}

// TestDownloadOwn: formats that have no parts yet are read by one request after
// the first.
func TestDownloadOwn(t *testing.T) {
	data := pattern(300_000)
	key := must(wrap.NewAESGCM(kek(32)))(t)
	f := backendtest.Faulty(mem.New(), backendtest.Faults{})
	b := backend.NewBucket(f, key, key, &backend.Options{Seal: envelope.SealOptions{Suite: envelope.Chunked}, Download: soon(32)})
	if _, err := b.Put(t.Context(), "key", bytes.NewReader(data), int64(len(data)), nil); err != nil {
		t.Fatal(err)
	}
	wantDownload(t, "Chunked", profile{suite: envelope.V3}, b, data)
	if f.Gets() != 4 {
		t.Errorf("%d requests for two downloads, want 4", f.Gets())
	}
}

// TestDownloadPlain reads objects without an envelope, and not unasked.
func TestDownloadPlain(t *testing.T) {
	store := mem.New()
	data := pattern(200)
	if _, err := store.Put(t.Context(), "key", bytes.NewReader(data), -1, &backend.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	plain := envelope.OpenOptions{AllowPlaintext: true}
	b := backend.NewBucket(store, nil, nil, &backend.Options{Open: plain, Download: soon(32)})
	wantDownload(t, "plaintext", profile{suite: envelope.V2CBC}, b, data)
	b = backend.NewBucket(store, nil, nil, &backend.Options{Download: soon(32)})
	wantErr(t, "unasked", wantNothingLeft(t, "unasked", b, t.Context()), envelope.ErrNotEncrypted)

	// A size that no file system has: the disk is full before anything comes.
	f := backendtest.Faulty(store, backendtest.Faults{Info: func(i *backend.Info) { i.Size = math.MaxInt64 }})
	b = backend.NewBucket(f, nil, nil, &backend.Options{Open: plain})
	wantNothingLeft(t, "too large", b, t.Context())
	wantClosed(t, "too large", f)
}

// TestDownloadOptions: odd values are as good as others.
func TestDownloadOptions(t *testing.T) {
	p := profiles(t)[0]
	data := pattern(100)
	d := stored(t, p, "key", data)
	for _, o := range []backend.DownloadOptions{
		{PartSize: 1, Concurrency: 100}, {PartSize: math.MaxInt64}, {PartSize: -1, Concurrency: -1, ResumePause: -1},
	} {
		wantDownload(t, fmt.Sprintf("%+v", o), p, p.downloading(d, nil, o), data)
	}
}

// TestDownloadErrors: what Get refuses, GetToUnverified does, and writes nothing.
func TestDownloadErrors(t *testing.T) {
	p := suites(t)[1]
	b := v3(t, stored(t, p, "key", pattern(100)))
	var m memory
	_, err := b.GetToUnverified(t.Context(), "none", &m)
	wantErr(t, "missing object", err, backend.ErrNotExist)
	_, err = b.GetToUnverified(t.Context(), "key", &m)
	wantErr(t, "not allowed", err, envelope.ErrPolicy)
	other := must(wrap.NewAESGCM(make([]byte, 32)))(t)
	b = backend.NewBucket(stored(t, profiles(t)[0], "key", pattern(100)), nil, other, nil)
	if _, err = b.GetToUnverified(t.Context(), "key", &m); err != envelope.ErrDecrypt {
		t.Errorf("another key: %v, want ErrDecrypt", err)
	}
	if m.writes > 0 {
		t.Errorf("%d writes", m.writes)
	}
}

// TestDownloadOld: a file that is there stays as it is, down to its name.
func TestDownloadOld(t *testing.T) {
	p := profiles(t)[0]
	f := backendtest.Faulty(stored(t, p, "key", pattern(200)), backendtest.Faults{GetFlip: 1})
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := p.downloading(f, nil, soon(32)).GetFile(t.Context(), "key", path)
	wantErr(t, "altered", err, envelope.ErrDecrypt)
	wantFile(t, dir, "out", "old")
}

// TestDownloadDescriptors: many downloads, good and bad, leave no open file.
func TestDownloadDescriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	p := profiles(t)[0]
	d := stored(t, p, "key", pattern(200))
	path := filepath.Join(t.TempDir(), "out")
	var counts []int
	for i := range 60 {
		f := backendtest.Faulty(d, backendtest.Faults{GetFlip: byte(i % 2), GetAt: 3})
		_, err := p.downloading(f, nil, soon(32)).GetFile(t.Context(), "key", path)
		if bad := i%2 == 1; bad != errors.Is(err, envelope.ErrDecrypt) {
			t.Fatalf("download %d: %v", i, err)
		}
		counts = append(counts, len(must(os.ReadDir("/proc/self/fd"))(t)))
	}
	if slices.Max(counts[50:]) > slices.Max(counts[:10]) {
		t.Errorf("open files: %v", counts)
	}
}
