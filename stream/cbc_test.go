// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"crypto/cipher"
	"fmt"
	"io"
	"testing"

	"github.com/s3seal/s3seal/stream"
)

// unpadSlowly is PKCS #7 as RFC 5652 words it.
func unpadSlowly(p []byte) ([]byte, bool) {
	if len(p) == 0 || len(p)%16 != 0 {
		return nil, false
	}
	n := int(p[len(p)-1])
	if n < 1 || n > 16 || !bytes.HasSuffix(p, bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, false
	}
	return p[:len(p)-n], true
}

// TestPadding decrypts last blocks with every last byte and every number of
// equal bytes before it.
func TestPadding(t *testing.T) {
	for before := range 3 {
		for last := range 256 {
			for run := 1; run <= 16; run++ {
				p := text(16 * (before + 1))
				copy(p[len(p)-run:], bytes.Repeat([]byte{byte(last)}, run))
				if run < 16 && p[len(p)-run-1] == byte(last) {
					p[len(p)-run-1] ^= 0x80
				}
				want, ok := unpadSlowly(p)
				sealed := bytes.Clone(p)
				cipher.NewCBCEncrypter(newBlock(testKey), testIV2).CryptBlocks(sealed, sealed)
				for _, chunk := range []int{16, 32, 256} {
					checkPadding(t, fmt.Sprintf("before=%d,last=%d,run=%d,chunk=%d", before, last, run, chunk), sealed, chunk, want, ok)
				}
			}
		}
	}
}

func checkPadding(t *testing.T, name string, sealed []byte, chunk int, want []byte, ok bool) {
	t.Helper()
	r := stream.SetChunkSize(must(stream.NewCBCDecryptReader(bytes.NewReader(sealed), testKey, testIV2)), chunk)
	got, err := io.ReadAll(onlyReader{r})
	if ok {
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %x, %v, want %x", name, got, err, want)
		}
		return
	}
	if err != stream.ErrDecrypt || len(got) > len(sealed)-16 {
		t.Errorf("%s: %d bytes, %v, want ErrDecrypt and nothing of the last block", name, len(got), err)
	}
	if err := checkStuck(r, stream.ErrDecrypt); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// TestCBCTruncation cuts a stream at every byte: within a block it must fail,
// at the edge of one it fails unless the block before ends in what looks like
// padding, as the text says it may.
func TestCBCTruncation(t *testing.T) {
	plain := text(150)
	sealed := cbcSeal(testKey, testIV2, plain)
	for k := range sealed {
		for _, chunk := range chunkSizes {
			want, ok := unpadSlowly(plain[:min(k, len(plain))])
			r := stream.SetChunkSize(must(stream.NewCBCDecryptReader(bytes.NewReader(sealed[:k]), testKey, testIV2)), chunk)
			got, err := io.ReadAll(r)
			if ok != (err == nil) || (!ok && err != stream.ErrDecrypt) {
				t.Errorf("k=%d,chunk=%d: %v", k, chunk, err)
			}
			if ok && !bytes.Equal(got, want) || !bytes.HasPrefix(plain, got) {
				t.Errorf("k=%d,chunk=%d: wrong plaintext", k, chunk)
			}
		}
	}
}

// cbcOpen is what becomes of a stream, altered or not, by crypto/cipher: all of
// its blocks, and the plaintext if there is one.
func cbcOpen(sealed []byte) (blocks, plain []byte, ok bool) {
	blocks = bytes.Clone(sealed)
	cipher.NewCBCDecrypter(newBlock(testKey), testIV2).CryptBlocks(blocks, blocks)
	plain, ok = unpadSlowly(blocks)
	return blocks, plain, ok
}

// TestCBCBitFlips flips every bit of a stream. Nothing but the padding can tell,
// so what comes out is what CBC makes of it, and an error tells of padding alone.
func TestCBCBitFlips(t *testing.T) {
	for _, n := range []int{0, 1, 16, 47, 48, 100} {
		sealed := cbcSeal(testKey, testIV2, text(n))
		rejects := 0
		for i := range len(sealed) * 8 {
			bad := bytes.Clone(sealed)
			bad[i/8] ^= 1 << (i % 8)
			blocks, want, ok := cbcOpen(bad)
			for _, chunk := range chunkSizes {
				r := stream.SetChunkSize(must(stream.NewCBCDecryptReader(bytes.NewReader(bad), testKey, testIV2)), chunk)
				got, err := io.ReadAll(r)
				switch {
				case ok && (err != nil || !bytes.Equal(got, want)):
					t.Errorf("len=%d,bit=%d,chunk=%d: %d bytes, %v, want the %d of CBC", n, i, chunk, len(got), err, len(want))
				case !ok && (err != stream.ErrDecrypt || len(got) > len(bad)-16 || !bytes.HasPrefix(blocks, got)):
					t.Errorf("len=%d,bit=%d,chunk=%d: %d bytes, %v, want ErrDecrypt", n, i, chunk, len(got), err)
				case !ok:
					rejects++
				}
			}
		}
		if rejects == 0 {
			t.Errorf("len=%d: no bit of the padding was noticed", n)
		}
	}
}

// TestCBCRagged appends part of a block to good streams.
func TestCBCRagged(t *testing.T) {
	for _, n := range []int{0, 15, 16, 40, 47, 48, 100} {
		sealed := cbcSeal(testKey, testIV2, text(n))
		for more := 1; more < 16; more++ {
			for _, chunk := range chunkSizes {
				r := stream.SetChunkSize(must(stream.NewCBCDecryptReader(bytes.NewReader(append(bytes.Clone(sealed), text(more)...)), testKey, testIV2)), chunk)
				got, err := io.ReadAll(r)
				if err != stream.ErrDecrypt || !bytes.HasPrefix(cbcPadded(n), got) {
					t.Errorf("len=%d,more=%d,chunk=%d: %d bytes, %v, want ErrDecrypt", n, more, chunk, len(got), err)
				}
			}
		}
	}
}

// cbcPadded is text(n) with its padding.
func cbcPadded(n int) []byte {
	pad := 16 - n%16
	return append(text(n), bytes.Repeat([]byte{byte(pad)}, pad)...)
}

// TestOneError checks that all ways to be rejected look the same.
func TestOneError(t *testing.T) {
	sealed := cbcSeal(testKey, testIV2, text(40))
	wrong := bytes.Clone(testKey)
	wrong[0] ^= 1
	flipped := bytes.Clone(sealed)
	flipped[31] ^= 0x55 // the last byte of the padding
	for name, c := range map[string]struct{ key, body []byte }{
		"wrong key":   {wrong, sealed},
		"bad padding": {testKey, flipped},
		"ragged":      {testKey, sealed[:47]},
		"empty":       {testKey, nil},
	} {
		_, err := io.ReadAll(must(stream.NewCBCDecryptReader(bytes.NewReader(c.body), c.key, testIV2)))
		if err != stream.ErrDecrypt {
			t.Errorf("%s: %v, want ErrDecrypt itself", name, err)
		}
	}
}
