// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"

	"github.com/s3seal/s3seal/stream"
)

// hexBytes is a byte string of a JSON file.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(s []byte) (err error) {
	*h, err = hex.DecodeString(string(s))
	return err
}

// A vector is a test of either file; CBC has neither aad nor tag.
type vector struct {
	TcID                       int `json:"tcId"`
	Comment, Result            string
	Key, IV, AAD, Msg, CT, Tag hexBytes
}

type vectorGroup struct {
	TagSize int
	Tests   []vector
}

func loadVectors(t *testing.T, name string) []vectorGroup {
	t.Helper()
	data, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		NumberOfTests int
		TestGroups    []vectorGroup
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range file.TestGroups {
		n += len(g.Tests)
	}
	if n == 0 || n != file.NumberOfTests {
		t.Fatalf("%s: %d vectors, want %d", name, n, file.NumberOfTests)
	}
	return file.TestGroups
}

// TestWycheproofGCM runs all vectors for AES-GCM through the streams. IVs and
// tags of other sizes than ours must be refused, and by the constructor.
func TestWycheproofGCM(t *testing.T) {
	ran := map[string]int{}
	for _, g := range loadVectors(t, "aes_gcm_test.json") {
		for _, v := range g.Tests {
			switch {
			case g.TagSize != 8*stream.GCMTagSize:
				t.Errorf("tc=%d: no rule for tags of %d bits", v.TcID, g.TagSize)
			case len(v.IV) != stream.GCMIVSize:
				ran["refused"]++
				if _, err := stream.NewGCMEncryptWriter(io.Discard, v.Key, v.IV, v.AAD); err == nil {
					t.Errorf("tc=%d: an IV of %d bytes was accepted", v.TcID, len(v.IV))
				}
				if _, err := stream.NewGCMUnverifiedReader(nil, v.Key, v.IV, v.AAD); err == nil {
					t.Errorf("tc=%d: an IV of %d bytes was accepted", v.TcID, len(v.IV))
				}
			default:
				ran[v.Result]++
				for _, chunk := range chunkSizes {
					if err := gcmVector(v, chunk); err != nil {
						t.Errorf("tc=%d,chunk=%d: %s: %v", v.TcID, chunk, v.Comment, err)
					}
				}
			}
		}
	}
	if ran["valid"] < 100 || ran["invalid"] < 20 || ran["refused"] < 50 {
		t.Errorf("vectors run: %v, want more", ran)
	}
	t.Logf("vectors run: %v, each in chunks of %v", ran, chunkSizes)
}

func gcmVector(v vector, chunk int) error {
	sealed := append(bytes.Clone(v.CT), v.Tag...)
	d := stream.SetChunkSize(must(stream.NewGCMDecryptReader(bytes.NewReader(sealed), v.Key, v.IV, v.AAD, 1<<20)), chunk)
	got, err := io.ReadAll(d)
	u := stream.SetChunkSize(must(stream.NewGCMUnverifiedReader(bytes.NewReader(sealed), v.Key, v.IV, v.AAD)), chunk)
	_, unverified := io.ReadAll(u)
	_, verify := stream.VerifyGCMChunks(bytes.NewReader(sealed), v.Key, v.IV, v.AAD, chunk)
	if v.Result != "valid" {
		if err != stream.ErrDecrypt || unverified != err || verify != err || len(got) != 0 {
			return fmt.Errorf("errors %v, %v, %v, %d bytes, want ErrDecrypt and none", err, unverified, verify, len(got))
		}
		return nil
	}
	if err != nil || unverified != nil || verify != nil || !bytes.Equal(got, v.Msg) {
		return fmt.Errorf("errors %v, %v, %v or wrong plaintext", err, unverified, verify)
	}
	var buf bytes.Buffer
	w := stream.SetChunkSize(must(stream.NewGCMEncryptWriter(&buf, v.Key, v.IV, v.AAD)), chunk)
	if err := writeAll(w, v.Msg); err != nil {
		return err
	}
	if !bytes.Equal(buf.Bytes(), sealed) {
		return fmt.Errorf("writer: wrong ciphertext")
	}
	r := stream.SetChunkSize(must(stream.NewGCMEncryptReader(bytes.NewReader(v.Msg), v.Key, v.IV, v.AAD)), chunk)
	return checkReader(r, sealed)
}

// TestWycheproofCBC runs all vectors for AES-CBC with PKCS #5 padding.
func TestWycheproofCBC(t *testing.T) {
	ran := map[string]int{}
	for _, g := range loadVectors(t, "aes_cbc_pkcs5_test.json") {
		for _, v := range g.Tests {
			ran[v.Result]++
			for _, chunk := range chunkSizes {
				if err := cbcVector(v, chunk); err != nil {
					t.Errorf("tc=%d,chunk=%d: %s: %v", v.TcID, chunk, v.Comment, err)
				}
			}
		}
	}
	if ran["valid"] < 50 || ran["invalid"] < 100 || len(ran) != 2 {
		t.Errorf("vectors run: %v, want more, or other results", ran)
	}
	t.Logf("vectors run: %v, each in chunks of %v", ran, chunkSizes)
}

func cbcVector(v vector, chunk int) error {
	d := stream.SetChunkSize(must(stream.NewCBCDecryptReader(bytes.NewReader(v.CT), v.Key, v.IV)), chunk)
	got, err := io.ReadAll(d)
	if v.Result != "valid" {
		if err != stream.ErrDecrypt {
			return fmt.Errorf("error %v, want ErrDecrypt", err)
		}
		return nil
	}
	if err != nil || !bytes.Equal(got, v.Msg) {
		return fmt.Errorf("error %v or wrong plaintext", err)
	}
	var buf bytes.Buffer
	w := stream.SetChunkSize(must(stream.NewCBCEncryptWriter(&buf, v.Key, v.IV)), chunk)
	if err := writeAll(w, v.Msg); err != nil {
		return err
	}
	if !bytes.Equal(buf.Bytes(), v.CT) {
		return fmt.Errorf("writer: wrong ciphertext")
	}
	r := stream.SetChunkSize(must(stream.NewCBCEncryptReader(bytes.NewReader(v.Msg), v.Key, v.IV)), chunk)
	return checkReader(r, v.CT)
}
