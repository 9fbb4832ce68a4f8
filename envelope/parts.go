// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// Parts seals the body of one object in parts, for uploads that send several
// at once, try again, or go on after an interruption. The parts and what
// Finish returns, joined in order, are the body that [Sealer.Reader] yields.
//
// No place of the object is ever sealed with two contents: the second is
// [stream.ErrPartChanged], and nothing of it is released. See [stream.Parts]
// for why that matters and how it is known.
//
// Parts may be used concurrently, but see [Parts.Ordered].
type Parts struct {
	suite Suite
	parts *stream.Parts

	account *account
}

// Parts returns the body as parts. It takes the place of Reader and Writer: a
// second call of any of them is [ErrUsed].
//
// s3seal's own formats, which are written from the front to the end, have no
// parts yet: the error wraps [errors.ErrUnsupported], and Reader and Writer can
// still be called.
func (s *Sealer) Parts() (*Parts, error) {
	if err := checkParts(s.header.Suite); err != nil {
		return nil, err
	}
	c, err := s.take()
	if err != nil {
		return nil, err
	}
	defer clear(c.secret.key) // the parts have their own expanded key
	p, err := newParts(s.header.Suite, c)
	if err != nil {
		return nil, err
	}
	p.account = s.account
	return p, nil
}

func checkParts(s Suite) error {
	if s.info().format == nil {
		return nil
	}
	return fmt.Errorf("envelope: format %v is not sealed in parts, but by Reader or Writer: %w", s, errors.ErrUnsupported)
}

func newParts(suite Suite, c *content) (*Parts, error) {
	var p *stream.Parts
	var err error
	if c.mode == modeCBC {
		p, err = stream.NewCBCParts(c.secret.key, c.iv)
	} else {
		p, err = stream.NewGCMParts(c.secret.key, c.iv, c.aad)
	}
	if err != nil {
		return nil, fmt.Errorf("envelope: seal: %w", err)
	}
	return &Parts{suite: suite, parts: p}, nil
}

// ResumeParts returns Parts that go on where others have stopped, perhaps in
// another process: those of the [Sealer] that had this header. states are all
// the states that they returned, one after the other; at least one. u unwraps
// the CEK.
//
// States are bound to the content key, its IV and the format, so a header that
// is not theirs is [ErrDecrypt], and nothing can be sealed under it: a header
// alone, of which storage is full, would let whoever puts it in the place of
// another have a second plaintext encrypted under its key. The same error
// tells of altered states and of a CEK that cannot be unwrapped. States that
// are cut short or do not fit each other are [stream.ErrPartState], a missing
// key is [wrap.ErrNoKey], a header that is none a [*MetadataError]. The errors
// of ctx and those of the way to a KMS are passed through wrapped.
//
// What it cannot notice is that states are missing, or older than what was
// sent: whoever finds more in storage than states tell of must start again
// with a new Sealer. Two processes that go on from the same states at once
// would not know of each other; the caller must prevent that.
//
// It may be called concurrently.
func ResumeParts(ctx context.Context, h *Header, u wrap.Unwrapper, states []byte) (*Parts, error) {
	if h == nil {
		return nil, fmt.Errorf("envelope: resume: no header: %w", ErrNotEncrypted)
	}
	h = h.clone()
	if err := h.check(); err != nil {
		return nil, err
	}
	if len(h.Suite.info().writes) == 0 {
		return nil, fmt.Errorf("envelope: format %v can only be read", h.Suite)
	}
	if err := checkParts(h.Suite); err != nil {
		return nil, err
	}
	cek, err := unwrap(ctx, u, h)
	defer clear(cek)
	if err != nil {
		return nil, err
	}
	c, err := openContent(h, cek, nil)
	if err != nil {
		return nil, err
	}
	defer clear(c.secret.key)
	p, err := newParts(h.Suite, c)
	if err != nil {
		return nil, err
	}
	if err := p.parts.Restore(states); err != nil {
		p.Wipe()
		return nil, vague(err)
	}
	return p, nil
}

// Encrypt appends to dst the ciphertext of src, the part of the plaintext that
// begins at offset off, and returns it with the sealed state of the part, of
// [stream.PartStateSize] bytes. Where another process may have to go on, the
// state must be stored before any of the ciphertext leaves. off, and the
// length of src unless it is the last part, are multiples of [Parts.Multiple].
//
// See [stream.Parts.Encrypt] for how dst and src may share memory, and for the
// errors.
func (p *Parts) Encrypt(dst, src []byte, off int64) (ciphertext, state []byte, err error) {
	p.account.add(len(src))
	return p.parts.Encrypt(dst, src, off)
}

// Finish returns what follows the last part, which may be nothing, and a state
// to be stored before that leaves. size is that of the whole plaintext in
// bytes. See [stream.Parts.Finish] for the errors.
func (p *Parts) Finish(size int64) (trailer, state []byte, err error) {
	return p.parts.Finish(size)
}

// Multiple returns of what number of bytes all parts but the last are a
// multiple.
func (p *Parts) Multiple() int { return stream.BlockSize }

// Ordered reports whether a part can be encrypted only when the one before it
// has been.
func (p *Parts) Ordered() bool { return p.suite.info().mode == modeCBC }

// CiphertextSize returns the size in bytes of all parts and the trailer for n
// bytes of plaintext. A negative n is an error; one over the limit of the
// format wraps [stream.ErrTooLarge].
func (p *Parts) CiphertextSize(n int64) (int64, error) {
	return ciphertextSize(p.suite.info().mode, n)
}

// Wipe clears what the parts remember and lets go of the keys. See
// [stream.Parts.Wipe].
func (p *Parts) Wipe() { p.parts.Wipe() }

// String names the type and the format.
func (p *Parts) String() string { return "parts of a " + p.suite.String() + " object" }

// Format prints String for every verb, so that no verb prints keys.
func (p *Parts) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) }

// LogValue returns the same text as String.
func (p *Parts) LogValue() slog.Value { return slog.StringValue(p.String()) }
