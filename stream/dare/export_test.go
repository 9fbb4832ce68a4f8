// SPDX-License-Identifier: Apache-2.0

package dare

import (
	"io"
	"reflect"

	"github.com/minio/sio"
)

// Overhead and PackageSize are those of the format.
const (
	Overhead    = overhead
	PackageSize = packageSize
)

// FixedEncryptWriter is NewEncryptWriter with a nonce that is given.
func FixedEncryptWriter(dst io.Writer, key []byte, nonce [8]byte) (*EncryptWriter, error) {
	return newEncryptWriter(dst, key, widen(nonce))
}

// FixedEncryptReader is NewEncryptReader with a nonce that is given.
func FixedEncryptReader(src io.Reader, key []byte, nonce [8]byte) (*EncryptReader, error) {
	return newEncryptReader(src, key, widen(nonce))
}

func widen(nonce [8]byte) (wide [12]byte) {
	copy(wide[:], nonce[:])
	return wide
}

// SkipWritten makes a new writer believe that k packages have left it already.
func SkipWritten(w *EncryptWriter, key []byte, nonce [8]byte, k int64) {
	c := sealing(key, widen(nonce))
	c.SequenceNumber = uint32(k)
	w.w, _ = sio.EncryptWriter(outlet{w}, c)
	w.n = k * PayloadSize
}

// SkipPulled makes a new reader believe that k packages have left it already.
func SkipPulled(r *EncryptReader, k int64) {
	f := r.r.F.(*sealFeed)
	f.next, f.src.n = k, k*PayloadSize
}

// Wiped says whether an encrypting reader has cleared its key and given its
// buffer back.
func Wiped(r *EncryptReader) bool {
	f := r.r.F.(*sealFeed)
	return f.buf == nil && f.key == [KeySize]byte{} && f.one == nil && f.piece.Buf == nil
}

// SealOne seals the first package of src, gives up, and returns what of sio was
// in use.
func SealOne(src io.Reader, key []byte) any {
	f := newSealFeed(src, key, newNonce())
	f.Next()
	inner := f.one
	f.Wipe()
	return inner
}

// SkipRead makes a new reader expect package k.
func SkipRead(r *DecryptReader, key []byte, k int64) {
	r.r, _ = sio.DecryptReader(&r.src, opening(key, false, k))
	r.src.k, r.src.plain, r.n = k, k*PayloadSize, k*PayloadSize
}

// Inner returns what of sio is in a stream.
func Inner(s any) any {
	switch s := s.(type) {
	case *EncryptWriter:
		return s.w
	case *DecryptReader:
		return s.r
	}
	panic("nothing of sio in there")
}

// Holds says whether a stream of sio still has its buffer.
func Holds(inner any) bool {
	return !reflect.ValueOf(inner).Elem().FieldByName("buffer").IsNil()
}
