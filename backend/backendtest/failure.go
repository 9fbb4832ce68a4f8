// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/s3seal/s3seal/backend"
)

// missing asks for what is not there.
func missing(e *env) {
	for _, key := range []string{"missing", "deep/er/missing"} {
		e.wantNone(key)
		if err := e.d.Delete(e.ctx, key); err != nil && !errors.Is(err, backend.ErrNotExist) {
			e.Errorf("Delete(%q) = %v, want nil or ErrNotExist", key, err)
		}
	}
}

// deleteObject removes an object; another one beside it stays.
func deleteObject(e *env) {
	v := version{pattern(31, 100), map[string]string{"name": "value"}}
	e.put("delete/this", v)
	e.put("delete/that", v)
	if err := e.d.Delete(e.ctx, "delete/this"); err != nil {
		e.Fatalf("Delete = %v", err)
	}
	e.wantNone("delete/this")
	e.want("delete/that", v)
	if err := e.d.Delete(e.ctx, "delete/this"); err != nil && !errors.Is(err, backend.ErrNotExist) {
		e.Errorf("second Delete = %v, want nil or ErrNotExist", err)
	}
	bare := version{pattern(32, 10), nil}
	e.put("delete/this", bare) // metadata of the deleted object must not come back
	e.want("delete/this", bare)
	e.wantClean()
}

// wantRefused puts a body that must fail with target, once where there is no
// object and once over an existing one, and checks that nothing has changed.
func (e *env) wantRefused(ctx context.Context, what string, make func() *body, size int64, target error) {
	e.Helper()
	old := version{pattern(33, 777), map[string]string{"version": "old"}}
	e.put("refused/old", old)
	for _, key := range []string{"refused/none", "refused/old"} {
		_, err := e.tryPut(ctx, key, make(), size, map[string]string{"version": "new"})
		e.wantErr(fmt.Sprintf("%s: Put(%q, size %d)", what, key, size), err, target)
	}
	e.wantNone("refused/none")
	e.want("refused/old", old)
	e.wantClean()
}

// sizeTooSmall declares fewer bytes than the body has. The sizes include the
// multiples at which uploads in parts are known to cut silently.
func sizeTooSmall(e *env) {
	for _, size := range []int{0, 1, 16, 4101, 5 << 20, 8 << 20, 16 << 20} {
		for _, more := range []int{1, 4096} {
			e.run(fmt.Sprintf("size=%d,more=%d", size, more), func(e *env) {
				e.large(int64(size))
				if size > 1<<20 && more > 1 {
					e.Skip("one byte more is the harder case")
				}
				data := pattern(34, size+more)
				e.wantRefused(e.ctx, "too long", func() *body { return newBody(data) }, int64(size), backend.ErrSize)
			})
		}
	}
}

// sizeTooLarge declares more bytes than the body has.
func sizeTooLarge(e *env) {
	for _, n := range []int{0, 1, 16, 4101, 5 << 20, 16 << 20} {
		for _, less := range []int{1, 4096} {
			e.run(fmt.Sprintf("len=%d,less=%d", n, less), func(e *env) {
				e.large(int64(n))
				if n > 1<<20 && less > 1 {
					e.Skip("one byte less is the harder case")
				}
				data := pattern(35, n)
				e.wantRefused(e.ctx, "too short", func() *body { return newBody(data) }, int64(n+less), backend.ErrSize)
			})
		}
	}
}

// sizeInvalid declares a size that is none. Which error it gives is not
// promised.
func sizeInvalid(e *env) {
	if _, err := e.tryPut(e.ctx, "negative", newBody([]byte("x")), -2, nil); err == nil {
		e.Error("Put(size -2) = nil, want an error")
	}
	e.wantNone("negative")
	e.wantClean()
}

// sourceErrors are what a body may fail with. A bare io.ErrUnexpectedEOF is
// what an HTTP body and io.ReadFull return for truncated data; transports
// that take it for the end store a truncated object and call it success.
var sourceErrors = map[string]error{
	"bare unexpected EOF":    io.ErrUnexpectedEOF,
	"wrapped unexpected EOF": fmt.Errorf("gzip: %w", io.ErrUnexpectedEOF),
	"wrapped EOF":            fmt.Errorf("tar: %w", io.EOF),
	"custom":                 errCustom,
	"closed pipe":            io.ErrClosedPipe,
	"context of another":     context.Canceled,
}

