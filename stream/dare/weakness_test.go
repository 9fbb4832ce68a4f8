// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/minio/sio"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/dare"
)

// The tests of this file show what is weak in sio, and that it is not in this
// package. One that fails with "sio has mended this" asks for a look whether the
// repair is still needed.

func mended(t *testing.T, what string, args ...any) {
	t.Helper()
	t.Errorf("sio has mended this: "+what, args...)
}

// rejected checks that all readers reject a stream, and that nothing but the
// beginning of plain comes out.
func rejected(t *testing.T, sealed, plain []byte) {
	t.Helper()
	for name, read := range map[string]func([]byte) ([]byte, error){"DecryptReader": decrypt, "ReaderAt": readAt} {
		got, err := read(sealed)
		if !errors.Is(err, stream.ErrDecrypt) || !bytes.HasPrefix(plain, got) {
			t.Errorf("%s = %d bytes, %v, want a part of the plaintext at most, and ErrDecrypt", name, len(got), err)
		}
	}
}

// permuted puts package k^x in place k for all k, as long as there is one, and
// rewrites the public nonces to match.
func permuted(sealed []byte, x int) (out []byte) {
	all := pieces(sealed)
	for k := 0; ; k++ {
		p := bytes.Clone(all[k^x])
		low := p[12:16]
		binary.LittleEndian.PutUint32(low, binary.LittleEndian.Uint32(low)^uint32(x))
		if out = append(out, p...); k^x == len(all)-1 {
			return out
		}
	}
}

// TestWeakNonce: packages can be exchanged, and the beginning be cut off.
func TestWeakNonce(t *testing.T) {
	plain := text(4 * dare.PayloadSize)
	sealed := sioSeal(t, plain, pinned())
	for x, order := range map[int][]int{1: {1, 0, 3}, 2: {2, 3}, 3: {3}} {
		var want []byte
		for _, k := range order {
			want = append(want, plain[k*dare.PayloadSize:][:dare.PayloadSize]...)
		}
		got, err := sio.DecryptBuffer(nil, permuted(sealed, x), pinned())
		if err != nil || !bytes.Equal(got, want) {
			mended(t, "packages %v of 4: %v", order, err)
		}
		// What sio wrote cannot be told from this, as documented.
		r := must(dare.NewSIODecryptReader(bytes.NewReader(permuted(sealed, x)), testKey))
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
			t.Errorf("NewSIODecryptReader, packages %v of 4: %v: if it can notice, its documentation is wrong", order, err)
		}
		rejected(t, permuted(seal(plain), x), nil)
	}
}

// TestWeakPackageAt: a reader at an offset takes any package, from anywhere,
// whose public nonce was rewritten.
func TestWeakPackageAt(t *testing.T) {
	plain := text(3*dare.PayloadSize + 5)
	swap := func(sealed []byte) []byte {
		p := pieces(sealed)
		moved := bytes.Clone(p[2])
		moved[12] ^= 2 ^ 1
		return slices.Concat(p[0], moved, p[2], p[3])
	}
	weak := must(sio.DecryptReaderAt(bytes.NewReader(swap(sioSeal(t, plain, pinned()))), pinned()))
	got := make([]byte, 100)
	if _, err := weak.ReadAt(got, dare.PayloadSize+10); err != nil || !bytes.Equal(got, plain[2*dare.PayloadSize+10:][:100]) {
		mended(t, "package 2 in the place of package 1: %v", err)
	}
	for name, open := range map[string]func(io.ReaderAt, int64, []byte) (*dare.ReaderAt, error){
		"NewReaderAt": dare.NewReaderAt, "NewSIOReaderAt": dare.NewSIOReaderAt,
	} {
		sealed := swap(seal(plain))
		r := must(open(bytes.NewReader(sealed), int64(len(sealed)), testKey))
		if n, err := r.ReadAt(got, dare.PayloadSize+10); n != 0 || !errors.Is(err, stream.ErrDecrypt) {
			t.Errorf("%s: package 2 in the place of package 1 = %d, %v, want 0, ErrDecrypt", name, n, err)
		}
	}
}

// TestWeakEmpty: a stream that was cut to nothing decrypts.
func TestWeakEmpty(t *testing.T) {
	var out bytes.Buffer
	w := must(sio.DecryptWriter(&out, pinned()))
	if err := w.Close(); err != nil {
		mended(t, "DecryptWriter: no bytes at all: %v", err)
	}
	unpinned := sio.Config{Key: testKey}
	if _, err := io.ReadAll(must(sio.DecryptReader(bytes.NewReader(nil), unpinned))); err != nil {
		mended(t, "DecryptReader: no bytes at all: %v", err)
	}
	rejected(t, nil, nil)
	if _, err := io.ReadAll(must(dare.NewSIODecryptReader(bytes.NewReader(nil), testKey))); err != stream.ErrDecrypt {
		t.Errorf("SIODecryptReader of nothing = %v, want ErrDecrypt", err)
	}
	if _, err := dare.NewSIOReaderAt(bytes.NewReader(nil), 0, testKey); err != stream.ErrDecrypt {
		t.Errorf("NewSIOReaderAt of nothing = %v, want ErrDecrypt", err)
	}
}

