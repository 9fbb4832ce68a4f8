// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// errCustom is an error that no storage system knows. Its text contains EOF
// because there are transports that look for that word.
var errCustom = errors.New("disk on fire, EOF")

// pattern returns n bytes that depend on seed only.
func pattern(seed uint64, n int) []byte {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b) // never fails
	return b
}

// A body is what the suite hands to Put: data, then fail or io.EOF. It has
// the methods that a transport might be tempted by, and notes every use of
// them that the contract forbids.
type body struct {
	data  []byte
	off   int
	fail  error     // instead of io.EOF
	hook  func(int) // called before each read with the bytes delivered so far
	chunk int       // longest read; 0 is no limit

	reading  atomic.Bool
	returned atomic.Bool // Put has returned
	reads    atomic.Int64

	mu     sync.Mutex
	faults []string
}

func newBody(data []byte) *body { return &body{data: data} }

// failing returns a body that delivers data and then fails with err.
func failing(data []byte, err error) *body { return &body{data: data, fail: err} }

func (b *body) fault(s string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = append(b.faults, s)
}

// misuse returns what was done to the body that must not be.
func (b *body) misuse() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.faults
}

func (b *body) Read(p []byte) (int, error) {
	if !b.reading.CompareAndSwap(false, true) {
		b.fault("Read while another Read is running")
		return 0, io.ErrClosedPipe
	}
	defer b.reading.Store(false)
	if b.returned.Load() {
		b.fault("Read after Put has returned")
	}
	b.reads.Add(1)
	if b.hook != nil {
		b.hook(b.off)
	}
	if b.off == len(b.data) {
		if b.fail != nil {
			return 0, b.fail
		}
		return 0, io.EOF
	}
	if b.chunk > 0 {
		p = p[:min(len(p), b.chunk)]
	}
	n := copy(p, b.data[b.off:])
	b.off += n
	return n, nil
}

// Seek is never to be called: a rewound body would be encrypted twice.
func (b *body) Seek(int64, int) (int64, error) {
	b.fault("Seek")
	return 0, errors.ErrUnsupported
}

// ReadAt is never to be called, as Seek.
func (b *body) ReadAt([]byte, int64) (int, error) {
	b.fault("ReadAt")
	return 0, errors.ErrUnsupported
}

// Close is never to be called: the body belongs to the caller of Put.
func (b *body) Close() error {
	b.fault("Close")
	return nil
}
