// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/s3seal/s3seal/stream"
)

// TestTruncation cuts a stream at every byte. No reader may take the rest for
// whole, and a buffered one may release nothing of it.
func TestTruncation(t *testing.T) {
	m := gcmMode()
	for _, n := range []int{0, 1, 16, 31, 48, 64, 130} {
		plain := text(n)
		sealed := m.seal(plain)
		for k := range sealed {
			checkRejected(t, fmt.Sprintf("len=%d,cut=%d", n, k), sealed[:k], plain[:min(k, n)])
		}
	}
}

// TestBitFlips flips every bit of a stream.
func TestBitFlips(t *testing.T) {
	m := gcmMode()
	for _, n := range []int{0, 1, 16, 48, 49, 100} {
		plain := text(n)
		sealed := m.seal(plain)
		for i := range len(sealed) * 8 {
			bad, release := bytes.Clone(sealed), bytes.Clone(plain)
			bad[i/8] ^= 1 << (i % 8)
			if i/8 < n {
				release[i/8] ^= 1 << (i % 8) // CTR mode: what is released is known
			}
			checkRejected(t, fmt.Sprintf("len=%d,bit=%d", n, i), bad, release)
		}
	}
}

// TestAppended appends to a stream, and puts things before it.
func TestAppended(t *testing.T) {
	m := gcmMode()
	for _, n := range []int{0, 1, 48, 100} {
		sealed := m.seal(text(n))
		for k := 1; k <= 64; k++ {
			more := append(bytes.Clone(sealed), text(k)...)
			release := append(text(n), gcmKeyStream(t, n, 16+k, more[n:])...)
			checkRejected(t, fmt.Sprintf("len=%d,appended=%d", n, k), more, release)
			checkRejected(t, fmt.Sprintf("len=%d,prepended=%d", n, k), append(text(k), sealed...), nil)
			checkRejected(t, fmt.Sprintf("len=%d,tag twice", n), append(bytes.Clone(sealed), sealed[n:]...), release)
		}
	}
}

// TestSwappedChunks exchanges, drops and repeats chunks.
func TestSwappedChunks(t *testing.T) {
	const c = 48
	sealed := gcmMode().seal(text(4 * c))
	part := func(i int) []byte { return sealed[i*c : min(len(sealed), (i+1)*c)] }
	for name, order := range map[string][]int{
		"swap": {1, 0, 2, 3, 4}, "drop": {0, 2, 3, 4}, "repeat": {0, 1, 1, 2, 3, 4}, "reverse": {3, 2, 1, 0, 4}, "none": {4},
	} {
		var bad []byte
		for _, i := range order {
			bad = append(bad, part(i)...)
		}
		checkRejected(t, name, bad, nil)
	}
}

// checkRejected checks that bad is rejected by everything that checks tags,
// and that what comes out unverified is the start of release, unless that is
// nil.
func checkRejected(t *testing.T, name string, bad, release []byte) {
	t.Helper()
	m := gcmMode()
	for _, chunk := range []int{16, 48, 256} {
		for _, d := range m.decrypt {
			r := d.open(bytes.NewReader(bad), chunk)
			got, err := io.ReadAll(onlyReader{r})
			if err != stream.ErrDecrypt {
				t.Errorf("%s, chunk=%d, %s: error %v, want ErrDecrypt", name, chunk, d.name, err)
			}
			if d.buffered && len(got) != 0 {
				t.Errorf("%s, chunk=%d: %d bytes came out unverified", name, chunk, len(got))
			}
			if release != nil && !bytes.HasPrefix(release, got) {
				t.Errorf("%s, chunk=%d, %s: released %x, want a prefix of %x", name, chunk, d.name, got, release)
			}
			if err := checkStuck(r, stream.ErrDecrypt); err != nil {
				t.Errorf("%s, chunk=%d, %s: %v", name, chunk, d.name, err)
			}
		}
		n, err := stream.VerifyGCMChunks(bytes.NewReader(bad), testKey, testIV, testAAD, chunk)
		if n != 0 || err != stream.ErrDecrypt {
			t.Errorf("%s, chunk=%d: VerifyGCM = %d, %v, want 0, ErrDecrypt", name, chunk, n, err)
		}
	}
}

