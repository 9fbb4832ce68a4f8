// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
)

// A stepped driver waits for its turn before each call.
type stepped struct {
	backend.Driver
	turn chan struct{} // a value is one call
	idle chan bool     // true: waits for its turn; false: has ended
}

func (d *stepped) step() {
	d.idle <- true
	<-d.turn
}

func (d *stepped) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	d.step()
	return d.Driver.Put(ctx, key, body, size, opts)
}

func (d *stepped) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	d.step()
	return d.Driver.Get(ctx, key, opts)
}

func (d *stepped) Stat(ctx context.Context, key string) (*backend.Info, error) {
	d.step()
	return d.Driver.Stat(ctx, key)
}

// schedule runs both functions, one call of a driver at a time. order says for
// each step at which both could go on which one does; where it ends, the first.
// It returns what was decided in all.
func schedule(store backend.Driver, order []int, fs [2]func(backend.Driver)) (taken []int) {
	var ds [2]*stepped
	var alive [2]bool
	for i, f := range fs {
		ds[i] = &stepped{store, make(chan struct{}), make(chan bool)}
		go func() {
			f(ds[i])
			ds[i].idle <- false
		}()
		alive[i] = <-ds[i].idle
	}
	for alive[0] || alive[1] {
		next := 0
		switch {
		case !alive[0]:
			next = 1
		case alive[1]:
			if len(taken) < len(order) {
				next = order[len(taken)]
			}
			taken = append(taken, next)
		}
		ds[next].turn <- struct{}{}
		alive[next] = <-ds[next].idle
	}
	return taken
}

// following returns the next order after taken, or nil after the last.
func following(taken []int) []int {
	for i := len(taken) - 1; i >= 0; i-- {
		if taken[i] == 0 {
			return append(append([]int(nil), taken[:i]...), 1)
		}
	}
	return nil
}

// A simple driver is for a storage without conditions.
type simple struct{ backend.Driver }

func (d simple) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	if opts.Conditional() {
		return nil, errors.ErrUnsupported
	}
	return d.Driver.Put(ctx, key, body, size, opts)
}

// A broken driver cannot store the object.
type broken struct{ backend.Driver }

func (d broken) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	if key == "a" {
		return nil, errCustom
	}
	return d.Driver.Put(ctx, key, body, size, opts)
}

// TestSidecarInterleaved runs two first puts of one key in every order of their
// requests. Each of them succeeds or says that it was overtaken, and the object
// that is there in the end can be read. Where the storage has conditions, that
// is so even if one of them fails to store its object.
func TestSidecarInterleaved(t *testing.T) {
	for name, c := range map[string]struct {
		store  func(backend.Driver) backend.Driver
		second func(backend.Driver) backend.Driver
		fails  bool
		orders int
	}{
		"conditions":         {asIs, asIs, false, 20},
		"no conditions":      {func(d backend.Driver) backend.Driver { return simple{d} }, asIs, false, 100},
		"conditions, broken": {asIs, func(d backend.Driver) backend.Driver { return broken{d} }, true, 10},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			for order := []int{}; order != nil; n++ {
				order = sidecarPutsMeet(t, order, c.store(mem.New()), c.second, c.fails)
			}
			if n < c.orders {
				t.Errorf("%d orders, want more", n)
			}
		})
	}
}

func asIs(d backend.Driver) backend.Driver { return d }

// sidecarPutsMeet runs two first puts in one order and returns the next one.
func sidecarPutsMeet(t *testing.T, order []int, store backend.Driver, second func(backend.Driver) backend.Driver, fails bool) []int {
	t.Helper()
	data := [2][]byte{pattern(100), pattern(200)}
	client := newCountingKMS(t)
	var errs [2]error
	put := func(i int, d backend.Driver) {
		b := sidecarBucket(t, d, client, envelope.V3, 0)
		_, errs[i] = b.Put(t.Context(), "a", bytes.NewReader(data[i]), -1, nil)
	}
	taken := schedule(store, order, [2]func(backend.Driver){
		func(d backend.Driver) { put(0, d) },
		func(d backend.Driver) { put(1, second(d)) },
	})
	for i, err := range errs {
		ok := err == nil || errors.Is(err, backend.ErrChanged) || fails && i == 1 && errors.Is(err, errCustom)
		if !ok {
			t.Fatalf("order %v: Put = %v, want nil or %v", taken, err, backend.ErrChanged)
		}
	}
	got, err := readAll(sidecarBucket(t, store, client, envelope.V3, 0).Get(t.Context(), "a"))
	if errs[0] != nil && fails && errors.Is(err, backend.ErrNotExist) { // neither was stored, and neither says so
		return following(taken)
	}
	if err != nil || !bytes.Equal(got, data[0]) && !bytes.Equal(got, data[1]) {
		t.Fatalf("order %v, errors %v: Get = %d bytes, %v", taken, errs, len(got), err)
	}
	return following(taken)
}

// TestSidecarInterleavedReader runs a put over an object and a reader in every
// order of their requests: the reader gets one of the two objects.
func TestSidecarInterleavedReader(t *testing.T) {
	data := [2][]byte{pattern(100), pattern(200)}
	n := 0
	for order := []int{}; order != nil; n++ {
		store, client := mem.New(), newCountingKMS(t)
		mustPut(t, sidecarBucket(t, store, client, envelope.V3, 0), "a", data[0])
		var got []byte
		var errs [2]error
		taken := schedule(store, order, [2]func(backend.Driver){
			func(d backend.Driver) {
				_, errs[0] = sidecarBucket(t, d, client, envelope.V3, 0).Put(t.Context(), "a", bytes.NewReader(data[1]), -1, nil)
			},
			func(d backend.Driver) {
				got, errs[1] = readAll(sidecarBucket(t, d, client, envelope.V3, 0).Get(t.Context(), "a"))
			},
		})
		order = following(taken)
		if errs[0] != nil || errs[1] != nil || !bytes.Equal(got, data[0]) && !bytes.Equal(got, data[1]) {
			t.Errorf("order %v: errors %v, %d bytes", taken, errs, len(got))
		}
	}
	if n < 5 {
		t.Errorf("%d orders, want more", n)
	}
}
