// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"

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

var zeroBlock [BlockSize]byte

// TestPieceTagCleared looks behind each piece of ciphertext, where the AEAD has
// left its tag: together with the ciphertext it would allow forgeries.
func TestPieceTagCleared(t *testing.T) {
	s, err := newGCMSealer(zeroBlock[:], zeroBlock[:GCMIVSize], nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &engine.Piece{In: make([]byte, 64), Buf: engine.NewChunk()}
	defer p.Buf.Free()
	for range 3 {
		for i := range p.Buf {
			p.Buf[i] = 0xcc
		}
		s.Begin(p)
		s.Work(p)
		if !bytes.Equal(p.Buf[64:80], zeroBlock[:]) {
			t.Errorf("tag of a piece left behind: %x", p.Buf[64:80])
		}
		if !bytes.Equal(p.Buf[80:96], bytes.Repeat([]byte{0xcc}, 16)) {
			t.Error("Work wrote behind its scratch space")
		}
		s.Join(p)
		if p.Sum != zeroBlock || p.Block != zeroBlock {
			t.Error("tag or nonce of a piece left behind in it")
		}
	}
}

// blank clears the buffer that a stream has just got. There may be ciphertext of
// others in it, which nobody has to clear, behind all that this one will use.
func blank(c *engine.Chunk) *engine.Chunk {
	*c = engine.Chunk{}
	return c
}

// TestSecretsCleared ends streams in every way and looks at what is left.
func TestSecretsCleared(t *testing.T) {
	plain := make([]byte, 200)
	ends := map[string]func(w *GCMEncryptWriter, dst *spy){
		"Close": func(w *GCMEncryptWriter, _ *spy) { w.Close() },
		"Abort": func(w *GCMEncryptWriter, _ *spy) { w.Abort(nil) },
		"sink error": func(w *GCMEncryptWriter, dst *spy) {
			dst.err = errors.New("full")
			w.Write(plain)
		},
		"source error": func(w *GCMEncryptWriter, _ *spy) { w.ReadFrom(broken{}) },
	}
	for name, end := range ends {
		dst := &spy{}
		w, err := NewGCMEncryptWriter(dst, zeroBlock[:], zeroBlock[:GCMIVSize], nil)
		if err != nil {
			t.Fatal(err)
		}
		SetChunkSize(w, 48)
		s, buf := w.w.Enc.(*gcmSealer), blank(w.w.Buf)
		if _, err := w.Write(plain); err != nil {
			t.Fatal(err)
		}
		if s.hash == (ghash{}) || s.base == (element{}) || *buf == (engine.Chunk{}) {
			t.Fatal("nothing to clear: this test looks at the wrong place")
		}
		end(w, dst)
		if s.hash != (ghash{}) || s.base != (element{}) || s.step != (element{}) || s.x != zeroBlock || s.block != nil || s.aead != nil || s.wide != nil {
			t.Errorf("%s: hash key left behind", name)
		}
		if !bytes.Equal(dst.kept, make([]byte, len(dst.kept))) {
			t.Errorf("%s: buffer given back uncleared", name)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

// TestOpenerCleared does the same for the reading side.
func TestOpenerCleared(t *testing.T) {
	var sealed bytes.Buffer
	w, err := NewGCMEncryptWriter(&sealed, zeroBlock[:], zeroBlock[:GCMIVSize], nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(make([]byte, 200))
	w.Close()
	for _, cut := range []int{0, 1, 100} {
		body := sealed.Bytes()[:sealed.Len()-cut]
		u, err := NewGCMUnverifiedReader(bytes.NewReader(body), zeroBlock[:], zeroBlock[:GCMIVSize], nil)
		if err != nil {
			t.Fatal(err)
		}
		d, err := NewGCMDecryptReader(bytes.NewReader(body), zeroBlock[:], zeroBlock[:GCMIVSize], nil, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for r, o := range map[io.WriterTo]*gcmOpener{
			u: &u.f.o,
			d: &d.f.o,
		} {
			o.chunk = 48
			_, err := r.WriteTo(&spy{})
			if (err == nil) != (cut == 0) {
				t.Errorf("cut=%d, %T: %v", cut, r, err)
			}
			if o.ctr != nil || o.hash != (ghash{}) || o.mask != (element{}) || o.t != [GCMTagSize]byte{} {
				t.Errorf("cut=%d, %T: hash key left behind", cut, r)
			}
		}
	}
}

// TestVerifyCleared does the same for VerifyGCM.
func TestVerifyCleared(t *testing.T) {
	for _, body := range [][]byte{make([]byte, 300), make([]byte, 5)} {
		o, err := newGCMOpener(bytes.NewReader(body), zeroBlock[:], zeroBlock[:GCMIVSize], nil)
		if err != nil {
			t.Fatal(err)
		}
		o.chunk = 48
		if _, err := o.drain(); err != ErrDecrypt {
			t.Errorf("drain = %v, want ErrDecrypt", err)
		}
		if o.ctr != nil || o.hash != (ghash{}) || o.mask != (element{}) {
			t.Error("hash key left behind")
		}
	}
}

// TestBufferedGivesBack checks that a buffered stream clears each chunk as soon
// as its plaintext has been read.
func TestBufferedGivesBack(t *testing.T) {
	var sealed bytes.Buffer
	e, err := NewGCMEncryptReader(bytes.NewReader(bytes.Repeat([]byte{1}, 200)), zeroBlock[:], zeroBlock[:GCMIVSize], nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sealed.ReadFrom(e); err != nil {
		t.Fatal(err)
	}
	d, err := NewGCMDecryptReader(&sealed, zeroBlock[:], zeroBlock[:GCMIVSize], nil, 1000)
	if err != nil {
		t.Fatal(err)
	}
	SetChunkSize(d, 48)
	f := d.r.F.(*bufferedFeed)
	if _, err := io.ReadFull(d, make([]byte, 49)); err != nil {
		t.Fatal(err)
	}
	if *f.body[0].buf != (engine.Chunk{}) || *f.body[1].buf == (engine.Chunk{}) || len(f.body) != 5 {
		t.Errorf("after 49 of 200 bytes in chunks of 48: want 1 of 5 chunks cleared")
	}
}

// TestCBCCleared looks at what CBC keeps: plaintext and the key schedule.
func TestCBCCleared(t *testing.T) {
	var sealed bytes.Buffer
	w, err := NewCBCEncryptWriter(&sealed, zeroBlock[:], zeroBlock[:])
	if err != nil {
		t.Fatal(err)
	}
	w.Write(bytes.Repeat([]byte{1}, 200))
	c := w.w.Enc.(*cbc)
	w.Close()
	if c.mode != nil {
		t.Error("the key schedule is still referenced after Close")
	}
	r, err := NewCBCDecryptReader(&sealed, zeroBlock[:], zeroBlock[:])
	if err != nil {
		t.Fatal(err)
	}
	SetChunkSize(r, 48)
	f := r.r.F.(*cbcFeed)
	buf := blank(f.buf)
	if _, err := r.WriteTo(&spy{}); err != nil {
		t.Fatal(err)
	}
	if f.last != zeroBlock || *buf != (engine.Chunk{}) {
		t.Error("plaintext left behind")
	}
}

// TestCBCSizeLimit: a size must stay one that int64 can hold with its padding.
func TestCBCSizeLimit(t *testing.T) {
	c := cbc{size: math.MaxInt64 - BlockSize - 10}
	if err := c.Admit(10); err != nil {
		t.Errorf("admit = %v, want nil", err)
	}
	if err := c.Admit(1); err != ErrTooLarge {
		t.Errorf("admit = %v, want ErrTooLarge", err)
	}
}

// TestClearedWithLastByte reads exactly the bytes of a stream, as those do who
// know its size, and never gets to see the io.EOF.
func TestClearedWithLastByte(t *testing.T) {
	for _, n := range []int{10, 48, 200} {
		var sealed bytes.Buffer
		e, err := NewGCMEncryptReader(bytes.NewReader(make([]byte, n)), zeroBlock[:], zeroBlock[:GCMIVSize], nil)
		if err != nil {
			t.Fatal(err)
		}
		SetChunkSize(e, 48)
		s := e.r.F.(*engine.EncryptFeed)
		buf := blank(s.Buf)
		if _, err := io.CopyN(&sealed, e, int64(n)+GCMTagSize); err != nil {
			t.Fatal(err)
		}
		if e.r.Err != io.EOF || s.Enc.(*gcmSealer).hash != (ghash{}) || *buf != (engine.Chunk{}) {
			t.Errorf("len=%d: encrypting reader not cleared", n)
		}

		u, err := NewGCMUnverifiedReader(&sealed, zeroBlock[:], zeroBlock[:GCMIVSize], nil)
		if err != nil {
			t.Fatal(err)
		}
		SetChunkSize(u, 48)
		f := u.r.F.(*unverifiedFeed)
		buf = blank(f.buf)
		if _, err := io.ReadFull(u, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		// With nothing behind the last chunk, its end is not known yet.
		if n%48 != 0 && (u.r.Err != io.EOF || f.o.hash != (ghash{}) || *buf != (engine.Chunk{})) {
			t.Errorf("len=%d: decrypting reader not cleared", n)
		}
	}
}

// TestChunkCleared checks what the pool hands to the next stream.
func TestChunkCleared(t *testing.T) {
	c := engine.NewChunk()
	for i := range c {
		c[i] = 1
	}
	c.Free()
	if *c != (engine.Chunk{}) {
		t.Error("a chunk was given back uncleared")
	}
}
