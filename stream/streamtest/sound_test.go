// SPDX-License-Identifier: Apache-2.0

package streamtest_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/stream/streamtest"
)

func TestSoundTypesPass(t *testing.T) {
	for name, test := range kinds {
		for _, n := range append([]int{300, 5000}, sizes...) {
			t.Run(fmt.Sprintf("%s/len=%d", name, n), func(t *testing.T) {
				t.Parallel()
				if err := test("", n); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A toyCloser has a Close, as readers of files have.
type toyCloser struct{ io.Reader }

func (toyCloser) Close() error { return nil }

// TestConstructorsMayFail runs the suite on a format whose constructors write
// and read a header, and so meet broken sinks, sources and ciphertexts.
func TestConstructorsMayFail(t *testing.T) {
	const header = "toy1"
	for _, n := range []int{0, 1, 40} {
		p := toyPlaintext(n)
		c := append([]byte(header), toySeal(p)...)
		if err := streamtest.TestEncryptWriter(func(dst io.Writer) (io.WriteCloser, error) {
			w := &toyWriter{dst: dst}
			return w, w.writeAll([]byte(header))
		}, p, c); err != nil {
			t.Errorf("len=%d: %v", n, err)
		}
		if err := streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
			r := &toyReader{src: toySource{r: src}, next: toyDecrypt}
			var b [len(header)]byte
			if _, err := r.src.fill(b[:]); err != nil && err != io.EOF {
				return nil, err
			}
			if string(b[:]) != header {
				return nil, errToy
			}
			return toyCloser{r}, nil
		}, c, p, &streamtest.DecryptOptions{Assurance: streamtest.VerifiedPrefix, Rejected: errToy}); err != nil {
			t.Errorf("len=%d: %v", n, err)
		}
	}
}

// TestWrongOutput gives the suite an output that is not what sound types make.
func TestWrongOutput(t *testing.T) {
	p := toyPlaintext(40)
	c := toySeal(p)
	c[3] ^= 1
	err := streamtest.TestEncryptWriter(func(dst io.Writer) (io.WriteCloser, error) {
		return &toyWriter{dst: dst}, nil
	}, p, c)
	if want := "streamtest: round trip: got 64 bytes, want 64, first difference at byte 3"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	err = streamtest.TestDecryptReader(func(src io.Reader) (io.Reader, error) {
		return &toyReader{src: toySource{r: src}, next: toyDecrypt}, nil
	}, c, p, nil)
	if want := "streamtest: round trip: failed after 0 of 40 bytes: toy: not genuine"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestStandardLibrary runs the suite on two types that promise less than it
// asks for.
func TestStandardLibrary(t *testing.T) {
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	p := toyPlaintext(100)
	c := bytes.Clone(p)
	ctr := func() cipher.Stream { return cipher.NewCTR(block, make([]byte, 16)) }
	ctr().XORKeyStream(c, c)
	err = streamtest.TestEncryptReader(func(src io.Reader) (io.Reader, error) {
		return cipher.StreamReader{S: ctr(), R: src}, nil
	}, p, c)
	if want := "Read into an empty buffer went to the source"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("StreamReader: want a report with %q, got %v", want, err)
	}
	err = streamtest.TestEncryptWriter(func(dst io.Writer) (io.WriteCloser, error) {
		return cipher.StreamWriter{S: ctr(), W: dst}, nil
	}, p, c)
	if want := "it closed the sink"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("StreamWriter: want a report with %q, got %v", want, err)
	}
}
