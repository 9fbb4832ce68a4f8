// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
)

// run sends what has not arrived, and completes the object.
func (r *resumable) run(ctx context.Context) (*ObjectInfo, error) {
	if err := r.sendAll(ctx); err != nil {
		return nil, err
	}
	info, err := r.done, error(nil)
	if info == nil {
		info, err = r.complete(ctx)
	}
	if errors.Is(err, ErrExist) || errors.Is(err, ErrChanged) {
		// It is decided, and would be so again.
		if aerr := r.abandon(ctx, r.head); aerr != nil {
			return nil, errors.Join(err, aerr)
		}
		return nil, r.discard(err)
	}
	if err != nil {
		return nil, err
	}
	if err := r.file.Remove(); err != nil {
		return nil, fmt.Errorf("the object is stored, its state file is still there: %w", err)
	}
	return &ObjectInfo{Info: *info, Header: r.header, PlaintextSizeMin: r.head.Size, PlaintextSizeMax: r.head.Size}, nil
}

// A sending is what the workers of one call share.
type sending struct {
	*resumable
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu   sync.Mutex
	next int64 // the part whose turn it is
	sent map[int64]Part
}

// sendAll seals every part, and sends it unless it is there. The last part comes
// after all others, since its trailer depends on them. It returns when no
// request is under way.
func (r *resumable) sendAll(ctx context.Context) error {
	s := &sending{resumable: r, sent: map[int64]Part{}}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	defer s.cancel(nil)
	full := r.head.parts() - 1
	var wg sync.WaitGroup
	for range min(int64(max(1, r.driver.UploadLimits().Concurrency)), full) {
		wg.Go(func() {
			if err := s.work(full); err != nil {
				s.cancel(err)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(s.ctx); err != nil {
		return err
	}
	if err := s.last(full); err != nil {
		return err
	}
	r.arrived = s.sent
	return nil
}

// work sends parts until there are no more.
func (s *sending) work(full int64) error {
	buf := make([]byte, s.head.PartSize)
	defer clear(buf)
	for s.ctx.Err() == nil {
		i, body, err := s.take(buf, full)
		if err != nil || i < 0 {
			return err
		}
		if err := s.send(i, body); err != nil {
			return err
		}
	}
	return nil
}

// take seals the next part, and does not return before its state is stored for
// good. i is -1 if there are no more. Formats with an order are sealed under the
// lock, so that states are stored in that order as well.
func (s *sending) take(buf []byte, full int64) (i int64, body []byte, err error) {
	s.mu.Lock()
	if s.next == full {
		s.mu.Unlock()
		return -1, nil, nil
	}
	i = s.next
	s.next++
	if s.parts.Ordered() {
		defer s.mu.Unlock()
		if err := context.Cause(s.ctx); err != nil { // the part before may be missing
			return 0, nil, err
		}
	} else {
		s.mu.Unlock()
	}
	body, err = s.seal(i, buf)
	if err != nil {
		s.cancel(err) // before the lock is free
	}
	return i, body, err
}

// seal reads and encrypts the plaintext of part i in place.
func (s *sending) seal(i int64, buf []byte) ([]byte, error) {
	off := i * s.head.PartSize
	if err := readSource(s.src, buf, off); err != nil {
		return nil, err
	}
	body, state, err := s.parts.Encrypt(buf[:0], buf, off)
	if err != nil {
		clear(buf)
		return nil, err
	}
	return body, s.remember(i, state)
}

// readSource fills buf. A source that ends early is ErrSize.
func readSource(src io.ReaderAt, buf []byte, off int64) error {
	n, err := src.ReadAt(buf, off)
	switch {
	case n == len(buf):
		return nil
	case err == io.EOF:
		return fmt.Errorf("%w: source ends at %d bytes", ErrSize, off+int64(max(n, 0)))
	case err == nil:
		err = io.ErrNoProgress
	}
	return fmt.Errorf("backend: read source: %w", err)
}

// remember stores a state, unless the file has one for the same content, which
// Encrypt and Finish vouch for.
func (s *sending) remember(i int64, state []byte) error {
	if s.slots[i].state != nil {
		return nil
	}
	if err := writeState(s.file, i, state); err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	return nil
}

// send sends a part whose state is stored.
func (s *sending) send(i int64, body []byte) error {
	part, ok := s.arrived[i]
	switch {
	case s.done != nil:
		return nil
	case ok && part.Size == int64(len(body)):
	default:
		var err error
		if part, err = s.driver.PutPart(s.ctx, s.head.Key, s.head.UploadID, int(i)+1, body); err != nil {
			return err
		}
		if err := writeETag(s.file, s.record(i), part.ETag); err != nil {
			return fmt.Errorf("state file: %w", err)
		}
		if hook := s.bucket.partSent(s.head.Key); hook != nil {
			hook(part)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent[i] = part
	return nil
}

// last sends what is left of the plaintext, and the trailer.
func (s *sending) last(i int64) error {
	off := i * s.head.PartSize
	rest := int(s.head.Size - off)
	buf := make([]byte, rest, rest+2*stream.BlockSize) // of padding, or a tag
	defer clear(buf[:cap(buf)])
	if err := atEnd(s.src, s.head.Size); err != nil {
		return err
	}
	body := buf
	if rest > 0 {
		var err error
		if body, err = s.seal(i, buf); err != nil {
			return err
		}
	}
	trailer, state, err := s.parts.Finish(s.head.Size)
	if err != nil {
		return err
	}
	if err := s.remember(i+1, state); err != nil {
		return err
	}
	return s.send(i, append(body, trailer...))
}

// atEnd makes sure that the source ends at size. It may be larger because it is
// being written, and then the object would be a part of it.
func atEnd(src io.ReaderAt, size int64) error {
	var probe [1]byte
	n, err := src.ReadAt(probe[:], size)
	switch {
	case n > 0:
		return fmt.Errorf("%w: want %d bytes, got more", ErrSize, size)
	case err == io.EOF:
		return nil
	case err == nil:
		err = io.ErrNoProgress
	}
	return fmt.Errorf("backend: read source: %w", err)
}

// complete makes an object of the parts. If that fails, it may have been done
// all the same, and only the answer was lost.
func (r *resumable) complete(ctx context.Context) (*Info, error) {
	stored, err := r.parts.CiphertextSize(r.head.Size)
	if err != nil {
		return nil, err
	}
	parts := make([]Part, r.head.parts())
	for i := range parts {
		parts[i] = r.arrived[int64(i)]
	}
	info, err := r.driver.CompleteUpload(ctx, r.head.Key, r.head.UploadID, parts, r.opts)
	if err != nil {
		if found, serr := r.driver.Stat(ctx, r.head.Key); serr == nil && r.isOurs(found, stored) {
			return found, nil
		}
		return nil, err
	}
	if info == nil || info.Size != stored {
		return nil, fmt.Errorf("%w: storage did not make an object of all of %d bytes", ErrSize, stored)
	}
	return info, nil
}

// isOurs says whether an object is that of this upload. The message id or IV is
// random, so no other object has the same.
func (r *resumable) isOurs(info *Info, stored int64) bool {
	h, err := envelope.ParseHeader(info.Metadata)
	return err == nil && info.Size == stored &&
		bytes.Equal(h.IV, r.header.IV) && bytes.Equal(h.WrappedKey, r.header.WrappedKey)
}
