// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
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

// A content is what a request has to send, as often as it takes: bytes in memory
// or in a file, and what the request says of them.
type content struct {
	r    io.ReaderAt
	size int64
	sum  digest
}

// content returns b and its digest.
func (d *Driver) content(b []byte) content {
	return content{bytes.NewReader(b), int64(len(b)), d.digest(b)}
}

// A payload is the body of a request, which the client can send again.
//
// The transport may still read a body when its request has failed or has been
// answered early. Then a second attempt reads at the same time as the first,
// or a buffer is filled anew under its reader. So reads are serialised, and
// there are none after cut.
type payload struct {
	mu    sync.Mutex
	r     *io.SectionReader
	left  int64 // bytes that have not been read
	over  bool
	tries int   // reads from the start
	err   error // of the file; there is nothing to send any more
}

func newPayload(c content) *payload {
	return &payload{r: io.NewSectionReader(c.r, 0, c.size), left: c.size}
}

func (p *payload) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.over && p.left == 0 && p.err == nil:
		return 0, io.EOF // the transport looks for it when all is on its way
	case p.over:
		return 0, errCut
	}
	if p.left == p.r.Size() {
		p.tries++
	}
	n, err := p.r.Read(b)
	p.left -= int64(n)
	if err == io.EOF && p.left > 0 { // a file that somebody has cut short
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF {
		p.over, p.err = true, spoolError(err)
		err = p.err
	}
	return n, err
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
	at, err := p.r.Seek(offset, whence)
	if err == nil {
		p.left = max(0, p.r.Size()-at)
	}
	return at, err
}

// cut makes all further reads fail, so that a request of which not all has been
// read cannot succeed any more. It reports whether all has been read. It is
// not called Close, which the client would use.
func (p *payload) cut() (sent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	return p.left == 0
}

// failure returns why there is nothing to send any more, or nil.
func (p *payload) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// send makes a request that changes the storage, with the body c.
//
// Such a request cannot be taken back by going away: a storage that has it all
// carries it out, perhaps after the cleanup that follows here, and what comes
// of it would be left behind. So when ctx is done, a request that is still being
// sent is cut short, but one that has been sent gets its answer awaited. send
// returns nil if the request succeeded with all of c, whatever ctx.
func send(ctx context.Context, c content, request func(ctx context.Context, body *payload) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	body := newPayload(c)
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
		return cmp.Or(body.failure(), err)
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
