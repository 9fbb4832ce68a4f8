// SPDX-License-Identifier: Apache-2.0

// Package streamtest tests encrypting and decrypting streams, of this module
// or any other, against what a careful caller relies on. It is to ciphers what
// testing/iotest and testing/fstest are to readers and file systems.
//
//	encrypts what is written to it    TestEncryptWriter
//	encrypts what it reads            TestEncryptReader
//	decrypts what it reads            TestDecryptReader
//	decrypts what is written to it    TestDecryptWriter
//	decrypts at any offset            TestDecryptReaderAt
//
// Each function takes a constructor and a pair of plaintext and ciphertext,
// calls the constructor many times, and returns nil or an error that says
// which promise was broken, how, and where: "streamtest: truncation: cut after
// byte 32 of 49, …". It reports the first breach of each promise. It needs no
// testing.T, so it works in any test framework.
//
// # What it tries
//
// Many ways to split the calls, empty ones among them. Sources as those of
// testing/iotest: that yield one byte, half of what was asked, data together
// with [io.EOF], nothing for a while, or that fail once and then go on; and
// that scribble over the rest of the buffer, as [io.Reader] allows. Sources and
// sinks that fail, stall, or lie about how much they have done, at every byte.
// For decryption, ciphertexts with every bit flipped, cut at every byte,
// extended, and with pieces exchanged, doubled or dropped. After every failure
// it calls again, to see that the first error is repeated and never turns into
// success. Around every buffer lie canaries.
//
// # What it asks beyond package io
//
// Errors stay: whatever is called after one, it comes back. Errors of a source
// or sink are wrapped, and never a bare [io.EOF] or [io.ErrUnexpectedEOF],
// which others take for an end. Read never returns 0, nil for a buffer that is
// not empty, does not go to the source for one that is, and leaves alone what
// is behind the n bytes that it returns. A source that yields nothing 99 times
// in a row is tolerated; one that does so 1000 times ends in
// [io.ErrNoProgress]. What a sink is given has no spare capacity, or nothing
// but zeros in it. Write after Close fails; a second Close repeats the first.
// Nothing but its own Close closes a sink.
//
// # What it does not try
//
// Whether the cipher is any good, whether keys and IVs are fresh, whether
// secrets leak through time or stay in memory. Nor can it stop a method that
// calls nobody and never returns: run tests with a time limit, as go test does.
// A source or sink of the suite that is called for ever panics, and the panic
// becomes the error.
//
// # Requirements
//
// A constructor must give the same key and IV to every stream that it makes,
// so that the ciphertext is always the same; it is never called concurrently.
// What it returns is released by Close, if it has that method, however the
// stream ended. The constructor may read or write a header: where the input is
// broken, its error counts as that of the stream.
//
// # Amount of work
//
// In streams of up to 4 KiB every byte, and every bit, is tried. Above that the
// suite tries both ends, the places where it sees the type hand on a piece, and
// others, at most 256 for each promise and at least 64, so that about 8 MiB
// pass through for each promise, or 64 times the stream if that is more. Above
// 64 KiB it makes no calls byte by byte. All choices come from fixed seeds, so
// a failure repeats itself.
//
// # What was rejected
//
// A [testing.T] as an argument, which would tie the suite to one framework, and
// keep it from being tested itself: a test of it wants it to fail. New seeds for
// every run: a failure that does not come back helps nobody. Options that switch
// promises off: a stream that does not keep one of them is not to be relied on.
package streamtest

import "io"

// An Assurance says what a decrypting stream promises about the plaintext that
// it releases. The values are ordered: each promises less than the one before.
type Assurance int

const (
	// VerifiedWhole means that not one byte of plaintext leaves before the whole stream
	// has been verified.
	VerifiedWhole Assurance = iota

	// VerifiedPrefix means that every byte that leaves has been verified, and
	// so has the end. What is released of an altered stream is a prefix of the
	// plaintext.
	VerifiedPrefix

	// VerifiedAtEOF means that bytes leave unverified, but [io.EOF], or nil
	// from WriteTo or Close, is returned only if all of them were right.
	VerifiedAtEOF

	// Unauthenticated means that altered ciphertext may pass for good. The suite then
	// looks for panics, endless loops and errors that do not last, and for
	// plaintext that is wrong ahead of the alteration.
	Unauthenticated
)

// DecryptOptions says what a decrypting stream promises.
type DecryptOptions struct {
	// Assurance is what is promised about the plaintext.
	Assurance Assurance

	// Rejected is what [errors.Is] must find in the error for an altered
	// ciphertext, and must not find in the error for a failing source or sink.
	// If it is nil, any error will do.
	Rejected error

	// Sized is for types that know how long their plaintext is, such as the
	// reader of a range: they must reject every truncation even if they are
	// Unauthenticated, and may ignore whatever follows their last byte.
	Sized bool

	// Pieces are the offsets in the ciphertext, ascending, at which pieces
	// begin that are verified on their own. The suite exchanges, doubles and
	// drops them, and looks at their edges. It cannot find them by itself: a
	// format that has such pieces is tested for their order only if they are
	// named.
	Pieces []int
}

