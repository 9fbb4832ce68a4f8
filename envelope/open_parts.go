// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/s3seal/s3seal/stream"
)

// UnverifiedParts open the body of one object in parts, in any order and
// concurrently, for downloads that ask for several parts at once.
//
// The plaintext is NOT authenticated until Finish has returned nil, and for CBC
// and CTR not even then. Keep it where nobody uses it, and discard all of it if
// Finish is never reached, or fails. [Opener.Authenticated] is false until then.
//
// A part is so many bytes of plaintext from an offset on, both multiples of
// [UnverifiedParts.Multiple], except that the last part ends where End says. All
// parts together must be the whole, each once.
//
// UnverifiedParts may be used concurrently.
type UnverifiedParts struct {
	opener *Opener
	size   int64 // of the stored body
	end    int64
	gcm    *stream.GCMUnverifiedParts // or nil

	mu   sync.Mutex
	tag  []byte // once the last part was there
	done spans  // parts that were decrypted
	err  error  // of every later call; errFinished if Finish returned nil
}

var errFinished = errors.New("envelope: parts: all was decrypted before")

// UnverifiedParts returns the parts of the body, of size bytes. Nothing is
// verified before its Finish.
//
// s3seal's own formats, of which every range can be verified by itself, have
// none: the error wraps [errors.ErrUnsupported]. A size that no body can have is
// [ErrDecrypt] or wraps [stream.ErrTooLarge].
//
// It may be called concurrently.
func (o *Opener) UnverifiedParts(size int64) (*UnverifiedParts, error) {
	if o.content.mode == modeOwn {
		return nil, fmt.Errorf("envelope: format %v is not opened in parts, but by Reader or ReaderAt: %w",
			o.header.Suite, errors.ErrUnsupported)
	}
	_, end, err := o.header.PlaintextSize(size)
	if err != nil {
		return nil, vague(err)
	}
	p := &UnverifiedParts{opener: o, size: size, end: end}
	if c := o.content; c.mode == modeGCM {
		p.gcm, err = stream.NewGCMUnverifiedParts(c.secret.key, c.iv, c.aad, end)
		if err != nil {
			return nil, fmt.Errorf("envelope: open: %w", err)
		}
	}
	o.unverified.Add(1)
	return p, nil
}

// End returns where the last part ends: the size of the plaintext in bytes, or
// for CBC the greatest that it can have.
func (p *UnverifiedParts) End() int64 { return p.end }

// Multiple returns of what number of bytes all parts but the last are a
// multiple.
func (p *UnverifiedParts) Multiple() int { return stream.BlockSize }

// BodyRange returns what Decrypt needs of the stored body for the part of n bytes
// from offset off on. It is at most 16 bytes longer than the part, or 32 for the
// last. A part that is none is an error.
func (p *UnverifiedParts) BodyRange(off, n int64) (BodyRange, error) {
	const m = stream.BlockSize
	if off < 0 || n < 0 || n > p.end-off || off%m != 0 || n%m != 0 && off+n != p.end || n == 0 && p.end > 0 {
		return BodyRange{}, fmt.Errorf("envelope: part of %d bytes at %d: want multiples of %d within %d", n, off, m, p.end)
	}
	end := off + n
	if end == p.end {
		end = p.size
	}
	if p.opener.content.mode == modeCBC {
		off = max(0, off-m) // the block before decrypts the first one
	}
	return BodyRange{off, end - off}, nil
}

// Decrypt decrypts the part of n bytes from offset off on, in place: body is
// what [UnverifiedParts.BodyRange] names for it, and its memory holds the
// plaintext, NOT authenticated, that is returned. The last part of CBC is
// shorter than n by the padding, and may be empty; if the padding is not proper,
// it is [ErrDecrypt]. A part of which some was decrypted before is an error.
// After an error the content of body is void.
func (p *UnverifiedParts) Decrypt(body []byte, off, n int64) (plain []byte, err error) {
	r, err := p.BodyRange(off, n)
	if err != nil {
		return nil, err
	}
	if int64(len(body)) != r.N {
		return nil, fmt.Errorf("envelope: part at %d: want %d bytes of the body, got %d", off, r.N, len(body))
	}
	if err := p.failed(); err != nil {
		return nil, err
	}
	if p.gcm == nil {
		plain, err = p.decryptRange(body, off, n)
	} else if n > 0 {
		plain, err = p.gcm.Decrypt(body[:0], body[:n], off)
	}
	if err != nil {
		return nil, vague(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.done.add(off, n) {
		return nil, fmt.Errorf("envelope: part of %d bytes at %d: some of it was decrypted before", n, off)
	}
	if p.gcm != nil && off+n == p.end {
		p.tag = bytes.Clone(body[n:])
	}
	return plain, nil
}

func (p *UnverifiedParts) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// decryptRange writes to body behind where the range is being read.
func (p *UnverifiedParts) decryptRange(body []byte, off, n int64) ([]byte, error) {
	dec, err := p.opener.content.rangeReader(bytes.NewReader(body), off, n, p.size)
	if err != nil {
		return nil, err
	}
	m, err := io.ReadFull(dec, body[:n])
	switch {
	case err == io.EOF, err == io.ErrUnexpectedEOF, errors.Is(err, stream.ErrRange):
		// Bare, these are the end of the range: that of src would be wrapped.
		if off+n != p.end {
			return nil, ErrDecrypt
		}
		err = nil
	}
	return body[:m], err
}

// Finish returns nil if all parts were decrypted and, where the format has a
// tag, all of the plaintext is what was sealed; else it is [ErrDecrypt], for
// ever. While parts are missing, the error says so, and Finish may be called
// again. For CBC and CTR nil says nothing about the content.
func (p *UnverifiedParts) Finish() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.err == errFinished:
		return nil
	case p.err != nil:
		return p.err
	case !p.done.whole(p.end) || p.gcm != nil && p.tag == nil:
		return fmt.Errorf("envelope: parts: not all of %d bytes were decrypted", p.end)
	}
	if p.gcm != nil {
		if p.err = vague(p.gcm.Verify(p.tag)); p.err != nil {
			return p.err
		}
		p.opener.unverified.Add(-1)
	}
	p.err = errFinished
	return nil
}

// Wipe clears what the parts remember and lets go of their keys, but not of
// those of the Opener. It waits for what is being decrypted; what comes after it
// fails, with [stream.ErrClosed] unless it had failed before. It may be called
// twice, and deferred: it does not undo what Finish returned.
func (p *UnverifiedParts) Wipe() {
	if p.gcm != nil {
		p.gcm.Wipe()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = stream.ErrClosed
	}
}

// String names the type and the format.
func (p *UnverifiedParts) String() string {
	return "unverified parts of a " + p.opener.header.Suite.String() + " object"
}

// Format prints String for every verb, so that no verb prints keys.
func (p *UnverifiedParts) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) }

// LogValue returns the same text as String.
func (p *UnverifiedParts) LogValue() slog.Value { return slog.StringValue(p.String()) }
