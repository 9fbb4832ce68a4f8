// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/stream"
)

func TestGCMMatchesOneShot(t *testing.T) {
	key, iv, aad := make([]byte, 32), make([]byte, 12), []byte("additional data!!")
	for i := range key {
		key[i] = byte(i)
	}
	block, _ := aes.NewCipher(key)
	aead, _ := cipher.NewGCM(block)
	const c = 128 << 10
	for _, n := range []int{0, 1, 15, 16, 17, 600, c - 1, c, c + 1, c + 16, 2 * c, 2*c + 5, 5*c + 77} {
		t.Run(fmt.Sprintf("len=%d", n), func(t *testing.T) {
			plain := bytes.Repeat([]byte("0123456789a"), n/11+1)[:n]
			want := aead.Seal(nil, iv, plain, aad)

			var got bytes.Buffer
			w, err := stream.NewGCMEncryptWriter(&got, key, iv, aad)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(plain); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Error("writer: wrong ciphertext")
			}
			r, _ := stream.NewGCMEncryptReader(bytes.NewReader(plain), key, iv, aad)
			if err := iotest.TestReader(r, want); err != nil {
				t.Error(err)
			}
			u, _ := stream.NewGCMUnverifiedReader(bytes.NewReader(want), key, iv, aad)
			if out, err := io.ReadAll(u); err != nil || !bytes.Equal(out, plain) {
				t.Errorf("unverified: %v", err)
			}
			d, _ := stream.NewGCMDecryptReader(bytes.NewReader(want), key, iv, aad, int64(len(want)))
			if out, err := io.ReadAll(d); err != nil || !bytes.Equal(out, plain) {
				t.Errorf("decrypt: %v", err)
			}
			d, _ = stream.NewGCMDecryptReader(bytes.NewReader(want), key, iv, aad, int64(len(want))-1)
			if out, err := io.ReadAll(d); err != stream.ErrBufferLimit || len(out) != 0 {
				t.Errorf("decrypt over limit: %v", err)
			}
			if size, err := stream.VerifyGCM(bytes.NewReader(want), key, iv, aad); err != nil || size != int64(n) {
				t.Errorf("verify: %d %v", size, err)
			}
		})
	}
}

func TestCBCRoundTrip(t *testing.T) {
	key, iv := make([]byte, 32), make([]byte, 16)
	const c = 128 << 10
	for _, n := range []int{0, 1, 15, 16, 17, 600, c - 1, c, c + 1, c + 16, 2 * c, 2*c + 5, 5*c + 77} {
		plain := bytes.Repeat([]byte("0123456789a"), n/11+1)[:n]
		var got bytes.Buffer
		w, _ := stream.NewCBCEncryptWriter(&got, key, iv)
		io.Copy(w, bytes.NewReader(plain))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, _ := stream.NewCBCEncryptReader(bytes.NewReader(plain), key, iv)
		if err := iotest.TestReader(r, got.Bytes()); err != nil {
			t.Error(err)
		}
		d, _ := stream.NewCBCDecryptReader(&got, key, iv)
		if out, err := io.ReadAll(d); err != nil || !bytes.Equal(out, plain) {
			t.Errorf("len %d: %v", n, err)
		}
	}
}
