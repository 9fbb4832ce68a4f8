// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/s3seal/s3seal/stream"
)

// blocksAt encrypts p with the key stream of a GCM body from byte offset off
// on, one counter block at a time: the textbook, with no counter that carries.
func blocksAt(off int64, p []byte) []byte {
	block := newBlock(testKey)
	out := make([]byte, len(p))
	for i := 0; i < len(p); i += 16 {
		var j [16]byte
		copy(j[:], testIV)
		binary.BigEndian.PutUint32(j[12:], uint32(2+(off+int64(i))/16))
		block.Encrypt(j[:], j[:])
		for k := i; k < min(i+16, len(p)); k++ {
			out[k] = p[k] ^ j[k-i]
		}
	}
	return out
}

// TestGCMLimitWrite writes up to the limit of the mode and one byte past it.
// What would pass it must not leave.
func TestGCMLimitWrite(t *testing.T) {
	for _, room := range []int64{0, 16, 48, 112, 160} {
		start := stream.GCMMaxSize - room
		open := func(buf *bytes.Buffer) *stream.GCMEncryptWriter {
			w := stream.SetChunkSize(must(stream.NewGCMEncryptWriter(buf, testKey, testIV, testAAD)), 48)
			return stream.Skip(w, start)
		}
		var buf bytes.Buffer
		if err := writeAll(open(&buf), text(int(room))); err != nil {
			t.Errorf("room=%d: %v, want nil: the limit is inclusive", room, err)
		}
		if got := buf.Bytes()[:room]; buf.Len() != int(room)+16 || !bytes.Equal(got, blocksAt(start, text(int(room)))) {
			t.Errorf("room=%d: wrong ciphertext", room)
		}

		buf.Reset()
		w := open(&buf)
		if n, err := w.Write(text(int(room))); n != int(room) || err != nil {
			t.Fatalf("room=%d: Write = %d, %v", room, n, err)
		}
		had := buf.Len()
		n, err := w.Write([]byte{1})
		if n != 0 || err != stream.ErrTooLarge {
			t.Errorf("room=%d: Write past the limit = %d, %v, want 0, ErrTooLarge", room, n, err)
		}
		if err := checkDead(w, stream.ErrTooLarge); err != nil {
			t.Errorf("room=%d: %v", room, err)
		}
		if buf.Len() != had {
			t.Errorf("room=%d: %d bytes left after the limit", room, buf.Len()-had)
		}

		buf.Reset()
		w = open(&buf)
		if _, err := w.ReadFrom(bytes.NewReader(text(int(room) + 1))); err != stream.ErrTooLarge {
			t.Errorf("room=%d: ReadFrom past the limit = %v, want ErrTooLarge", room, err)
		}
		if int64(buf.Len()) > room || w.Close() != stream.ErrTooLarge {
			t.Errorf("room=%d: %d bytes left, Close = %v", room, buf.Len(), w.Close())
		}
	}
}

// TestGCMLimitRead does the same for the readers.
func TestGCMLimitRead(t *testing.T) {
	const room = 112
	start := stream.GCMMaxSize - room
	for over := range 2 {
		plain := text(room + over)
		body := append(blocksAt(start, plain), make([]byte, 16)...)
		r := stream.Skip(stream.SetChunkSize(must(stream.NewGCMEncryptReader(bytes.NewReader(plain), testKey, testIV, testAAD)), 48), start)
		got, err := io.ReadAll(r)
		if over == 0 && (err != nil || !bytes.Equal(got[:room], body[:room])) {
			t.Errorf("encrypting up to the limit: %v", err)
		}
		if over == 1 && (err != stream.ErrTooLarge || len(got) > room) {
			t.Errorf("encrypting past the limit: %d bytes, %v, want ErrTooLarge", len(got), err)
		}

		// The tag is wrong, for the bytes that were skipped are not in the
		// hash. So what counts is which error comes.
		want := []error{stream.ErrDecrypt, stream.ErrTooLarge}[over]
		u := stream.Skip(stream.SetChunkSize(must(stream.NewGCMUnverifiedReader(bytes.NewReader(body), testKey, testIV, testAAD)), 48), start)
		got, err = io.ReadAll(u)
		if err != want || !bytes.Equal(got, plain[:96]) {
			t.Errorf("decrypting %d past the limit: %d bytes, %v, want 96, %v", over, len(got), err, want)
		}
		d := stream.Skip(stream.SetChunkSize(must(stream.NewGCMDecryptReader(bytes.NewReader(body), testKey, testIV, testAAD, 1<<20)), 48), start)
		if _, err := d.Read(make([]byte, 1)); err != want {
			t.Errorf("buffered decrypting %d past the limit: %v, want %v", over, err, want)
		}
		long := stream.Skip(stream.SetChunkSize(must(stream.NewGCMDecryptReader(bytes.NewReader(append(body, text(100)...)), testKey, testIV, testAAD, 1<<20)), 48), start)
		if _, err := long.Read(make([]byte, 1)); err != stream.ErrTooLarge {
			t.Errorf("far past the limit: %v, want ErrTooLarge", err)
		}
	}
}

