// SPDX-License-Identifier: Apache-2.0

package dare_test

import (
	"bytes"
	"crypto/fips140"
	"io"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/dare"
)

// TestFIPSOnly runs itself once more in a process with GODEBUG=fips140=only.
func TestFIPSOnly(t *testing.T) { fipstest.Rerun(t, func() { checkFIPSOnly(t) }) }

func checkFIPSOnly(t *testing.T) {
	_, w := dare.NewEncryptWriter(io.Discard, testKey)
	_, e := dare.NewEncryptReader(nil, testKey)
	_, d := dare.NewDecryptReader(nil, testKey)
	_, s := dare.NewSIODecryptReader(nil, testKey)
	_, a := dare.NewReaderAt(nil, 100, testKey)
	_, b := dare.NewSIOReaderAt(nil, 100, testKey)
	for i, err := range []error{w, e, d, s, a, b} {
		if err != stream.ErrFIPS {
			t.Errorf("constructor %d: %v, want ErrFIPS", i, err)
		}
	}
	checkFIPSHandedOn(t)
}

// checkFIPSHandedOn uses streams outside the function that was free to make
// them.
func checkFIPSHandedOn(t *testing.T) {
	plain := text(dare.PayloadSize + 100)
	var sealed bytes.Buffer
	var w *dare.EncryptWriter
	var d *dare.DecryptReader
	var a *dare.ReaderAt
	fips140.WithoutEnforcement(func() { w = must(dare.NewEncryptWriter(&sealed, testKey)) })
	w.Write(plain)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	fips140.WithoutEnforcement(func() {
		d = must(dare.NewDecryptReader(bytes.NewReader(sealed.Bytes()), testKey))
		a = must(dare.NewReaderAt(bytes.NewReader(sealed.Bytes()), int64(sealed.Len()), testKey))
	})
	if got, err := io.ReadAll(d); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("DecryptReader handed on: %d bytes, %v", len(got), err)
	}
	for _, room := range []int{100, 1 << 20} { // package by package, and on all cores
		var e *dare.EncryptReader
		fips140.WithoutEnforcement(func() { e = must(dare.NewEncryptReader(bytes.NewReader(plain), testKey)) })
		var again bytes.Buffer
		_, err := io.CopyBuffer(&again, struct{ io.Reader }{e}, make([]byte, room))
		var got []byte
		fips140.WithoutEnforcement(func() { got, _ = specOpen(testKey, again.Bytes()) })
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("EncryptReader handed on, read %d bytes at a time: %d bytes, %v", room, len(got), err)
		}
	}
	got := make([]byte, len(plain))
	if n, err := a.ReadAt(got, 0); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("ReaderAt handed on: %d, %v", n, err)
	}
}
