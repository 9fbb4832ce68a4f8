// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"errors"
	"fmt"
	"io"

	"github.com/s3seal/s3seal/stream"
)

// A Release says when plaintext of GCM content is handed out. The tag of an
// object is at its end, so whoever wants nothing unverified has to keep all of
// the object somewhere, or read it twice:
//
//	Buffered             in memory; the default, with 64 MiB
//	Spool                in a temporary file, as ciphertext
//	TwoPass              nowhere: the body is read twice
//	UnverifiedUntilEOF   nowhere, and plaintext leaves before it is verified
//
// CBC and CTR content has no tag, and no use for any of them. Values come from
// these functions and may be used concurrently.
type Release interface {
	release() // sealed: a release rule is part of the security of this package
}

// defaultLimit is the buffer that AWS's clients use by default, too.
const defaultLimit = 64 << 20

type buffered struct{ limit int64 }

type spool struct {
	dir   string
	limit int64
	keep  int // bytes that need no file
	open  func(dir string) (tempFile, error)
}

type twoPass struct {
	keep   int // bytes that need no second source
	reopen func() (io.ReadCloser, error)
}

type unverifiedUntilEOF struct{}

func (buffered) release()           {}
func (spool) release()              {}
func (*twoPass) release()           {}
func (unverifiedUntilEOF) release() {}

// Buffered releases nothing before the tag of the whole object was verified.
// It buffers up to limit bytes of ciphertext, counting the tag; a larger
// object is [stream.ErrBufferLimit], before its body is read where its size is
// known. It is the default, with 64 MiB. It may be called concurrently.
func Buffered(limit int64) Release { return buffered{limit} }

// Spool releases nothing before the tag of the whole object was verified, and
// needs no more memory for a large object than for a small one: the ciphertext
// goes into a temporary file while it is hashed, and is decrypted from there.
// What is decrypted is compared with what was verified, so that whoever can
// write to the file gains nothing. No plaintext and no key reaches the disk.
//
// The file is made in dir, or in [os.TempDir] if dir is empty, with mode 0600,
// and takes as much room as the object, up to limit bytes of ciphertext,
// counting the tag. A larger object is [stream.ErrBufferLimit], before its body
// is read where its size is known; a limit of 0 lets nothing through, and a
// negative one is an error of [Opener.Reader]. stream.GCMMaxSize +
// stream.GCMTagSize is as good as no limit. An object of up to 1 MiB needs no
// file. What goes wrong with the file, a full disk above all, is [ErrSpool].
//
// The name of the file is removed at once where the system can do so with an
// open file, while the file is still empty, so that even a crash leaves nothing
// of the object behind; elsewhere, as on Windows, it is removed with the file.
// The file is gone when the last byte was read, after any error, and after
// Close. A reader that is dropped before that keeps the room until the garbage
// collector has found it, and the name, where there still is one, for ever.
//
// It may be called concurrently.
func Spool(dir string, limit int64) Release { return spool{dir, limit, keptMemory, createTemp} }

// TwoPass releases nothing before the tag of the whole object was verified, in
// constant memory and without a file: the body is read twice. The first time,
// as the source that [Opener.Reader] was given, it is only verified. Then
// reopen is called for a source of the same body, which is decrypted; it is
// compared with the first in runs of 1 MiB before any of a run is released, so
// storage that answers differently the second time gains nothing. If it does,
// reading fails with [ErrDecrypt], after a start of the plaintext that is good.
//
// reopen is called at most once for each reader, by its Read or WriteTo; what
// it returns is closed at the end, after any error, and by Close. Its errors
// are passed through wrapped. A body of up to 1 MiB is kept in memory instead,
// and reopen is not called.
//
// A nil reopen leaves it to the owner of the storage, and TwoPass(nil) is equal
// to itself and to no other Release. Package backend reads the same version of
// the object once more; [Opener.Reader] fails.
//
// It may be called concurrently; so may be reopen, by readers that are.
func TwoPass(reopen func() (io.ReadCloser, error)) Release {
	if reopen == nil {
		return ownerReopens
	}
	return &twoPass{keptMemory, reopen}
}

var ownerReopens = new(twoPass)

// UnverifiedUntilEOF releases plaintext as it is decrypted, in constant
// memory. The plaintext is NOT authenticated until Read returns io.EOF or
// WriteTo returns nil; after any other error all of it must be discarded.
// AWS's clients call this delayed authentication. It may be called
// concurrently.
func UnverifiedUntilEOF() Release { return unverifiedUntilEOF{} }

// releaseRule falls back to the safe rule not only for nil: a foreign type can
// pass for a Release by embedding one.
func (o *OpenOptions) releaseRule() Release {
	switch o.Release.(type) {
	case buffered, spool, *twoPass, unverifiedUntilEOF:
		return o.Release
	}
	return Buffered(defaultLimit)
}

// within refuses a declared size over a limit.
func within(size, limit int64) error {
	if size > limit {
		return fmt.Errorf("envelope: body of %d bytes, limit %d: %w", size, limit, stream.ErrBufferLimit)
	}
	return nil
}

func (s spool) check(size int64) error {
	if s.limit < 0 {
		return fmt.Errorf("envelope: open: Spool: limit: want at least 0, got %d", s.limit)
	}
	return within(size, s.limit)
}

var errNoReopen = errors.New("envelope: open: TwoPass: want a function that reopens the body, got none")

// gcmReader returns the plaintext of src by the rule of release.
func (o *Opener) gcmReader(src io.Reader, size int64) (io.ReadCloser, error) {
	c := o.content
	switch rule := o.release.(type) {
	case spool:
		if err := rule.check(size); err != nil {
			return nil, err
		}
		return o.body(src, &rereader{content: c, body: newSpooled(src, rule)}, releasedVerified, nil)
	case *twoPass:
		if rule.reopen == nil {
			return nil, errNoReopen
		}
		return o.body(src, &rereader{content: c, body: newReopened(src, size, rule)}, releasedVerified, nil)
	case unverifiedUntilEOF:
		dec, err := stream.NewGCMUnverifiedReader(src, c.secret.key, c.iv, c.aad)
		return o.body(src, dec, releasedUntilEOF, err)
	default:
		limit := rule.(buffered).limit // releaseRule lets nothing else through
		if err := within(size, limit); err != nil {
			return nil, err
		}
		dec, err := stream.NewGCMDecryptReader(src, c.secret.key, c.iv, c.aad, limit)
		return o.body(src, dec, releasedVerified, err)
	}
}
