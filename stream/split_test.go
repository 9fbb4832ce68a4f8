// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/stream"
)

// drawn is one random case: a stream, the key material, a chunk size, and in
// which steps it is read or written.
type drawn struct {
	key, iv, iv2, aad, plain []byte
	chunk                    int
	steps                    []int
}

func draw(t *rapid.T) drawn {
	bytesOf := func(n int, name string) []byte {
		return rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, name)
	}
	return drawn{
		key:   bytesOf(rapid.SampledFrom([]int{16, 24, 32}).Draw(t, "keySize"), "key"),
		iv:    bytesOf(12, "iv"),
		iv2:   bytesOf(16, "iv2"),
		aad:   rapid.SliceOfN(rapid.Byte(), 0, 70).Draw(t, "aad"),
		plain: text(rapid.IntRange(0, 4000).Draw(t, "size")),
		chunk: 16 * rapid.IntRange(1, 20).Draw(t, "blocks"),
		steps: rapid.SliceOfN(rapid.IntRange(0, 1500), 1, 8).Draw(t, "steps"),
	}
}

func (d drawn) gcm() []byte { return newAEAD(d.key).Seal(nil, d.iv, d.plain, d.aad) }
func (d drawn) cbc() []byte { return cbcSeal(d.key, d.iv2, d.plain) }

// feed gives p to w in the steps of d, by Write and ReadFrom in turn, and
// closes it.
func (d drawn) feed(w encryptWriter, p []byte) error {
	for i := 0; len(p) > 0; i++ {
		n := min(d.steps[i%len(d.steps)], len(p))
		if i >= len(d.steps) {
			n = max(n, 1) // so that steps of 0 alone come to an end
		}
		if i%3 == 2 {
			if m, err := w.ReadFrom(iotest.HalfReader(bytes.NewReader(p[:n]))); err != nil || m != int64(n) {
				return fmt.Errorf("ReadFrom = %d, %v, want %d", m, err, n)
			}
		} else if m, err := w.Write(p[:n]); err != nil || m != n {
			return fmt.Errorf("Write = %d, %v, want %d", m, err, n)
		}
		p = p[n:]
	}
	return w.Close()
}

// drain reads r to its end in the steps of d.
func (d drawn) drain(r io.Reader) (got []byte, err error) {
	buf := make([]byte, 1501)
	for i := 0; ; i++ {
		size := d.steps[i%len(d.steps)]
		if i >= len(d.steps) {
			size++
		}
		n, err := r.Read(buf[:size])
		got = append(got, buf[:n]...)
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		if n == 0 && size > 0 {
			return got, fmt.Errorf("Read(%d bytes) = 0, nil", size)
		}
	}
}

// source delivers p in the steps of d.
func (d drawn) source(p []byte) io.Reader {
	return &stepReader{bytes.NewReader(p), append([]int{1}, d.steps...), 0}
}

func TestSplitWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		var buf bytes.Buffer
		gcm := stream.SetChunkSize(must(stream.NewGCMEncryptWriter(&buf, d.key, d.iv, d.aad)), d.chunk)
		if err := d.feed(gcm, d.plain); err != nil || !bytes.Equal(buf.Bytes(), d.gcm()) {
			t.Errorf("GCM: %v or wrong ciphertext", err)
		}
		buf.Reset()
		cbc := stream.SetChunkSize(must(stream.NewCBCEncryptWriter(&buf, d.key, d.iv2)), d.chunk)
		if err := d.feed(cbc, d.plain); err != nil || !bytes.Equal(buf.Bytes(), d.cbc()) {
			t.Errorf("CBC: %v or wrong ciphertext", err)
		}
	})
}

func TestSplitReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		check := func(name string, r io.Reader, want []byte) {
			if got, err := d.drain(r); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %v or wrong bytes", name, err)
			}
		}
		check("GCM encrypt", stream.SetChunkSize(must(stream.NewGCMEncryptReader(d.source(d.plain), d.key, d.iv, d.aad)), d.chunk), d.gcm())
		check("CBC encrypt", stream.SetChunkSize(must(stream.NewCBCEncryptReader(d.source(d.plain), d.key, d.iv2)), d.chunk), d.cbc())
		check("GCM decrypt", stream.SetChunkSize(must(stream.NewGCMDecryptReader(d.source(d.gcm()), d.key, d.iv, d.aad, 1<<20)), d.chunk), d.plain)
		check("GCM unverified", stream.SetChunkSize(must(stream.NewGCMUnverifiedReader(d.source(d.gcm()), d.key, d.iv, d.aad)), d.chunk), d.plain)
		check("CBC decrypt", stream.SetChunkSize(must(stream.NewCBCDecryptReader(d.source(d.cbc()), d.key, d.iv2)), d.chunk), d.plain)
		if n, err := stream.VerifyGCMChunks(d.source(d.gcm()), d.key, d.iv, d.aad, d.chunk); n != int64(len(d.plain)) || err != nil {
			t.Errorf("VerifyGCM = %d, %v, want %d", n, err, len(d.plain))
		}
		off := rapid.IntRange(0, len(d.plain)).Draw(t, "off")
		n := rapid.IntRange(0, len(d.plain)-off).Draw(t, "n")
		coff, cn, err := stream.GCMCiphertextRange(int64(off), int64(n))
		if err != nil {
			t.Fatal(err)
		}
		part := d.gcm()[coff : coff+cn]
		check("CTR range", must(stream.NewCTRRangeReader(d.source(part), d.key, d.iv, int64(off), int64(n))), d.plain[off:off+n])
	})
}

// TestReadThenWriteTo reads part of a stream and has the rest written.
func TestReadThenWriteTo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		for name, r := range map[string]io.Reader{
			"GCM decrypt":    stream.SetChunkSize(must(stream.NewGCMDecryptReader(d.source(d.gcm()), d.key, d.iv, d.aad, 1<<20)), d.chunk),
			"GCM unverified": stream.SetChunkSize(must(stream.NewGCMUnverifiedReader(d.source(d.gcm()), d.key, d.iv, d.aad)), d.chunk),
			"CBC decrypt":    stream.SetChunkSize(must(stream.NewCBCDecryptReader(d.source(d.cbc()), d.key, d.iv2)), d.chunk),
		} {
			head := make([]byte, rapid.IntRange(0, len(d.plain)).Draw(t, "head"))
			if _, err := io.ReadFull(r, head); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			rest := bytes.NewBuffer(head)
			n, err := r.(io.WriterTo).WriteTo(rest)
			if err != nil || !bytes.Equal(rest.Bytes(), d.plain) || n != int64(len(d.plain)-len(head)) {
				t.Errorf("%s: WriteTo = %d, %v or wrong bytes", name, n, err)
			}
		}
	})
}

// TestMutated changes a random part of a stream; whatever it is, it must be
// rejected.
func TestMutated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		sealed := d.gcm()
		from := rapid.IntRange(0, len(sealed)).Draw(t, "from")
		to := rapid.IntRange(from, len(sealed)).Draw(t, "to")
		insert := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "insert")
		bad := append(append(bytes.Clone(sealed[:from]), insert...), sealed[to:]...)
		if bytes.Equal(bad, sealed) {
			return
		}
		r := stream.SetChunkSize(must(stream.NewGCMDecryptReader(d.source(bad), d.key, d.iv, d.aad, 1<<20)), d.chunk)
		if got, err := d.drain(r); err != stream.ErrDecrypt || len(got) != 0 {
			t.Errorf("%d bytes, %v, want none, ErrDecrypt", len(got), err)
		}
		u := stream.SetChunkSize(must(stream.NewGCMUnverifiedReader(d.source(bad), d.key, d.iv, d.aad)), d.chunk)
		if _, err := d.drain(u); err != stream.ErrDecrypt {
			t.Errorf("unverified: %v, want ErrDecrypt", err)
		}
	})
}