// TestWeakTail: a stream that was cut between packages decrypts.
func TestWeakTail(t *testing.T) {
	plain := text(3 * dare.PayloadSize)
	cut := seal(plain)[:2*dare.PackageSize]

	var out bytes.Buffer
	w := must(sio.DecryptWriter(&out, pinned()))
	_, err := w.Write(cut)
	if err := errors.Join(err, w.Close()); err != nil || out.Len() != 2*dare.PayloadSize {
		mended(t, "DecryptWriter: missing end: %v", err)
	}
	weak := must(sio.DecryptReaderAt(bytes.NewReader(cut), pinned()))
	if n, err := weak.ReadAt(make([]byte, 100), 10); n != 100 || err != nil {
		mended(t, "DecryptReaderAt: missing end: %d, %v", n, err)
	}
	if _, err := dare.NewReaderAt(bytes.NewReader(cut), int64(len(cut)), testKey); err != stream.ErrDecrypt {
		t.Errorf("NewReaderAt of a stream without its end = %v, want ErrDecrypt", err)
	}
	rejected(t, cut, plain)
}

// TestWeakErrors: the error for a bad last package turns into io.EOF.
func TestWeakErrors(t *testing.T) {
	plain := text(dare.PayloadSize + 100)
	sealed := seal(plain)
	sealed[len(sealed)-1] ^= 1

	weak := must(sio.DecryptReader(bytes.NewReader(sealed), pinned()))
	_, first := io.CopyBuffer(struct{ io.Writer }{io.Discard}, weak, make([]byte, 1000))
	if n, err := weak.Read(make([]byte, 1000)); first == nil || n != 0 || err != io.EOF {
		mended(t, "DecryptReader after %v: %d, %v", first, n, err)
	}
	r := must(dare.NewDecryptReader(bytes.NewReader(sealed), testKey))
	_, first = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, make([]byte, 1000))
	if first != stream.ErrDecrypt {
		t.Errorf("DecryptReader of a bad last package = %v, want ErrDecrypt", first)
	}
	for range 3 {
		if n, err := r.Read(make([]byte, 1000)); n != 0 || err != first {
			t.Errorf("later Read = %d, %v, want 0, %v", n, err, first)
		}
	}
}

// TestWeakClose: Close blesses a decrypting stream that has failed.
func TestWeakClose(t *testing.T) {
	sealed := seal(text(dare.PayloadSize)) // one full package, the last one
	sealed[len(sealed)-1] ^= 1
	w := must(sio.DecryptWriter(io.Discard, pinned()))
	_, err := w.Write(sealed)
	if closed := w.Close(); err == nil || closed != nil {
		mended(t, "DecryptWriter: Write %v, Close %v", err, closed)
	}
	// This package has no decrypting writer.
}

// TestWeakSource: a source whose end is missing passes for one that has ended,
// and what it had yielded is lost if the reader is asked again.
func TestWeakSource(t *testing.T) {
	plain := text(100)
	short := func() io.Reader {
		return io.MultiReader(bytes.NewReader(plain[:50]), iotest.ErrReader(io.ErrUnexpectedEOF))
	}
	sealed, err := io.ReadAll(must(sio.EncryptReader(short(), pinned())))
	if got, _ := sio.DecryptBuffer(nil, sealed, pinned()); err != nil || !bytes.Equal(got, plain[:50]) {
		mended(t, "EncryptReader: source with a missing end: %v", err)
	}
	flaky := &once{first: errFault, then: bytes.NewReader(plain)}
	weak := must(sio.EncryptReader(flaky, pinned()))
	_, first := weak.Read(make([]byte, 1000))
	sealed, err = io.ReadAll(weak)
	got, _ := sio.DecryptBuffer(nil, sealed, pinned())
	if first != errFault || err != nil || !bytes.Equal(got, append([]byte{0}, plain...)) {
		mended(t, "EncryptReader: after %v: %v, %d bytes of plaintext", first, err, len(got))
	}

	sealed, err = io.ReadAll(must(dare.NewEncryptReader(short(), testKey)))
	if !errors.Is(err, io.ErrUnexpectedEOF) || err == io.ErrUnexpectedEOF || len(sealed) > 0 {
		t.Errorf("EncryptReader = %d bytes, %v, want none and a wrapped ErrUnexpectedEOF", len(sealed), err)
	}
	r := must(dare.NewEncryptReader(&once{first: errFault, then: bytes.NewReader(plain)}, testKey))
	_, first = r.Read(make([]byte, 1000))
	if n, err := r.Read(make([]byte, 1000)); n != 0 || err != first || !errors.Is(err, errFault) {
		t.Errorf("Read after %v = %d, %v, want 0 and the same error", first, n, err)
	}
}

