// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

var (
	key = []byte("0123456789abcdef0123456789abcdef")
	iv  = []byte("0123456789ab")
)

// pieces cuts data at places that schedule chooses.
func pieces(data, schedule []byte, use func([]byte)) {
	for _, s := range schedule {
		n := min(int(s)*int(s)*7, len(data)) // 0 to 455 KB, mostly small
		use(data[:n])
		data = data[n:]
	}
	use(data)
}

// FuzzGCM: any plaintext, cut in any way, gives the ciphertext of the one-shot
// AEAD; that opens again, and not with a bit flipped.
func FuzzGCM(f *testing.F) {
	f.Add(uint32(0), []byte{}, []byte{}, uint32(0))
	f.Add(uint32(17), []byte("aad"), []byte{1, 0, 2}, uint32(3))
	f.Add(uint32(300<<10), []byte{}, []byte{136, 137, 1}, uint32(131072))
	block, err := aes.NewCipher(key)
	if err != nil {
		f.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, size uint32, aad, schedule []byte, flip uint32) {
		plain := bytes.Repeat([]byte("s3seal!"), 1+int(size%(1<<20))/7)[:size%(1<<20)]
		want := aead.Seal(nil, iv, plain, aad)
		var got bytes.Buffer
		w, err := stream.NewGCMEncryptWriter(&got, key, iv, aad)
		if err != nil {
			t.Fatal(err)
		}
		pieces(plain, schedule, func(p []byte) {
			if _, err := w.Write(p); err != nil {
				t.Fatal(err)
			}
		})
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Fatalf("%d bytes of ciphertext differ from the %d of the one-shot AEAD", got.Len(), len(want))
		}
		wantPlain(t, want, aad, plain)
		want[int(flip)%len(want)] ^= 1
		wantRejected(t, want, aad)
	})
}

func wantPlain(t *testing.T, body, aad, plain []byte) {
	t.Helper()
	r, err := stream.NewGCMUnverifiedReader(bytes.NewReader(body), key, iv, aad)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("ReadAll = %d bytes, %v; want the %d sealed", len(got), err, len(plain))
	}
}

func wantRejected(t *testing.T, body, aad []byte) {
	t.Helper()
	r, err := stream.NewGCMDecryptReader(bytes.NewReader(body), key, iv, aad, int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if n, err := r.Read(make([]byte, 100)); n > 0 || !errors.Is(err, stream.ErrDecrypt) {
			t.Fatalf("Read of altered ciphertext = %d, %v; want ErrDecrypt", n, err)
		}
	}
}

// FuzzAESKeyUnwrap: what unwraps is what wraps to the same bytes.
func FuzzAESKeyUnwrap(f *testing.F) {
	wrapped, err := wrap.AESKeyWrap(key, key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(key, wrapped)
	f.Add(key[:16], wrapped[:24])
	f.Fuzz(func(t *testing.T, kek, wrapped []byte) {
		cek, err := wrap.AESKeyUnwrap(kek, wrapped)
		if err != nil {
			return
		}
		again, err := wrap.AESKeyWrap(kek, cek)
		if err != nil || !bytes.Equal(again, wrapped) {
			t.Fatalf("AESKeyWrap = %x, %v; want %x", again, err, wrapped)
		}
	})
}

// FuzzParseHeader: no metadata panics, and what is accepted and can be written
// comes back the same.
func FuzzParseHeader(f *testing.F) {
	files, err := filepath.Glob("../envelope/testdata/fixtures/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var fixture struct {
			Metadata map[string]string `json:"metadata"`
		}
		if err := json.Unmarshal(data, &fixture); err != nil {
			f.Fatalf("%s: %v", file, err)
		}
		meta, err := json.Marshal(fixture.Metadata)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(meta)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var meta map[string]string
		if json.Unmarshal(data, &meta) != nil {
			return
		}
		h, err := envelope.ParseHeader(meta)
		if err != nil {
			return
		}
		written, err := h.Metadata()
		if err != nil {
			return // can be read, is never written
		}
		again, err := envelope.ParseHeader(written)
		if err != nil {
			t.Fatalf("ParseHeader of %q = %v", written, err)
		}
		rewritten, err := again.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(written, rewritten); diff != "" {
			t.Fatalf("metadata changed when read and written again (-first +second):\n%s", diff)
		}
	})
}
