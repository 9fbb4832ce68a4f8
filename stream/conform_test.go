// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/stream"
)

// TestEverySize compares every way through the package with crypto/cipher, for
// every size around every edge.
func TestEverySize(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		for n := range 600 {
			if err := checkSize(m, chunkSizes[n%len(chunkSizes)], n); err != nil {
				t.Errorf("len=%d,chunk=%d: %v", n, chunkSizes[n%len(chunkSizes)], err)
			}
			if err := checkSize(m, 48, n); err != nil {
				t.Errorf("len=%d,chunk=48: %v", n, err)
			}
		}
	})
}

// TestChunkEdges does the same around the edges of chunks of the real size.
func TestChunkEdges(t *testing.T) {
	const c = stream.DefaultChunkSize
	eachMode(t, func(t *testing.T, m mode) {
		for _, n := range []int{
			c - 17, c - 16, c - 15, c - 1, c, c + 1, c + 15, c + 16, c + 17,
			2*c - 16, 2*c - 1, 2 * c, 2*c + 1, 2*c + 16, 3*c + 5,
		} {
			if err := checkSize(m, c, n); err != nil {
				t.Errorf("len=%d: %v", n, err)
			}
		}
	})
}

func checkSize(m mode, chunk, n int) error {
	plain := text(n)
	sealed := m.seal(plain)
	var buf bytes.Buffer
	if err := writeAll(m.writer(&buf, chunk), plain); err != nil {
		return fmt.Errorf("Write: %w", err)
	}
	if !bytes.Equal(buf.Bytes(), sealed) {
		return errors.New("Write: not what crypto/cipher makes of it")
	}
	buf.Reset()
	if err := readFromAll(m.writer(&buf, chunk), plain); err != nil {
		return fmt.Errorf("ReadFrom: %w", err)
	}
	if !bytes.Equal(buf.Bytes(), sealed) {
		return errors.New("ReadFrom: not what crypto/cipher makes of it")
	}
	if err := checkReader(m.reader(bytes.NewReader(plain), chunk), sealed); err != nil {
		return fmt.Errorf("encrypting Read: %w", err)
	}
	for _, d := range m.decrypt {
		if err := checkReader(d.open(bytes.NewReader(sealed), chunk), plain); err != nil {
			return fmt.Errorf("%s: Read: %w", d.name, err)
		}
		if err := checkWriterTo(d.open(bytes.NewReader(sealed), chunk), plain); err != nil {
			return fmt.Errorf("%s: WriteTo: %w", d.name, err)
		}
	}
	return nil
}

func writeAll(w encryptWriter, p []byte) error {
	n, err := w.Write(p)
	if err != nil {
		return err
	}
	if n != len(p) {
		return fmt.Errorf("Write = %d, want %d", n, len(p))
	}
	return w.Close()
}

func readFromAll(w encryptWriter, p []byte) error {
	n, err := w.ReadFrom(bytes.NewReader(p))
	if err != nil {
		return err
	}
	if n != int64(len(p)) {
		return fmt.Errorf("ReadFrom = %d, want %d", n, len(p))
	}
	return w.Close()
}

func checkReader(r io.Reader, want []byte) error {
	got, err := io.ReadAll(onlyReader{r})
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("got %d bytes, want %d, or others", len(got), len(want))
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return fmt.Errorf("Read after the end = %d, %v, want 0, EOF", n, err)
	}
	return nil
}

func checkWriterTo(r io.Reader, want []byte) error {
	var buf bytes.Buffer
	n, err := r.(io.WriterTo).WriteTo(&buf)
	if err != nil {
		return err
	}
	if n != int64(len(want)) || !bytes.Equal(buf.Bytes(), want) {
		return fmt.Errorf("got %d bytes, said %d, want %d, or others", buf.Len(), n, len(want))
	}
	if n, err := r.(io.WriterTo).WriteTo(&buf); n != 0 || err != nil {
		return fmt.Errorf("second WriteTo = %d, %v, want 0, nil", n, err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return fmt.Errorf("Read after WriteTo = %d, %v, want 0, EOF", n, err)
	}
	return nil
}

// TestIOTest puts every reader through testing/iotest, on top of sources that
// deliver in unusual ways.
func TestIOTest(t *testing.T) {
	sources := map[string]func(io.Reader) io.Reader{
		"plain":   func(r io.Reader) io.Reader { return r },
		"oneByte": iotest.OneByteReader,
		"half":    iotest.HalfReader,
		"dataErr": iotest.DataErrReader,
		"stutter": func(r io.Reader) io.Reader { return &stuttering{r: r, times: 99} },
	}
	for name, source := range sources {
		for _, n := range []int{0, 1, 16, 48, 49, 200} {
			t.Run(fmt.Sprintf("%s,len=%d", name, n), func(t *testing.T) {
				eachDecrypter(t, func(t *testing.T, m mode, d decrypter) {
					plain := text(n)
					sealed := m.seal(plain)
					if err := iotest.TestReader(d.open(source(bytes.NewReader(sealed)), 48), plain); err != nil {
						t.Error(err)
					}
					if err := iotest.TestReader(m.reader(source(bytes.NewReader(plain)), 48), sealed); err != nil {
						t.Error(err)
					}
					var buf bytes.Buffer
					w := m.writer(&buf, 48)
					if _, err := w.ReadFrom(source(bytes.NewReader(plain))); err != nil {
						t.Error(err)
					}
					if err := w.Close(); err != nil || !bytes.Equal(buf.Bytes(), sealed) {
						t.Errorf("ReadFrom: wrong bytes, Close = %v", err)
					}
				})
			})
		}
	}
}

// TestReadFromContinues says that the end of a source is not the end of the
// stream.
func TestReadFromContinues(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		plain := text(500)
		var buf bytes.Buffer
		w := m.writer(&buf, 48)
		for p := plain; len(p) > 0; {
			n := min(70, len(p))
			if _, err := w.ReadFrom(bytes.NewReader(p[:n/2])); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(p[n/2 : n]); err != nil {
				t.Fatal(err)
			}
			p = p[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(buf.Bytes(), m.seal(plain)) {
			t.Error("not what crypto/cipher makes of it")
		}
	})
}

// TestEncryptingReadersOnlyRead keeps methods away that would let a transport
// read a body twice under one IV.
func TestEncryptingReadersOnlyRead(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		r := m.reader(bytes.NewReader(nil), 48)
		if _, ok := r.(io.Seeker); ok {
			t.Error("an encrypting reader can seek")
		}
		if _, ok := r.(io.ReaderAt); ok {
			t.Error("an encrypting reader has ReadAt")
		}
		if _, ok := r.(io.WriterTo); ok {
			t.Error("an encrypting reader has WriteTo")
		}
	})
}
