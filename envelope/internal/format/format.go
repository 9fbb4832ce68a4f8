// SPDX-License-Identifier: Apache-2.0

// Package format is what package envelope asks of the formats of content that
// are s3seal's own: a key for each body whatever the CEK, and every byte that
// is read verified, at any offset. It is internal because a format is part of
// what the envelope promises.
package format

import (
	"fmt"
	"io"
	"log/slog"
)

// Params are what a body is encrypted with. They are not retained by whoever
// gets them, except inside streams.
type Params struct {
	Key     []byte // from Format.Seal or Format.Open
	Context []byte
	Empty   bool // the header says that the plaintext is empty
}

// Format prints the name of the type, so that no verb prints the key.
func (Params) Format(f fmt.State, _ rune) { io.WriteString(f, "format.Params") }

// LogValue returns the name of the type.
func (Params) LogValue() slog.Value { return slog.StringValue("format.Params") }

// A Writer is what package envelope calls a Writer.
type Writer interface {
	io.WriteCloser
	io.ReaderFrom
	Abort(err error)
}

// A ReaderAt has verified the size of the plaintext before it is returned, and
// verifies every byte before it returns that.
type ReaderAt interface {
	io.ReaderAt
	Size() int64
}

// A Format is a format of content. Its errors are those of package stream:
// whatever content decides is stream.ErrDecrypt. Its methods may be called
// concurrently.
type Format interface {
	// Name is for people.
	Name() string

	// Wire is the value of s3seal-suite.
	Wire() string

	// ContentAlg is the text to which wraps bind the CEK.
	ContentAlg() string

	// SaltSize is the size in bytes of the salt in the header; 0 if there is
	// none.
	SaltSize() int

	// MarksEmpty reports whether the header of an empty plaintext says so.
	MarksEmpty() bool

	// Seal makes the key of one body from a CEK of 32 bytes, and the salt for
	// its header. No two bodies have the same key, or else nonces that could
	// meet, even if they have the same CEK. cek and context are not retained.
	Seal(cek, context []byte, empty bool) (key, salt []byte, err error)

	// Open makes the key that Seal has made. It is stream.ErrDecrypt if it can
	// tell that Seal has not.
	Open(cek, salt, context []byte, empty bool) (key []byte, err error)

	// CiphertextSize returns the size of the body for n bytes of plaintext.
	CiphertextSize(n int64, empty bool) (int64, error)

	// PlaintextSize is the inverse of CiphertextSize.
	PlaintextSize(stored int64, empty bool) (int64, error)

	// CiphertextRange returns which bytes of a body of size bytes hold n bytes
	// of plaintext from off on. What is verified at once never passes a
	// multiple of 1 MiB of the plaintext.
	CiphertextRange(off, n, size int64) (coff, cn int64, err error)

	// Edges returns how many bytes at the start and at the end of a body of
	// size bytes ReaderAt reads when it is called, in one piece each.
	Edges(size int64) (head, tail int64)

	EncryptReader(src io.Reader, p Params) (io.Reader, error)
	EncryptWriter(dst io.Writer, p Params) (Writer, error)

	// DecryptReader yields nothing that is not verified.
	DecryptReader(src io.Reader, p Params) (io.Reader, error)

	// ReaderAt reads of src, apart from the edges, what CiphertextRange names
	// for what is asked of it, in ascending order.
	ReaderAt(src io.ReaderAt, size int64, p Params) (ReaderAt, error)
}
