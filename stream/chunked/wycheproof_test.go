// SPDX-License-Identifier: Apache-2.0

package chunked_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/chunked"
)

// zlibBytes is a byte string that was compressed.
type zlibBytes []byte

func (z *zlibBytes) UnmarshalText(s []byte) error {
	packed, err := hex.DecodeString(string(s))
	if err != nil {
		return err
	}
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	*z, err = io.ReadAll(r)
	return err
}

type vector struct {
	TcID            int `json:"tcId"`
	Comment, Result string
	Flags           []string
	Key, Ctx        vectors.Hex
	CT              zlibBytes
	BaseNonce       vectors.Hex
	MsgLength       int
	MsgSHA512       vectors.Hex `json:"msgSha512"`
}

// is says whether the vector bears a flag.
func (v *vector) is(flag string) bool { return slices.Contains(v.Flags, flag) }

func loadVectors(t *testing.T) (all []vector) {
	t.Helper()
	type group struct {
		AEAD, SHA string
		Tests     []vector
	}
	for _, g := range vectors.Wycheproof[group](t, "c2sp_chunked_encryption_aes_256_gcm_test.json") {
		if g.AEAD != "AEAD_AES_256_GCM" || g.SHA != "SHA-512" {
			t.Fatalf("a group for %s and %s", g.AEAD, g.SHA)
		}
		all = append(all, g.Tests...)
	}
	return all
}

// TestWycheproof runs all vectors through all that decrypts, the oracle of the
// other tests included.
func TestWycheproof(t *testing.T) {
	ran := map[string]int{}
	for _, v := range loadVectors(t) {
		t.Run(fmt.Sprintf("tc=%d", v.TcID), func(t *testing.T) {
			prefix, whole := specOpen(v.Key, v.Ctx, v.CT)
			if err := v.judge(prefix, whole); err != nil {
				t.Fatalf("%s: the oracle: %v", v.Comment, err)
			}
			for name, open := range decrypters {
				got, err := open(v.Key, v.Ctx, v.CT)
				if err := v.compare(got, err, prefix); err != nil {
					t.Errorf("%s: %s: %v", v.Comment, name, err)
				}
			}
			if err := v.length(); err != nil {
				t.Errorf("%s: length: %v", v.Comment, err)
			}
		})
		ran[v.Result]++
	}
	if ran["valid"] < 7 || ran["invalid"] < 25 || len(ran) != 2 {
		t.Errorf("vectors run: %v, want more, or other results", ran)
	}
}

// judge checks what the oracle makes of a vector: the longest prefix that may
// be released is known by its hash.
func (v *vector) judge(prefix []byte, whole bool) error {
	if whole != (v.Result == "valid") {
		return fmt.Errorf("whole = %v, want %s", whole, v.Result)
	}
	if v.MsgSHA512 == nil {
		if len(prefix) != 0 {
			return fmt.Errorf("%d bytes may be released, want none", len(prefix))
		}
		return nil
	}
	if sum := sha512.Sum512(prefix); len(prefix) != v.MsgLength || !bytes.Equal(sum[:], v.MsgSHA512) {
		return fmt.Errorf("%d bytes may be released, want %d, or others", len(prefix), v.MsgLength)
	}
	return nil
}

// compare checks what a type of ours made of a vector.
func (v *vector) compare(got []byte, err error, prefix []byte) error {
	switch {
	case v.Result == "valid":
		if err != nil || !bytes.Equal(got, prefix) {
			return fmt.Errorf("%d bytes, %v, want %d", len(got), err, len(prefix))
		}
		return nil
	case v.is("InvalidKeySize"):
		if err == nil || errors.Is(err, stream.ErrDecrypt) {
			return fmt.Errorf("error %v, want one about the key", err)
		}
	case !errors.Is(err, stream.ErrDecrypt):
		return fmt.Errorf("error %v, want ErrDecrypt", err)
	}
	if !bytes.HasPrefix(prefix, got) {
		return fmt.Errorf("%d bytes were released that are not in the first %d", len(got), len(prefix))
	}
	return nil
}

// length checks that the length is authenticated where the last chunk is
// genuine, and only there.
func (v *vector) length() error {
	r, err := chunked.NewReaderAt(bytes.NewReader(v.CT), int64(len(v.CT)), v.Key, v.Ctx)
	if v.Result != "valid" && !v.is("ValidFinalChunk") {
		if err == nil {
			return fmt.Errorf("accepted as %d", r.Size())
		}
		return nil
	}
	if err != nil {
		return err
	}
	if v.Result == "valid" && r.Size() != int64(v.MsgLength) {
		return fmt.Errorf("Size = %d, want %d", r.Size(), v.MsgLength)
	}
	return nil
}
