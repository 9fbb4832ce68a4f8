// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
)

// bubble runs f where a goroutine that is left behind fails the test, and
// where waiting for ever is noticed at once.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// create begins an object and writes n bytes of it.
func create(t *testing.T, ctx context.Context, b *backend.Bucket, key string, n int) *backend.Writer {
	t.Helper()
	w, err := b.Create(ctx, key, nil)
	if err != nil {
		t.Fatalf("Create = %v", err)
	}
	if n, err := w.Write(pattern(n)); err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	return w
}

// TestWriterAbort gives up for every kind of reason, the worst being the two
// that io knows as ends of data.
func TestWriterAbort(t *testing.T) {
	for _, cause := range append([]error{nil, io.EOF, context.Canceled}, sourceErrors...) {
		for _, p := range suites(t) {
			for _, n := range []int{0, 1, 16, chunk, chunk + 1} {
				bubble(t, fmt.Sprintf("%v,%s,%d", cause, p.name, n), func(t *testing.T) {
					d := mem.New()
					w := create(t, t.Context(), p.bucket(d), "key", n)
					w.Abort(cause)
					wantNone(t, d, "key")
					wantAborted(t, w, cause)
					w.Abort(errCustom) // changes nothing
					wantAborted(t, w, cause)
					wantNone(t, d, "key")
				})
			}
		}
	}
}

func wantAborted(t *testing.T, w *backend.Writer, cause error) {
	t.Helper()
	for what, f := range map[string]func() error{
		"Close":    w.Close,
		"Write":    func() error { _, err := w.Write([]byte("x")); return err },
		"ReadFrom": func() error { _, err := w.ReadFrom(bytes.NewReader([]byte("x"))); return err },
	} {
		err := f()
		wantErr(t, what, err, backend.ErrAborted)
		if cause != nil {
			wantErr(t, what, err, cause)
		}
	}
	if w.Info() != nil {
		t.Errorf("Info = %+v after Abort", w.Info())
	}
}

func TestWriterClose(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		d := mem.New()
		b := v3(t, d)
		w := create(t, t.Context(), b, "key", 100)
		wantNone(t, d, "key")
		if w.Info() != nil {
			t.Error("Info before Close")
		}
		for range 2 {
			if err := w.Close(); err != nil {
				t.Fatalf("Close = %v", err)
			}
			w.Abort(nil)
			w.Abort(errCustom)
		}
		if _, err := w.Write([]byte("x")); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Write after Close = %v, want fs.ErrClosed", err)
		}
		if _, err := w.ReadFrom(iotest.ErrReader(errCustom)); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("ReadFrom after Close = %v, want fs.ErrClosed", err)
		}
		if err := w.Close(); err != nil {
			t.Errorf("Close after a late Write = %v", err)
		}
		if info := w.Info(); info == nil || info.PlaintextSizeMin != 100 || info.PlaintextSizeMax != 100 || info.Key != "key" {
			t.Errorf("Info = %+v", info)
		}
		wantObject(t, b, "key", pattern(100))
	})
}

// TestWriterReadFrom lets a source fail within ReadFrom. A Close that comes
// all the same must not make an object of the half.
func TestWriterReadFrom(t *testing.T) {
	for _, cause := range sourceErrors {
		for _, at := range []int{0, 10, chunk + 1} {
			bubble(t, fmt.Sprintf("%v,%d", cause, at), func(t *testing.T) {
				d := mem.New()
				w := create(t, t.Context(), v3(t, d), "key", 10)
				n, err := io.Copy(w, failAt(pattern(at), at, cause))
				wantErr(t, "ReadFrom", err, cause)
				if n != int64(at) {
					t.Errorf("ReadFrom = %d bytes, want %d", n, at)
				}
				wantAborted(t, w, cause)
				wantNone(t, d, "key")
			})
		}
	}
}