// TestEncryptWriter tests a type that encrypts plaintext, which is written to
// it and completed by Close, to ciphertext, which it writes to dst.
//
// If the type has ReadFrom, that is tested too. So is a method Abort(error),
// which must end the stream so that Close returns an error, one that wraps
// what Abort was given, and writes nothing any more.
//
// If the ciphertext is longer than the plaintext the suite takes it that it
// ends in a tag, padding or a final piece, and that a stream which has failed
// must not be completed by it.
//
// It may be called concurrently.
func TestEncryptWriter(newWriter func(dst io.Writer) (io.WriteCloser, error), plaintext, ciphertext []byte) error {
	t := (&writerTest{
		create:   newWriter,
		in:       plaintext,
		want:     ciphertext,
		released: unfinished(ciphertext, len(ciphertext) > len(plaintext)),
	}).prepare()
	return check(
		promise{"round trip", t.roundTrip},
		promise{"splits", t.splits},
		promise{"source errors", t.sourceErrors},
		promise{"source counts", t.sourceCounts},
		promise{"empty reads of the source", t.noProgress},
		promise{"sink errors", t.sinkErrors},
		promise{"close", t.closed},
		promise{"abort", t.aborts},
	)
}

// TestEncryptReader tests a type that reads plaintext from src and yields
// ciphertext.
//
// The type must offer nothing but Read, and Close if it likes: a transport
// that can seek in a body, or read it at an offset, sends it again under a
// used IV, and WriteTo would pass it by.
//
// What [TestEncryptWriter] says about the end of a ciphertext holds here too.
//
// It may be called concurrently.
func TestEncryptReader(newReader func(src io.Reader) (io.Reader, error), plaintext, ciphertext []byte) error {
	t := (&readerTest{
		open:     newReader,
		in:       plaintext,
		want:     ciphertext,
		released: unfinished(ciphertext, len(ciphertext) > len(plaintext)),
	}).prepare()
	return check(
		promise{"round trip", t.roundTrip},
		promise{"read only", t.readOnly},
		promise{"splits", t.splits},
		promise{"empty buffer", t.emptyBuffer},
		promise{"source errors", t.sourceErrors},
		promise{"source counts", t.sourceCounts},
		promise{"empty reads of the source", t.noProgress},
	)
}

// TestDecryptReader tests a type that reads ciphertext from src and yields
// plaintext. If the type has WriteTo, that is tested too. If opts is nil, the
// strictest promise is assumed.
//
// It may be called concurrently.
func TestDecryptReader(newReader func(src io.Reader) (io.Reader, error), ciphertext, plaintext []byte, opts *DecryptOptions) error {
	o := opts.orDefault()
	t := (&readerTest{
		open:     newReader,
		in:       ciphertext,
		want:     plaintext,
		released: o.cutShort(plaintext),
		rejected: o.Rejected,
		sized:    o.Sized,
	}).prepare()
	a := &alterations{decrypt: t.decrypt, observed: t.edges, in: ciphertext, want: plaintext, opts: o}
	return check(append([]promise{
		{"round trip", t.roundTrip},
		{"splits", t.splits},
		{"empty buffer", t.emptyBuffer},
		{"source errors", t.sourceErrors},
		{"source counts", t.sourceCounts},
		{"empty reads of the source", t.noProgress},
		{"sink errors", t.sinkErrors},
	}, a.promises()...)...)
}

// TestDecryptWriter tests a type that decrypts ciphertext, which is written to
// it and ended by Close, to plaintext, which it writes to dst. If opts is nil,
// the strictest promise is assumed.
//
// Close must fail if the end of the ciphertext has not been seen, and after
// any error of Write. If the type has ReadFrom, that is tested too; an error
// of its source must stick. A method Abort is tested as [TestEncryptWriter]
// says.
//
// It may be called concurrently.
func TestDecryptWriter(newWriter func(dst io.Writer) (io.WriteCloser, error), ciphertext, plaintext []byte, opts *DecryptOptions) error {
	o := opts.orDefault()
	t := (&writerTest{
		create:   newWriter,
		in:       ciphertext,
		want:     plaintext,
		released: o.cutShort(plaintext),
		rejected: o.Rejected,
	}).prepare()
	a := &alterations{decrypt: t.decrypt, observed: t.edges, in: ciphertext, want: plaintext, opts: o}
	return check(append([]promise{
		{"round trip", t.roundTrip},
		{"splits", t.splits},
		{"source errors", t.sourceErrors},
		{"source counts", t.sourceCounts},
		{"empty reads of the source", t.noProgress},
		{"sink errors", t.sinkErrors},
		{"close", t.closed},
		{"abort", t.aborts},
	}, a.promises()...)...)
}

func (o *DecryptOptions) orDefault() DecryptOptions {
	if o == nil {
		return DecryptOptions{}
	}
	return *o
}