// sourceError lets bodies fail at various bytes, with the size declared and
// not, as the first thing and after the last byte.
func sourceError(e *env) {
	for name, cause := range sourceErrors {
		for _, n := range []int{0, 1, 4096, 300_000} {
			for _, size := range []int64{-1, int64(n), int64(n) + 5000} {
				e.run(fmt.Sprintf("%s,at=%d,size=%d", name, n, size), func(e *env) {
					data := pattern(36, n)
					_, err := e.tryPut(e.ctx, "source", failing(data, cause), size, nil)
					e.wantErr("Put", err, cause)
					e.wantNone("source")
				})
			}
		}
	}
	e.wantClean()
}

// sourceErrorOnReplace lets bodies fail where an upload in parts has sent
// some of them already, and over an existing object.
func sourceErrorOnReplace(e *env) {
	for _, cause := range []error{io.ErrUnexpectedEOF, errCustom} {
		for _, n := range []int{100, 5 << 20, 17<<20 + 1} {
			for _, size := range []int64{-1, 18 << 20} {
				e.run(fmt.Sprintf("%v,at=%d,size=%d", cause, n, size), func(e *env) {
					e.large(int64(n))
					if n > 1<<20 && cause != io.ErrUnexpectedEOF {
						e.Skip("the bare error is the harder case")
					}
					data := pattern(37, n)
					e.wantRefused(e.ctx, "failing source", func() *body { return failing(data, cause) }, size, cause)
				})
			}
		}
	}
}

// cancelledBefore calls every method with a context that is done already.
func cancelledBefore(e *env) {
	v := version{pattern(38, 100), nil}
	e.put("cancelled", v)
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	_, err := e.tryPut(ctx, "cancelled", newBody([]byte("new")), 3, nil)
	e.wantErr("Put", err, context.Canceled)
	_, err = e.tryPut(ctx, "fresh", newBody(nil), 0, nil)
	e.wantErr("Put of nothing", err, context.Canceled)
	rc, _, err := e.d.Get(ctx, "cancelled", &backend.GetOptions{})
	e.wantErr("Get", err, context.Canceled)
	if err == nil {
		rc.Close()
	}
	_, err = e.d.Stat(ctx, "cancelled")
	e.wantErr("Stat", err, context.Canceled)
	e.wantErr("Delete", e.d.Delete(ctx, "cancelled"), context.Canceled)
	e.want("cancelled", v)
	e.wantNone("fresh")
	e.wantClean()
}

// cancelledDuringPut cancels while the body is being read. The body goes on
// delivering: it is Put that must stop.
func cancelledDuringPut(e *env) {
	for _, at := range []int{0, 100_000, 6 << 20} {
		for _, size := range []int64{-1, 24 << 20} {
			e.run(fmt.Sprintf("at=%d,size=%d", at, size), func(e *env) {
				e.large(int64(at))
				old := version{pattern(39, 50), nil}
				e.put("cancel", old)
				ctx, cancel := context.WithCancel(e.ctx)
				defer cancel()
				b := newBody(pattern(40, 24<<20))
				b.chunk = 1 << 16
				b.hook = func(n int) {
					if n >= at {
						cancel()
					}
				}
				_, err := e.tryPut(ctx, "cancel", b, size, nil)
				e.wantErr("Put", err, context.Canceled)
				if b.off > at+18<<20 {
					e.Errorf("Put read %d bytes more after ctx was done", b.off-at)
				}
				e.want("cancel", old)
				e.wantClean()
			})
		}
	}
}

// cancelledDuringGet cancels while a body is being read: it must not end as
// if it were complete, nor go on.
func cancelledDuringGet(e *env) {
	const n = 17<<20 + 1
	e.large(n)
	e.put("long", version{pattern(41, n), nil})
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	rc, _, err := e.d.Get(ctx, "long", &backend.GetOptions{})
	if err != nil {
		e.Fatalf("Get = %v", err)
	}
	defer rc.Close()
	if _, err := io.ReadFull(rc, make([]byte, 1000)); err != nil {
		e.Fatalf("first read = %v", err)
	}
	cancel()
	_, err = io.Copy(io.Discard, rc)
	e.wantErr("read after cancel", err, context.Canceled)
}

// deadline lets a put run into its deadline.
func deadline(e *env) {
	ctx, cancel := context.WithTimeout(e.ctx, 20*time.Millisecond)
	defer cancel()
	b := newBody(pattern(42, 1<<20))
	b.chunk = 4096
	b.hook = func(n int) {
		if n >= 64<<10 {
			<-ctx.Done()
		}
	}
	_, err := e.tryPut(ctx, "deadline", b, -1, nil)
	e.wantErr("Put", err, context.DeadlineExceeded)
	e.wantNone("deadline")
	e.wantClean()
}