// gcmKeyStream decrypts n bytes at offset off of a GCM body.
func gcmKeyStream(t *testing.T, off, n int, body []byte) []byte {
	t.Helper()
	pad := make([]byte, off+n)
	r := must(stream.NewCTRRangeReader(bytes.NewReader(append(pad[:off], body...)), testKey, testIV, 0, int64(off+n)))
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return got[off:]
}

// TestWrongInputs opens a good stream with one wrong argument.
func TestWrongInputs(t *testing.T) {
	flip := func(b []byte) []byte { b = bytes.Clone(b); b[len(b)-1] ^= 1; return b }
	for _, n := range []int{0, 10, 100} {
		sealed := gcmMode().seal(text(n))
		for name, a := range map[string][3][]byte{
			"key":      {flip(testKey), testIV, testAAD},
			"iv":       {testKey, flip(testIV), testAAD},
			"aad":      {testKey, testIV, flip(testAAD)},
			"no aad":   {testKey, testIV, nil},
			"more aad": {testKey, testIV, append(bytes.Clone(testAAD), 0)},
		} {
			for _, chunk := range []int{48, 256} {
				d := stream.SetChunkSize(must(stream.NewGCMDecryptReader(bytes.NewReader(sealed), a[0], a[1], a[2], 1<<20)), chunk)
				if got, err := io.ReadAll(d); len(got) != 0 || err != stream.ErrDecrypt {
					t.Errorf("wrong %s: %d bytes, %v, want none, ErrDecrypt", name, len(got), err)
				}
				u := stream.SetChunkSize(must(stream.NewGCMUnverifiedReader(bytes.NewReader(sealed), a[0], a[1], a[2])), chunk)
				if _, err := io.ReadAll(u); err != stream.ErrDecrypt {
					t.Errorf("wrong %s, unverified: %v, want ErrDecrypt", name, err)
				}
			}
		}
	}
}

// TestHeldBack checks that the unverified reader never yields the last 16
// bytes of what it has got, nor any part of the last chunk before the tag was
// checked.
func TestHeldBack(t *testing.T) {
	plain := text(200)
	sealed := gcmMode().seal(plain)
	for k := range sealed {
		src := io.MultiReader(bytes.NewReader(sealed[:k]), iotestBlocker{t})
		r := stream.SetChunkSize(must(stream.NewGCMUnverifiedReader(src, testKey, testIV, testAAD)), 48)
		want := max(0, k-16) / 48 * 48
		got := make([]byte, want)
		if _, err := io.ReadFull(r, got); err != nil {
			t.Fatalf("k=%d: %v", k, err)
		}
		if !bytes.Equal(got, plain[:want]) {
			t.Errorf("k=%d: wrong plaintext", k)
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, errFault) {
			t.Errorf("k=%d: Read = %d, %v, want 0 and the error of the source", k, n, err)
		}
	}
}

// iotestBlocker stands where a network would keep us waiting.
type iotestBlocker struct{ t *testing.T }

func (iotestBlocker) Read([]byte) (int, error) { return 0, errFault }

