// SPDX-License-Identifier: Apache-2.0

package legacy_test

import (
	"bytes"
	"crypto/aes"
	"slices"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
	"pgregory.net/rapid"
)

// ecb encrypts whole blocks as they are.
func ecb(t interface{ Fatal(...any) }, kek, blocks []byte) []byte {
	block, err := aes.NewCipher(kek)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, len(blocks))
	for i := 0; i < len(blocks); i += aes.BlockSize {
		block.Encrypt(out[i:], blocks[i:])
	}
	return out
}

func TestAESECBFormatVectors(t *testing.T) {
	fipstest.Skip(t)
	for _, v := range loadKeywrap(t).AES {
		k, cek := mustECB(t, vectors.DecodeHex(t, v.KEK)), vectors.DecodeHex(t, v.CEK)
		for wrapped, cek := range map[string][]byte{v.ECB: cek, v.ECB128: cek[:16]} {
			if got := mustWrap(t, k, cek); !bytes.Equal(got, vectors.DecodeHex(t, wrapped)) {
				t.Errorf("Wrap = %x, want %s", got, wrapped)
			}
			wantCEK(t, k, wrap.AESECB, vectors.DecodeHex(t, wrapped), cek)
			wantCEK(t, k, wrap.Unnamed, vectors.DecodeHex(t, wrapped), cek)
		}
	}
}

func TestAESECBRoundTrip(t *testing.T) {
	fipstest.Skip(t)
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SampledFrom([]int{16, 24, 32})
		n, m := sizes.Draw(t, "KEK size"), sizes.Draw(t, "CEK size")
		kek := rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "KEK")
		cek := rapid.SliceOfN(rapid.Byte(), m, m).Draw(t, "CEK")
		k, err := legacy.NewAESECB(kek)
		if err != nil {
			t.Fatal(err)
		}
		wrapped, err := k.Wrap(t.Context(), cek, wrap.Info{})
		if want := 16 * (m/16 + 1); err != nil || len(wrapped) != want {
			t.Fatalf("Wrap = %d bytes, %v, want %d, nil", len(wrapped), err, want)
		}
		got, err := k.Unwrap(t.Context(), wrap.AESECB, wrapped, wrap.Info{})
		if err != nil || !bytes.Equal(got, cek) {
			t.Fatalf("Unwrap = %x, %v, want %x, nil", got, err, cek)
		}
		if m == 24 {
			return // has no whole blocks
		}
		got, err = k.Unwrap(t.Context(), wrap.AESECB, ecb(t, kek, cek), wrap.Info{})
		if err != nil || !bytes.Equal(got, cek) {
			t.Fatalf("Unwrap without padding = %x, %v, want %x, nil", got, err, cek)
		}
	})
}

// unpad says in plain code what Unwrap must find in decrypted blocks: the CEK,
// or nil.
func unpad(b []byte) []byte {
	pad := int(b[len(b)-1])
	if pad >= 1 && pad <= 16 {
		rest, tail := b[:len(b)-pad], b[len(b)-pad:]
		if bytes.Count(tail, tail[:1]) == pad && slices.Contains([]int{16, 24, 32}, len(rest)) {
			return rest
		}
	}
	if len(b) == 16 || len(b) == 32 {
		return b
	}
	return nil
}

// TestAESECBEveryPadding goes through all values of the last byte, with every
// number of bytes before it that have the same value.
func TestAESECBEveryPadding(t *testing.T) {
	fipstest.Skip(t)
	kek := make([]byte, 32)
	k := mustECB(t, kek)
	for _, size := range []int{16, 32, 48} {
		for value := range 256 {
			for run := 1; run <= 17 && run <= size; run++ {
				blocks := bytes.Repeat([]byte{0xee}, size)
				for i := range run {
					blocks[size-1-i] = byte(value)
				}
				if want := unpad(blocks); want != nil {
					wantCEK(t, k, wrap.AESECB, ecb(t, kek, blocks), want)
				} else {
					wantRejected(t, k, wrap.AESECB, ecb(t, kek, blocks))
				}
			}
		}
	}
}

func TestAESECBLengths(t *testing.T) {
	fipstest.Skip(t)
	k := mustECB(t, make([]byte, 16))
	for n := range 129 {
		wrapped := make([]byte, n)
		if n == 16 || n == 32 { // no redundancy: always some CEK
			if got, err := k.Unwrap(t.Context(), wrap.Unnamed, wrapped, wrap.Info{}); err != nil || len(got) != n {
				t.Errorf("Unwrap of %d bytes = %x, %v, want %d bytes, nil", n, got, err, n)
			}
			continue
		}
		wantRejected(t, k, wrap.Unnamed, wrapped)
	}
	for n := range 70 {
		ok := n == 16 || n == 24 || n == 32
		if _, err := legacy.NewAESECB(make([]byte, n)); (err == nil) != ok {
			t.Errorf("NewAESECB with %d bytes = %v, want ok = %t", n, err, ok)
		}
		if _, err := k.Wrap(t.Context(), make([]byte, n), wrap.Info{}); (err == nil) != ok {
			t.Errorf("Wrap of %d bytes = %v, want ok = %t", n, err, ok)
		}
	}
}

// TestAESECBEveryBit shows what the wrap does and does not notice.
func TestAESECBEveryBit(t *testing.T) {
	fipstest.Skip(t)
	k := mustECB(t, make([]byte, 32))
	cek := bytes.Repeat([]byte{0x77}, 32)
	wrapped := mustWrap(t, k, cek)
	for i := range 8 * len(wrapped) {
		bad := bytes.Clone(wrapped)
		bad[i/8] ^= 1 << (i % 8)
		if i/8 >= 32 { // the padding block
			wantRejected(t, k, wrap.AESECB, bad)
			continue
		}
		got, err := k.Unwrap(t.Context(), wrap.AESECB, bad, wrap.Info{})
		if err != nil || len(got) != 32 || bytes.Equal(got, cek) {
			t.Errorf("bit %d: Unwrap = %x, %v, want another CEK, nil", i, got, err)
		}
	}
}

// TestAESECBWrongKeyInKeyring tells a wrong KEK by the padding that it misses.
func TestAESECBWrongKeyInKeyring(t *testing.T) {
	fipstest.Skip(t)
	right := mustECB(t, bytes.Repeat([]byte{1}, 32))
	r := wrap.NewKeyring(mustECB(t, make([]byte, 32)), mustECB(t, make([]byte, 16)), right)
	for _, n := range []int{16, 24, 32} {
		cek := bytes.Repeat([]byte{byte(n)}, n)
		wantCEK(t, r, wrap.Unnamed, mustWrap(t, right, cek), cek)
	}
}
