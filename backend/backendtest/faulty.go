// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/s3seal/s3seal/backend"
)

// ErrTransport is what a driver with [Faults.PutHidesCause] says instead of
// the error that the body had.
var ErrTransport = errors.New("backendtest: connection closed")

// Faults say what a [FaultyDriver] does wrong; the zero value is nothing. Some
// of them break the contract of [backend.Driver], as real transports do.
// Positions are bytes of the stored body.
type Faults struct {
	// PutAt is the byte at which Put does what the next three fields say.
	PutAt int64

	// PutError makes Put fail with it. Nothing is stored.
	PutError error

	// PutHangs makes Put wait until its context is done, and then fail.
	PutHangs bool

	// PutStops makes Put store what it has so far and report success. This
	// breaks the contract.
	PutStops bool

	// PutHidesCause makes a Put whose body has failed return [ErrTransport]
	// instead of an error that wraps the body's. This breaks the contract.
	PutHidesCause bool

	// PutIgnoresCause makes a Put whose body has failed store what came and
	// report success. This breaks the contract.
	PutIgnoresCause bool

	// GetError makes the body of Get fail with it at byte GetAt of what it
	// delivers. io.EOF makes the body end there, which breaks the contract,
	// as a bare io.ErrUnexpectedEOF does.
	GetError error
	GetAt    int64 // of GetError and GetFlip

	// GetExtra follows the end of the body. This breaks the contract.
	GetExtra []byte

	// GetFlip, if not 0, is XORed to the byte at GetAt: altered storage.
	GetFlip byte

	// IgnoreRange makes Get deliver all of the body whatever the range. This
	// breaks the contract.
	IgnoreRange bool

	// Info, if not nil, may change what Get says about the object, but not
	// what Stat says.
	Info func(*backend.Info)

	// CloseError is returned by Close of a body.
	CloseError error
}

// A FaultyDriver passes all calls on to another driver and does wrong what
// [Faults] say. Use [Faulty].
//
// A FaultyDriver is safe for concurrent use if the other driver is.
type FaultyDriver struct {
	backend.Driver
	faults     Faults
	puts, gets atomic.Int64
	open       atomic.Int64
}

var _ backend.Driver = (*FaultyDriver)(nil)

// Faulty returns a driver that uses d and does wrong what f says.
func Faulty(d backend.Driver, f Faults) *FaultyDriver {
	return &FaultyDriver{Driver: d, faults: f}
}

// Puts returns how often Put was called.
func (d *FaultyDriver) Puts() int { return int(d.puts.Load()) }

// Gets returns how often Get was called.
func (d *FaultyDriver) Gets() int { return int(d.gets.Load()) }

// OpenBodies returns how many bodies of Get were not closed yet.
func (d *FaultyDriver) OpenBodies() int { return int(d.open.Load()) }

// Put stores body, or fails to.
func (d *FaultyDriver) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	d.puts.Add(1)
	b := &faultyBody{ctx: ctx, src: body, faults: &d.faults}
	if d.faults.PutStops || d.faults.PutIgnoresCause {
		size = -1 // what is stored will not have the declared size
	}
	info, err := d.Driver.Put(ctx, key, b, size, opts)
	if err != nil && b.failed && d.faults.PutHidesCause {
		return nil, ErrTransport
	}
	return info, err
}

// A faultyBody is the body of a Put as the wrapped driver sees it.
type faultyBody struct {
	ctx    context.Context // of the one call that the body lives in
	src    io.Reader
	faults *Faults
	n      int64
	failed bool // src has returned an error
}

func (b *faultyBody) Read(p []byte) (int, error) {
	f := b.faults
	if f.PutError != nil || f.PutHangs || f.PutStops {
		if b.n == f.PutAt {
			return 0, b.fault()
		}
		p = p[:min(int64(len(p)), f.PutAt-b.n)]
	}
	n, err := b.src.Read(p)
	b.n += int64(n)
	if err != nil && err != io.EOF {
		b.failed = true
		if f.PutIgnoresCause {
			err = io.EOF
		}
	}
	return n, err
}

func (b *faultyBody) fault() error {
	switch {
	case b.faults.PutHangs:
		<-b.ctx.Done()
		return b.ctx.Err()
	case b.faults.PutStops:
		return io.EOF
	}
	return b.faults.PutError
}

// Get opens an object whose body may misbehave.
func (d *FaultyDriver) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	d.gets.Add(1)
	given := *opts
	if d.faults.IgnoreRange {
		given.Range = nil
	}
	rc, info, err := d.Driver.Get(ctx, key, &given)
	if err != nil {
		return nil, nil, err
	}
	if d.faults.Info != nil {
		d.faults.Info(info)
	}
	d.open.Add(1)
	src := io.MultiReader(rc, bytes.NewReader(d.faults.GetExtra))
	return &faultyReader{driver: d, src: src, body: rc}, info, nil
}

// A faultyReader is the body of a Get.
type faultyReader struct {
	driver *FaultyDriver
	src    io.Reader
	body   io.Closer
	n      int64
	closed bool
}

func (r *faultyReader) Read(p []byte) (int, error) {
	f := &r.driver.faults
	if f.GetError != nil {
		if r.n == f.GetAt {
			return 0, f.GetError
		}
		p = p[:min(int64(len(p)), f.GetAt-r.n)]
	}
	n, err := r.src.Read(p)
	if at := f.GetAt - r.n; at >= 0 && at < int64(n) {
		p[at] ^= f.GetFlip
	}
	r.n += int64(n)
	return n, err
}

// Close closes the body. Closing it twice is an error that the contract
// allows and that finds careless callers.
func (r *faultyReader) Close() error {
	if r.closed {
		return errors.New("backendtest: body closed twice")
	}
	r.closed = true
	r.driver.open.Add(-1)
	return errors.Join(r.body.Close(), r.driver.faults.CloseError)
}
