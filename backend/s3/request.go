// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// answerTimeout bounds the wait for an answer that is wanted although the
	// context is done.
	answerTimeout = 5 * time.Second

	// cleanupTimeout bounds a request that cleans up after a failure.
	cleanupTimeout = 10 * time.Second
)

var (
	errCut    = errors.New("s3: request has ended")
	errUnsent = errors.New("s3: answered before all was sent")
)

// A payload is the body of a request: bytes that are in memory, so that the
// client can send them again.
//
// The transport may still read a body when its request has failed or has been
// answered early. Then a second attempt reads at the same time as the first,
// or a buffer is filled anew under its reader. So reads are serialised, and
// there are none after cut.
type payload struct {
	mu    sync.Mutex
	r     *bytes.Reader
	over  bool
	tries int // reads from the start
}

func newPayload(b []byte) *payload { return &payload{r: bytes.NewReader(b)} }

func (p *payload) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return 0, errCut
	}
	if int64(p.r.Len()) == p.r.Size() {
		p.tries++
	}
	return p.r.Read(b)
}

// begun returns how often the body has been read from its start.
func (p *payload) begun() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tries
}

// Seek lets the client go back to the start for another attempt.
func (p *payload) Seek(offset int64, whence int) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return 0, errCut
	}
	return p.r.Seek(offset, whence)
}

// cut makes all further reads fail, so that a request of which not all has been
// read cannot succeed any more. It reports whether all has been read. It is
// not called Close, which the client would use.
func (p *payload) cut() (sent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	return p.r.Len() == 0
}

// send makes a request that changes the storage, with the body b.
//
// Such a request cannot be taken back by going away: a storage that has it all
// carries it out, perhaps after the cleanup that follows here, and what comes
// of it would be left behind. So when ctx is done, a request that is still being
// sent is cut short, but one that has been sent gets its answer awaited. send
// returns nil if the request succeeded with all of b, whatever ctx.
func send(ctx context.Context, b []byte, request func(ctx context.Context, body *payload) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	body := newPayload(b)
	defer body.cut()
	detached, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		if body.cut() {
			select {
			case <-detached.Done():
			case <-time.After(answerTimeout):
			}
		}
		cancel()
	})()
	if err := request(detached, body); err != nil {
		return err
	}
	if !body.cut() {
		// A server can answer before it has been sent all. What it then calls
		// stored cannot be what it was to store.
		return errUnsent
	}
	return nil
}

// cleanup returns a context for what must be done although ctx may be done.
func cleanup(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
}