// TestBufferLimit checks the limit of the buffered reader to the byte.
func TestBufferLimit(t *testing.T) {
	for _, n := range []int{0, 1, 47, 48, 49, 95, 96, 97, 300} {
		plain := text(n)
		sealed := gcmMode().seal(plain)
		for _, limit := range []int64{0, 1, 15, 16, 17, int64(len(sealed)) - 1, int64(len(sealed)), int64(len(sealed)) + 1, 1<<63 - 1} {
			src := &counting{r: bytes.NewReader(sealed)}
			r := stream.SetChunkSize(must(stream.NewGCMDecryptReader(src, testKey, testIV, testAAD, limit)), 48)
			got, err := io.ReadAll(r)
			if int64(len(sealed)) <= limit {
				if err != nil || !bytes.Equal(got, plain) {
					t.Errorf("len=%d,limit=%d: %v, want the plaintext", n, limit, err)
				}
				continue
			}
			if len(got) != 0 || err != stream.ErrBufferLimit {
				t.Errorf("len=%d,limit=%d: %d bytes, %v, want none, ErrBufferLimit", n, limit, len(got), err)
			}
			if src.n > limit+1 {
				t.Errorf("len=%d,limit=%d: read %d bytes, want one too many at most", n, limit, src.n)
			}
			if err := checkStuck(r, stream.ErrBufferLimit); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := stream.NewGCMDecryptReader(nil, testKey, testIV, nil, -1); err == nil {
		t.Error("a negative limit was accepted")
	}
}

type counting struct {
	r io.Reader
	n int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// TestBufferLimitBeatsFault: a source that passes the limit and fails at once
// is too long; a source that fails within it has failed.
func TestBufferLimitBeatsFault(t *testing.T) {
	sealed := gcmMode().seal(text(100))
	r := must(stream.NewGCMDecryptReader(failWith(sealed, errFault), testKey, testIV, testAAD, 115))
	if _, err := r.Read(make([]byte, 1)); err != stream.ErrBufferLimit {
		t.Errorf("Read = %v, want ErrBufferLimit", err)
	}
	r = must(stream.NewGCMDecryptReader(failWith(sealed, errFault), testKey, testIV, testAAD, 116))
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, errFault) {
		t.Errorf("Read = %v, want the error of the source", err)
	}
}

func TestVerifyGCM(t *testing.T) {
	for _, n := range []int{0, 1, 48, 300, stream.DefaultChunkSize, 3 * stream.DefaultChunkSize} {
		sealed := gcmMode().seal(text(n))
		got, err := stream.VerifyGCM(bytes.NewReader(sealed), testKey, testIV, testAAD)
		if got != int64(n) || err != nil {
			t.Errorf("VerifyGCM = %d, %v, want %d, nil", got, err, n)
		}
		if _, err := stream.VerifyGCM(failAfter(sealed, errFault), testKey, testIV, testAAD); !errors.Is(err, errFault) {
			t.Errorf("VerifyGCM = %v, want the error of the source", err)
		}
		sealed[0] ^= 1
		if got, err := stream.VerifyGCM(bytes.NewReader(sealed), testKey, testIV, testAAD); got != 0 || err != stream.ErrDecrypt {
			t.Errorf("VerifyGCM = %d, %v, want 0, ErrDecrypt", got, err)
		}
	}
	if _, err := stream.VerifyGCM(nil, nil, testIV, nil); err == nil {
		t.Error("an empty key was accepted")
	}
}

// TestAADSizes hashes additional data of every length around a block, and one
// longer than a chunk.
func TestAADSizes(t *testing.T) {
	for _, a := range []int{0, 1, 15, 16, 17, 31, 32, 33, 48, 100, 1000} {
		aad, plain := text(a), text(130)
		var buf bytes.Buffer
		w := stream.SetChunkSize(must(stream.NewGCMEncryptWriter(&buf, testKey, testIV, aad)), 48)
		if err := writeAll(w, plain); err != nil {
			t.Fatal(err)
		}
		if want := newAEAD(testKey).Seal(nil, testIV, plain, aad); !bytes.Equal(buf.Bytes(), want) {
			t.Errorf("aad=%d: not what crypto/cipher makes of it", a)
		}
		r := stream.SetChunkSize(must(stream.NewGCMDecryptReader(&buf, testKey, testIV, aad, 1000)), 48)
		if err := checkReader(r, plain); err != nil {
			t.Errorf("aad=%d: %v", a, err)
		}
	}
}
