// SPDX-License-Identifier: Apache-2.0

package chunked

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/internal/engine"
)

// spy keeps the last slice it was given, which a proper sink must not do, to
// look at it after the stream has ended.
type spy struct {
	kept []byte
	err  error
}

func (s *spy) Write(p []byte) (int, error) {
	s.kept = p
	return len(p), s.err
}

var anyKey = bytes.Repeat([]byte{0x5a}, KeySize)

func wiped(s *schedule) bool { return s.aead == nil && s.base == [nonceSize]byte{} }

// blank clears the buffer that a stream has just got. There may be ciphertext of
// others in it, which nobody has to clear, behind all that this one will use.
func blank(c *engine.Chunk) *engine.Chunk {
	*c = engine.Chunk{}
	return c
}

// TestWriterCleared ends streams in every way and looks at what is left.
func TestWriterCleared(t *testing.T) {
	for name, end := range map[string]func(w *EncryptWriter, dst *spy){
		"Close": func(w *EncryptWriter, _ *spy) { w.Close() },
		"Abort": func(w *EncryptWriter, _ *spy) { w.Abort(nil) },
		"sink error": func(w *EncryptWriter, dst *spy) {
			dst.err = errors.New("full")
			w.Write(make([]byte, runSize))
		},
	} {
		dst := &spy{}
		w, err := NewEncryptWriter(dst, anyKey, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, buf := &w.s, blank(w.w.Buf)
		if _, err := w.Write(bytes.Repeat([]byte{1}, runSize+100)); err != nil {
			t.Fatal(err)
		}
		if wiped(&s.keys) || *buf == (engine.Chunk{}) {
			t.Fatal("nothing to clear: this test looks at the wrong place")
		}
		end(w, dst)
		if !wiped(&s.keys) {
			t.Errorf("%s: key left behind", name)
		}
		if !bytes.Equal(dst.kept, make([]byte, len(dst.kept))) {
			t.Errorf("%s: buffer given back uncleared", name)
		}
	}
}

// TestReaderCleared does the same for the reading side: of a good stream, a
// stream that was cut, an altered one, and one of another key.
func TestReaderCleared(t *testing.T) {
	var sealed bytes.Buffer
	w, err := NewEncryptWriter(&sealed, anyKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(bytes.Repeat([]byte{1}, runSize+100))
	w.Close()
	for name, alter := range map[string]func(ct []byte) []byte{
		"good":      func(ct []byte) []byte { return ct },
		"empty":     func(ct []byte) []byte { return nil },
		"cut":       func(ct []byte) []byte { return ct[:len(ct)-1] },
		"altered":   func(ct []byte) []byte { ct[headerSize+10] ^= 1; return ct },
		"other key": func(ct []byte) []byte { ct[saltSize] ^= 1; return ct },
	} {
		src := bytes.NewReader(alter(bytes.Clone(sealed.Bytes())))
		r, err := NewDecryptReader(src, anyKey, nil)
		if err != nil {
			t.Fatal(err)
		}
		f := &r.f
		key, buf, dst := f.key, f.buf, &spy{}
		if !bytes.Equal(key, anyKey) || buf == nil {
			t.Fatal("nothing to clear: this test looks at the wrong place")
		}
		if _, err := r.WriteTo(dst); (err == nil) != (name == "good") || err != nil && err != stream.ErrDecrypt {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(key, make([]byte, KeySize)) || f.key != nil || !wiped(&f.keys) {
			t.Errorf("%s: key left behind", name)
		}
		if !bytes.Equal(dst.kept, make([]byte, len(dst.kept))) {
			t.Errorf("%s: buffer given back uncleared", name)
		}
	}
}

// TestShortStreamsCleared: of streams that fill little of a buffer nothing is
// left in it, wherever that was.
func TestShortStreamsCleared(t *testing.T) {
	for _, n := range []int{0, 100, ChunkSize - 1, ChunkSize, 3*ChunkSize + 100, runSize - 1, runSize} {
		plain := bytes.Repeat([]byte{1}, n)
		w, err := NewEncryptWriter(&spy{}, anyKey, nil)
		if err != nil {
			t.Fatal(err)
		}
		pull, err := NewEncryptReader(bytes.NewReader(plain), anyKey, nil)
		if err != nil {
			t.Fatal(err)
		}
		bufs := map[string]*engine.Chunk{"EncryptWriter": blank(w.w.Buf), "EncryptReader": blank(pull.r.F.(*engine.EncryptFeed).Buf)}
		if _, err := w.Write(plain); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		ct, err := io.ReadAll(pull)
		if err != nil {
			t.Fatal(err)
		}
		for name, in := range map[string][]byte{"DecryptReader": ct, "DecryptReader, cut": ct[:len(ct)-1]} {
			r, err := NewDecryptReader(bytes.NewReader(in), anyKey, nil)
			if err != nil {
				t.Fatal(err)
			}
			bufs[name] = blank(r.f.buf)
			if _, err := io.ReadAll(r); (err == nil) != (len(in) == len(ct)) {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for name, buf := range bufs {
			if *buf != (engine.Chunk{}) {
				t.Errorf("len=%d: %s: buffer given back uncleared", n, name)
			}
		}
	}
}

// TestKeyForgotten: the input key is gone once the header was read.
func TestKeyForgotten(t *testing.T) {
	pull, err := NewEncryptReader(bytes.NewReader(make([]byte, 2*runSize)), anyKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewDecryptReader(pull, anyKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	key := r.f.key
	if _, err := r.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(key, make([]byte, KeySize)) {
		t.Error("the input key is still there")
	}
}

// TestScratchCleared: no plaintext goes back to the pool.
func TestScratchCleared(t *testing.T) {
	b := newScratch()
	for i := range b.out {
		b.out[i] = 1
	}
	b.nonce[0] = 1
	b.free()
	if b.out != [ChunkSize]byte{} || b.nonce != [nonceSize]byte{} {
		t.Error("scratch given back uncleared")
	}
}

// TestRejectedChunkLeavesNothing looks at the memory behind what open returns.
func TestRejectedChunkLeavesNothing(t *testing.T) {
	s, err := expand(anyKey, make([]byte, saltSize), nil)
	if err != nil {
		t.Fatal(err)
	}
	var n [nonceSize]byte
	plain := bytes.Repeat([]byte("secret"), 3*ChunkSize/6+1)[:3*ChunkSize]
	ct := make([]byte, 4*sealedSize)
	ct = ct[:s.seal(ct, plain, 0, false, &n)]
	ct[sealedSize] ^= 1
	dst := make([]byte, 3*ChunkSize)
	out, ok := s.open(dst, ct, 0, false, &n)
	if ok || len(out) != ChunkSize || !bytes.Equal(out, plain[:ChunkSize]) {
		t.Errorf("open = %d bytes, %v, want one chunk and false", len(out), ok)
	}
	if !bytes.Equal(dst[ChunkSize:], make([]byte, 2*ChunkSize)) {
		t.Error("unverified plaintext left behind")
	}
}
