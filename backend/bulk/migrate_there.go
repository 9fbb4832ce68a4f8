// SPDX-License-Identifier: Apache-2.0

package bulk

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"sync"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
)

// sameSealing says whether both envelopes are of one and the same body, though it
// may have been given another key: then nothing was sealed anew. What is random in
// a sealing is in the envelope, but in Chunked, which has its salt in the body.
func sameSealing(a, b *envelope.Header) bool {
	return len(a.IV) > 0 && bytes.Equal(a.IV, b.IV) || EnvelopeSum(a) == EnvelopeSum(b)
}

// kept says whether what is in the place of a new object has beside its content
// what that would have. There are storages that lose empty values, and that name
// the content type of what has none.
func (m *migration) kept(oi, there *backend.ObjectInfo) bool {
	const unknown = "application/octet-stream"
	return cmp.Or(oi.ContentType, unknown) == cmp.Or(there.ContentType, unknown) &&
		(m.opts.DropHeaders || maps.Equal(oi.Headers, there.Headers)) && maps.Equal(callers(oi.Metadata), callers(there.Metadata))
}

// callers returns what of metadata is not of an envelope, and not empty.
func callers(meta map[string]string) map[string]string {
	own := maps.Clone(meta)
	maps.DeleteFunc(own, func(name, value string) bool { return backend.ReservedMetadata(name) || value == "" })
	return own
}

// digestThere returns the hash of the plaintext of what is there already. By the
// default rule a bucket keeps what is not verified yet, and refuses what is large:
// that is for those who use what they read. Here, it is read in parts, as is what
// could not be read for another reason than what it is: then that is the error.
func (m *migration) digestThere(ctx context.Context, there *backend.ObjectInfo) ([]byte, error) {
	p, err := m.digest(ctx, nil, m.dst, there)
	switch {
	case err == nil:
		return p.hash.Sum(nil), nil
	case errors.Is(err, backend.ErrChanged), errors.Is(err, envelope.ErrDecrypt):
		return nil, err
	}
	for range tries {
		w := &inOrder{hash: sha256.New(), early: make(map[int64][]byte)}
		now, err := m.dst.GetToUnverified(ctx, there.Key, w)
		if errors.Is(err, errAhead) {
			continue
		}
		if err == nil {
			err = unchanged(there, now)
		}
		if err != nil {
			return nil, err
		}
		return w.sum(now.PlaintextSizeMax)
	}
	return nil, errAhead
}

// maxEarly is how many bytes are kept that came before their turn.
const maxEarly = 64 << 20

// errAhead says that a part is so slow that those after it cannot be kept.
var errAhead = errors.New("bulk: parts come too far from their order")

// inOrder hashes what is written in parts, concurrently and in almost any order.
type inOrder struct {
	mu    sync.Mutex
	hash  hash.Hash
	next  int64            // offset of what is to be hashed next
	early map[int64][]byte // what comes later, by its offset
	held  int
}

var _ io.WriterAt = (*inOrder)(nil)

// WriteAt keeps p for later if what comes before is not there yet. It does not
// wait for that: nobody could tell it that it will never come.
func (w *inOrder) WriteAt(p []byte, off int64) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if off != w.next {
		if w.held+len(p) > maxEarly {
			return 0, errAhead
		}
		w.early[off] = bytes.Clone(p)
		w.held += len(p)
		return len(p), nil
	}
	w.take(p)
	for {
		later, ok := w.early[w.next]
		if !ok || len(later) == 0 {
			return len(p), nil
		}
		delete(w.early, w.next)
		w.held -= len(later)
		w.take(later)
		clear(later)
	}
}

func (w *inOrder) take(p []byte) {
	w.hash.Write(p) // never fails
	w.next += int64(len(p))
}

// sum returns the hash of size bytes, all of which must have come.
func (w *inOrder) sum(size int64) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.next != size {
		return nil, fmt.Errorf("bulk: want %d bytes of plaintext, got %d: %w", size, w.next, io.ErrUnexpectedEOF)
	}
	return w.hash.Sum(nil), nil
}