// TestWriterDriverError lets the storage fail before, while and after the
// plaintext is written: Write or else Close must say so, and go on saying so.
func TestWriterDriverError(t *testing.T) {
	for _, at := range []int64{0, 100, chunk, 2 * chunk, 4*chunk + 16} {
		bubble(t, fmt.Sprint(at), func(t *testing.T) {
			d := backendtest.Faulty(mem.New(), backendtest.Faults{PutError: errCustom, PutAt: at})
			w, err := v3(t, d).Create(t.Context(), "key", nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < 4 && err == nil; i++ {
				_, err = w.Write(pattern(chunk))
			}
			if err == nil {
				err = w.Close()
			}
			wantErr(t, "Write or Close", err, errCustom)
			_, again := w.Write([]byte("x"))
			if closed := w.Close(); again != err || closed != err {
				t.Errorf("then Write = %v, Close = %v, want %v", again, closed, err)
			}
			w.Abort(nil)
			wantNone(t, d, "key")
			if w.Info() != nil {
				t.Error("Info of a failed upload")
			}
		})
	}
}

// TestWriterCancel cancels the context while the writer is idle, while Write
// waits for the storage, and while Close does.
func TestWriterCancel(t *testing.T) {
	bubble(t, "idle", func(t *testing.T) {
		d := mem.New()
		ctx, cancel := context.WithCancel(t.Context())
		w := create(t, ctx, v3(t, d), "key", 100)
		cancel()
		synctest.Wait()
		_, err := w.Write([]byte("x"))
		wantErr(t, "Write", err, context.Canceled)
		wantErr(t, "Close", w.Close(), context.Canceled)
		wantNone(t, d, "key")
	})
	bubble(t, "idle and abandoned", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		create(t, ctx, v3(t, mem.New()), "key", 100)
		cancel() // is enough to free the goroutine
	})
	hang := func(t *testing.T, at int64) (*backendtest.FaultyDriver, *backend.Writer) {
		d := backendtest.Faulty(mem.New(), backendtest.Faults{PutHangs: true, PutAt: at})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		t.Cleanup(cancel)
		w, err := v3(t, d).Create(ctx, "key", nil)
		if err != nil {
			t.Fatal(err)
		}
		return d, w
	}
	bubble(t, "in Write", func(t *testing.T) {
		d, w := hang(t, chunk)
		var err error
		for err == nil {
			_, err = w.Write(pattern(chunk))
		}
		wantErr(t, "Write", err, context.DeadlineExceeded)
		wantErr(t, "Close", w.Close(), context.DeadlineExceeded)
		wantNone(t, d, "key")
	})
	bubble(t, "in Close", func(t *testing.T) {
		d, w := hang(t, 0)
		wantErr(t, "Close", w.Close(), context.DeadlineExceeded)
		wantNone(t, d, "key")
	})
}

// TestWriterAbortElsewhere aborts from another goroutine while Write waits for
// a storage that does not move.
func TestWriterAbortElsewhere(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		d := backendtest.Faulty(mem.New(), backendtest.Faults{PutHangs: true, PutAt: chunk})
		w, err := v3(t, d).Create(t.Context(), "key", nil)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			time.Sleep(time.Second)
			w.Abort(errCustom)
		})
		for err == nil {
			_, err = w.Write(pattern(chunk))
		}
		wantErr(t, "Write", err, errCustom)
		wg.Wait()
		wantAborted(t, w, errCustom)
		wantNone(t, d, "key")
	})
}

func TestWriterKeepsOldObject(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		b := v3(t, mem.New())
		old := pattern(77)
		if _, err := b.Put(t.Context(), "key", bytes.NewReader(old), 77, nil); err != nil {
			t.Fatal(err)
		}
		create(t, t.Context(), b, "key", 1000).Abort(errCustom)
		wantObject(t, b, "key", old)
		w := create(t, t.Context(), b, "key", 1000)
		wantObject(t, b, "key", old)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		wantObject(t, b, "key", pattern(1000))
	})
}