// once fails once.
type once struct {
	first error
	then  io.Reader
}

func (o *once) Read(p []byte) (int, error) {
	if err := o.first; err != nil {
		o.first = nil
		return 0, err
	}
	return o.then.Read(p)
}

// TestWeakBuffer: the buffer of the caller is where decrypting takes place, and
// what was in it is gone if the package is bad.
func TestWeakBuffer(t *testing.T) {
	sealed := seal(text(dare.PayloadSize))
	sealed[100] ^= 1
	canary := bytes.Repeat([]byte{0xc5}, dare.PayloadSize)
	p := bytes.Clone(canary)
	if n, err := must(sio.DecryptReader(bytes.NewReader(sealed), pinned())).Read(p); n != 0 || err == nil || bytes.Equal(p, canary) {
		mended(t, "DecryptReader leaves the buffer alone: %d, %v", n, err)
	}
	p = bytes.Clone(canary)
	r := must(dare.NewDecryptReader(bytes.NewReader(sealed), testKey))
	if n, err := r.Read(p); n != 0 || err != stream.ErrDecrypt || !bytes.Equal(p, canary) {
		t.Errorf("Read = %d, %v, want 0, ErrDecrypt and the buffer as it was", n, err)
	}
}

// TestWeakVersion: unless told otherwise sio takes DARE 1.0, of which the tail
// may be missing.
func TestWeakVersion(t *testing.T) {
	c := pinned()
	c.MinVersion, c.MaxVersion = sio.Version10, sio.Version10
	old := sioSeal(t, text(3*dare.PayloadSize), c)
	cut := old[:dare.PackageSize]
	got, err := io.ReadAll(must(sio.DecryptReader(bytes.NewReader(cut), sio.Config{Key: testKey})))
	if err != nil || len(got) != dare.PayloadSize {
		mended(t, "DARE 1.0 without its end: %d bytes, %v", len(got), err)
	}
	for name, open := range map[string]func(io.Reader, []byte) (*dare.DecryptReader, error){
		"NewDecryptReader": dare.NewDecryptReader, "NewSIODecryptReader": dare.NewSIODecryptReader,
	} {
		got, err := io.ReadAll(must(open(bytes.NewReader(old), testKey)))
		if len(got) > 0 || err != dare.ErrVersion || !errors.Is(err, stream.ErrDecrypt) {
			t.Errorf("%s of DARE 1.0 = %d bytes, %v, want ErrVersion", name, len(got), err)
		}
	}
	for name, open := range map[string]func(io.ReaderAt, int64, []byte) (*dare.ReaderAt, error){
		"NewReaderAt": dare.NewReaderAt, "NewSIOReaderAt": dare.NewSIOReaderAt,
	} {
		if _, err := open(bytes.NewReader(old), int64(len(old)), testKey); err != dare.ErrVersion {
			t.Errorf("%s of DARE 1.0 = %v, want ErrVersion", name, err)
		}
	}
}

// TestWeakCount: after 2^32 packages the numbers, and with them the nonces,
// start again.
func TestWeakCount(t *testing.T) {
	c := pinned()
	c.Nonce = &[12]byte{1}
	first := pieces(sioSeal(t, text(2*dare.PayloadSize), c))[0]
	c.SequenceNumber = 1<<32 - 1
	second := pieces(sioSeal(t, text(4 * dare.PayloadSize)[dare.PayloadSize:], c))[1]
	// Same nonce: the XOR of ciphertexts is that of plaintexts.
	plain := text(4 * dare.PayloadSize)
	for i := range 1000 {
		if first[16+i]^second[16+i] != plain[i]^plain[2*dare.PayloadSize+i] {
			mended(t, "nonces after 2^32 packages differ from the first")
			break
		}
	}
	// See TestLimit for this package.
}

// closer notices that it was closed.
type closer struct {
	io.Writer
	closed bool
}

func (c *closer) Close() error {
	c.closed = true
	return nil
}

// TestWeakSink: Close closes what it did not open, Write after it panics.
func TestWeakSink(t *testing.T) {
	dst := &closer{Writer: io.Discard}
	weak := must(sio.EncryptWriter(dst, pinned()))
	weak.Write([]byte("x"))
	weak.Close()
	if !dst.closed {
		mended(t, "Close leaves the sink open")
	}
	func() {
		defer func() {
			if recover() == nil {
				mended(t, "Write after Close does not panic")
			}
		}()
		weak.Write([]byte("x"))
	}()

	dst.closed = false
	w := must(dare.NewEncryptWriter(dst, testKey))
	w.Write([]byte("x"))
	if err := w.Close(); err != nil || dst.closed {
		t.Errorf("Close = %v, sink closed: %v", err, dst.closed)
	}
	if n, err := w.Write([]byte("x")); n != 0 || err != stream.ErrClosed {
		t.Errorf("Write after Close = %d, %v, want 0, ErrClosed", n, err)
	}
}
