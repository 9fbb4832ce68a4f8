// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/s3seal/s3seal/backend"
)

// numbered returns version i of an object: body, length and metadata all
// depend on i, so that a mix of two versions shows.
func numbered(i int) version {
	return version{pattern(uint64(1000+i), 40_000+i), map[string]string{"number": strconv.Itoa(i)}}
}

// wantWhole fails the test unless got is one of the numbered versions as a
// whole. It returns which.
func (e *env) wantWhole(got version) int {
	e.Helper()
	i, err := strconv.Atoi(got.meta["number"])
	if err != nil {
		e.Errorf("metadata of no version: %v", got.meta)
		return -1
	}
	if !bytes.Equal(got.data, numbered(i).data) {
		e.Errorf("metadata of version %d with another body (%d bytes)", i, len(got.data))
	}
	return i
}

// concurrentPuts lets many writers meet under one key: one of them wins.
func concurrentPuts(e *env) {
	const writers = 8
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			v := numbered(i)
			size := int64(len(v.data))
			if i%2 == 1 {
				size = -1
			}
			opts := &backend.PutOptions{Metadata: v.meta}
			if _, err := e.d.Put(e.ctx, "race", bytes.NewReader(v.data), size, opts); err != nil {
				e.Errorf("Put of version %d = %v", i, err)
			}
		})
	}
	wg.Wait()
	got, _, err := e.get("race", backend.GetOptions{})
	if err != nil {
		e.Fatalf("Get = %v", err)
	}
	e.wantWhole(got)
	e.wantClean()
}

// concurrentKeys uses one driver from many goroutines, each with its own key.
func concurrentKeys(e *env) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			key := fmt.Sprintf("many/%d", i)
			v := numbered(i)
			if _, err := e.d.Put(e.ctx, key, bytes.NewReader(v.data), -1, &backend.PutOptions{Metadata: v.meta}); err != nil {
				e.Errorf("Put(%q) = %v", key, err)
				return
			}
			got, _, err := e.get(key, backend.GetOptions{})
			if err != nil {
				e.Errorf("Get(%q) = %v", key, err)
				return
			}
			if n := e.wantWhole(got); n != i {
				e.Errorf("Get(%q) is version %d, want %d", key, n, i)
			}
			if err := e.d.Delete(e.ctx, key); err != nil {
				e.Errorf("Delete(%q) = %v", key, err)
			}
		})
	}
	wg.Wait()
}

// readersDuringReplace reads while the object is being replaced: a reader
// sees the old version or the new one, never a mix and never none.
func readersDuringReplace(e *env) {
	const versions, readers = 20, 3
	e.put("busy", numbered(0))
	ctx, cancel := context.WithCancel(e.ctx)
	reads := make(chan struct{}, readers)
	var wg sync.WaitGroup
	defer wg.Wait() // also if a put ends the test
	defer cancel()
	for range readers {
		wg.Go(func() {
			for last := 0; ctx.Err() == nil; {
				got, _, err := e.get("busy", backend.GetOptions{})
				if err != nil {
					e.Errorf("Get during replacement = %v", err)
					return
				}
				i := e.wantWhole(got)
				if i < last {
					e.Errorf("version %d was read after version %d", i, last)
				}
				last = i
				select {
				case reads <- struct{}{}:
				default:
				}
			}
		})
	}
	for i := 1; i <= versions && !e.Failed(); i++ {
		e.put("busy", numbered(i))
		select { // a storage that is very fast would leave no time for reads
		case <-reads:
		case <-time.After(time.Second):
		}
	}
	cancel()
	wg.Wait()
	if !e.Failed() {
		e.want("busy", numbered(versions))
	}
}

// replaceDuringRead replaces and then deletes the object while a body is half
// read: the rest must be of the version that was opened.
func replaceDuringRead(e *env) {
	const n = 2 << 20
	old := version{pattern(51, n), nil}
	e.put("half", old)
	rc, _, err := e.d.Get(e.ctx, "half", &backend.GetOptions{})
	if err != nil {
		e.Fatalf("Get = %v", err)
	}
	defer rc.Close()
	got := make([]byte, 100)
	if _, err := io.ReadFull(rc, got); err != nil {
		e.Fatalf("first read = %v", err)
	}
	e.put("half", version{pattern(52, n), nil})
	if err := e.d.Delete(e.ctx, "half"); err != nil {
		e.Fatalf("Delete = %v", err)
	}
	rest, err := io.ReadAll(rc)
	got = append(got, rest...)
	if !bytes.HasPrefix(old.data, got) {
		e.Errorf("read of a replaced object: bytes of another version (%d read)", len(got))
	}
	// The storage may give up on the old version, but must say so.
	if err == nil && len(got) != n {
		e.Errorf("read of a replaced object: clean end after %d of %d bytes", len(got), n)
	}
}

// closeEarly closes bodies that have not been read to the end.
func closeEarly(e *env) {
	const n = 1 << 20
	v := version{pattern(53, n), nil}
	e.put("early", v)
	for _, read := range []int64{0, 1, n / 2, n} {
		rc, _, err := e.d.Get(e.ctx, "early", &backend.GetOptions{})
		if err != nil {
			e.Fatalf("Get = %v", err)
		}
		if _, err := io.CopyN(io.Discard, rc, read); err != nil {
			e.Fatalf("read of %d bytes = %v", read, err)
		}
		if err := rc.Close(); err != nil {
			e.Errorf("Close after %d bytes = %v", read, err)
		}
		if n, err := rc.Read(make([]byte, 1)); n > 0 || err == nil {
			e.Errorf("Read after Close = %d, %v", n, err)
		}
	}
	e.want("early", v)
}

// goroutines does everything that might leave one behind often enough that a
// leak stands out from the idle connections of a transport.
func goroutines(e *env) {
	const rounds, slack = 25, 10
	v := version{pattern(54, 100_000), nil}
	round := func() {
		e.put("routine", v)
		e.tryPut(e.ctx, "routine", failing(v.data, errCustom), -1, nil)
		e.tryPut(e.ctx, "routine", newBody(v.data), 5, nil)
		ctx, cancel := context.WithCancel(e.ctx)
		b := newBody(v.data)
		b.hook = func(int) { cancel() }
		e.tryPut(ctx, "routine", b, -1, nil)
		cancel()
		rc, _, err := e.d.Get(e.ctx, "routine", &backend.GetOptions{})
		if err != nil {
			e.Fatalf("Get = %v", err)
		}
		io.CopyN(io.Discard, rc, 10)
		rc.Close()
		if _, _, err := e.get("nothing", backend.GetOptions{}); !errors.Is(err, backend.ErrNotExist) {
			e.Fatalf("Get of nothing = %v", err)
		}
	}
	round()
	base := runtime.NumGoroutine()
	for range rounds {
		round()
	}
	now := 0
	for range 100 {
		if now = runtime.NumGoroutine(); now <= base+slack {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	e.Errorf("%d goroutines after %d rounds, %d before", now, rounds, base)
}