// TestCounters compares whole chunks far into a stream with the textbook, at
// the places where a 32-bit count or a signed one would go wrong.
func TestCounters(t *testing.T) {
	for _, start := range []int64{0, 16, 1 << 20, 1 << 31, 1<<32 - 32, 1<<35 - 64, 1<<36 - 1024} {
		plain := text(256)
		var buf bytes.Buffer
		w := stream.SetChunkSize(must(stream.NewGCMEncryptWriter(&buf, testKey, testIV, nil)), 48)
		if start > 0 {
			stream.Skip(w, start)
		}
		if err := writeAll(w, plain); err != nil {
			t.Fatal(err)
		}
		want := blocksAt(start, plain)
		if !bytes.Equal(buf.Bytes()[:256], want) {
			t.Errorf("start=%d: wrong ciphertext", start)
		}
		coff, cn, err := stream.GCMCiphertextRange(start+5, 200)
		if err != nil || coff != start || cn != 205 {
			t.Fatalf("GCMCiphertextRange = %d, %d, %v", coff, cn, err)
		}
		r := must(stream.NewCTRRangeReader(bytes.NewReader(want[:cn]), testKey, testIV, start+5, 200))
		if err := checkReader(r, plain[5:205]); err != nil {
			t.Errorf("start=%d: range: %v", start, err)
		}
	}
}

func TestCTRRangeLimit(t *testing.T) {
	for _, c := range []struct {
		off, n int64
		want   error
	}{
		{stream.GCMMaxSize, 0, nil},
		{stream.GCMMaxSize - 1, 1, nil},
		{stream.GCMMaxSize, 1, stream.ErrTooLarge},
		{stream.GCMMaxSize + 1, 0, stream.ErrTooLarge},
		{0, stream.GCMMaxSize, nil},
		{1, stream.GCMMaxSize, stream.ErrTooLarge},
		{1<<63 - 1, 1<<63 - 1, stream.ErrTooLarge},
	} {
		_, err := stream.NewCTRRangeReader(nil, testKey, testIV, c.off, c.n)
		if !errors.Is(err, c.want) {
			t.Errorf("range of %d from %d on: %v, want %v", c.n, c.off, err, c.want)
		}
	}
	for _, c := range [][2]int64{{-1, 0}, {0, -1}, {-1 << 63, 1}} {
		if _, err := stream.NewCTRRangeReader(nil, testKey, testIV, c[0], c[1]); err == nil || errors.Is(err, stream.ErrTooLarge) {
			t.Errorf("range of %d from %d on: %v, want an error of its own", c[1], c[0], err)
		}
	}
}

// TestCTRReader counts across the edge of 32 and of 64 bits: this counter is
// the whole block.
func TestCTRReader(t *testing.T) {
	for _, iv := range []string{
		"000102030405060708090a0b0c0d0e0f",
		"00000000000000000000000fffffffff",
		"0000000000000000fffffffffffffffe",
		"ffffffffffffffffffffffffffffffff",
	} {
		for _, n := range []int{0, 1, 16, 100} {
			plain := text(n)
			want := make([]byte, n)
			cipher.NewCTR(newBlock(testKey), unhex(iv)).XORKeyStream(want, plain)
			r := must(stream.NewCTRReader(&stuttering{r: bytes.NewReader(plain), times: 3}, testKey, unhex(iv)))
			if err := checkReader(r, want); err != nil {
				t.Errorf("iv=%s,len=%d: %v", iv, n, err)
			}
		}
	}
	for k := range 40 {
		r := must(stream.NewCTRReader(failWith(text(40)[:k], io.ErrUnexpectedEOF), testKey, testIV2))
		got, err := io.ReadAll(r)
		if len(got) != k || !errors.Is(err, io.ErrUnexpectedEOF) || bare(err) {
			t.Errorf("k=%d: %d bytes, %v, want a wrapped error", k, len(got), err)
		}
		if err := checkStuck(r, err); err != nil {
			t.Error(err)
		}
	}
}

// TestCTRMalleable documents what CTR does not promise: a stream that was cut is a
// shorter one, at every length, and a flipped bit is flipped in the plaintext.
func TestCTRMalleable(t *testing.T) {
	plain := text(100)
	sealed := must(io.ReadAll(must(stream.NewCTRReader(bytes.NewReader(plain), testKey, testIV2))))
	for k := range len(sealed) + 1 {
		r := must(stream.NewCTRReader(bytes.NewReader(sealed[:k]), testKey, testIV2))
		if err := checkReader(r, plain[:k]); err != nil {
			t.Errorf("cut at %d: %v", k, err)
		}
	}
	for i := range len(sealed) * 8 {
		bad, want := bytes.Clone(sealed), bytes.Clone(plain)
		bad[i/8] ^= 1 << (i % 8)
		want[i/8] ^= 1 << (i % 8)
		if err := checkReader(must(stream.NewCTRReader(bytes.NewReader(bad), testKey, testIV2)), want); err != nil {
			t.Errorf("bit %d: %v", i, err)
		}
	}
}
