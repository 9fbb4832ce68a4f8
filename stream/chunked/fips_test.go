// SPDX-License-Identifier: Apache-2.0

package chunked_test

import (
	"bytes"
	"crypto/fips140"
	"errors"
	"io"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/chunked"
)

// TestFIPSOnly runs itself once more in a process with GODEBUG=fips140=only.
func TestFIPSOnly(t *testing.T) { fipstest.Rerun(t, func() { checkFIPSOnly(t) }) }

func checkFIPSOnly(t *testing.T) {
	_, writer := chunked.NewEncryptWriter(panicking{}, testKey, nil)
	_, reader := chunked.NewEncryptReader(panicking{}, testKey, nil)
	_, decrypt := chunked.NewDecryptReader(panicking{}, testKey, nil)
	_, at := chunked.NewReaderAt(panicking{}, 72, testKey, nil)
	for name, err := range map[string]error{"writer": writer, "reader": reader, "decrypt": decrypt, "at": at} {
		if !errors.Is(err, stream.ErrFIPS) {
			t.Errorf("%s: %v, want ErrFIPS", name, err)
		}
	}
	checkFIPSHandedOn(t)
}

// checkFIPSHandedOn uses streams outside the function that was free to make
// them: they go on, though one expands its key only then.
func checkFIPSHandedOn(t *testing.T) {
	var ct bytes.Buffer
	var w *chunked.EncryptWriter
	var r *chunked.DecryptReader
	var at *chunked.ReaderAt
	plain := text(2*run + 1)
	fips140.WithoutEnforcement(func() {
		w = must(chunked.NewEncryptWriter(&ct, testKey, nil))
		r = must(chunked.NewDecryptReader(&ct, testKey, nil))
	})
	_, err := w.Write(plain)
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	fips140.WithoutEnforcement(func() {
		stored := bytes.NewReader(bytes.Clone(ct.Bytes()))
		at = must(chunked.NewReaderAt(stored, stored.Size(), testKey, nil))
	})
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("DecryptReader handed on: %d bytes, %v", len(got), err)
	}
	p := make([]byte, len(plain))
	if n, err := at.ReadAt(p, 0); n != len(p) || err != nil || !bytes.Equal(p, plain) {
		t.Errorf("ReaderAt handed on: %d bytes, %v", n, err)
	}
}
