// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/stream"
)

// whole reads all of r, in calls of the size of whoever reads.
func whole(r io.ReaderAt) io.Reader { return io.NewSectionReader(r, 0, math.MaxInt64) }

// TestWycheproofReaderAt runs the vectors through the types that read at any
// offset. Of invalid ones only the padding of CBC can be seen.
func TestWycheproofReaderAt(t *testing.T) {
	ran := map[string]int{}
	for _, g := range vectors.Wycheproof[vectorGroup](t, "aes_cbc_pkcs5_test.json") {
		for _, v := range g.Tests {
			ran["CBC, "+v.Result]++
			eachCall(t, v.TcID, v.cbcAt)
		}
	}
	for _, g := range vectors.Wycheproof[vectorGroup](t, "aes_gcm_test.json") {
		for _, v := range g.Tests {
			if v.Result == "valid" && len(v.IV) == stream.GCMIVSize {
				ran["GCM"]++
				eachCall(t, v.TcID, v.gcmAt)
			}
		}
	}
	if ran["CBC, valid"] < 50 || ran["CBC, invalid"] < 100 || ran["GCM"] < 100 || len(ran) != 3 {
		t.Errorf("vectors run: %v, want more, or other results", ran)
	}
}

func (v vector) cbcAt(n calls, _ int) error {
	size := int64(len(v.CT))
	r, err := stream.NewCBCReaderAt(bytes.NewReader(v.CT), size, v.Key, v.IV)
	if err != nil && v.Result != "valid" && errors.Is(err, stream.ErrDecrypt) {
		return nil // of a size that cannot be
	}
	if err != nil {
		return err
	}
	end, err := r.Size()
	if v.Result == "valid" {
		if err != nil || end != int64(len(v.Msg)) {
			return fmt.Errorf("Size = %d, %w, want %d", end, err, len(v.Msg))
		}
		return n.yields("CBCReaderAt", whole(r), v.Msg)
	}
	_, last := r.ReadAt(make([]byte, n), size-1)
	_, behind := r.ReadAt(make([]byte, n), size)
	_, all := n.read(whole(r))
	if err != stream.ErrDecrypt || last != err || behind != err || all != err {
		return fmt.Errorf("errors %v, %v, %v, %v, want ErrDecrypt", err, last, behind, all)
	}
	return nil
}

func (v vector) gcmAt(n calls, _ int) error {
	sealed := append(bytes.Clone(v.CT), v.Tag...)
	r, err := stream.NewGCMUnauthenticatedReaderAt(bytes.NewReader(sealed), int64(len(sealed)), v.Key, v.IV)
	if err != nil {
		return err
	}
	return n.yields("GCMUnauthenticatedReaderAt", whole(r), v.Msg)
}
