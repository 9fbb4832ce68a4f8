// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/s3seal/s3seal/bench/internal/ends"
)

var sizes = []int{1 << 10, 64 << 10, 1 << 20, 64 << 20}

// step is how much a caller writes or reads at a time, as io.Copy does.
const step = 32 << 10

// BenchmarkStream is every mode by every way in and out.
func BenchmarkStream(b *testing.B) {
	for _, m := range modes() {
		b.Run("mode="+m.name, func(b *testing.B) {
			for _, r := range m.rows() {
				for _, size := range sizes {
					name := fmt.Sprintf("op=%s/how=%s/size=%s", r.op, r.how, sizeName(size))
					b.Run(name, func(b *testing.B) { measure(b, size, r.prepare) })
				}
			}
		})
	}
}

// BenchmarkCopy is what it costs to move the bytes and do nothing to them.
func BenchmarkCopy(b *testing.B) {
	for _, size := range sizes {
		b.Run("size="+sizeName(size), func(b *testing.B) {
			measure(b, size, func(plain []byte) (func() error, error) {
				return func() error {
					_, err := io.Copy(ends.Sink{}, ends.NewFile(plain))
					return err
				}, nil
			})
		})
	}
}

// measure runs what prepare makes of a plaintext of size bytes.
func measure(b *testing.B, size int, prepare func(plain []byte) (func() error, error)) {
	b.Helper()
	// Written to, because untouched memory is one page, and always in the cache.
	op, err := prepare(bytes.Repeat([]byte("s3seal: "), size/8))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if err := op(); err != nil {
			b.Fatal(err)
		}
	}
}

// A row is one way to use a mode.
type row struct {
	op, how string
	prepare func(plain []byte) (func() error, error)
}

func (m *mode) rows() []row {
	rows := slices.Clone(m.oneShot)
	if m.writer != nil {
		rows = append(rows, row{"encrypt", "Write", m.write}, row{"encrypt", "ReadFrom", m.readFrom})
	}
	if m.reader != nil {
		rows = append(rows, row{"encrypt", "Read", m.read})
	}
	if m.seal != nil {
		rows = append(rows, row{"decrypt", "Read", m.decryptRead})
	}
	if m.seal != nil && !m.readOnly {
		rows = append(rows, row{"decrypt", "WriteTo", m.decryptWriteTo})
	}
	if m.verify != nil {
		rows = append(rows, row{"verify", "Read", m.verify})
	}
	return rows
}

func (m *mode) write(plain []byte) (func() error, error) {
	return func() error {
		w, err := m.writer(ends.Sink{})
		if err != nil {
			return err
		}
		for p := range slices.Chunk(plain, step) {
			if _, err := w.Write(p); err != nil {
				return err
			}
		}
		return w.Close()
	}, nil
}

func (m *mode) readFrom(plain []byte) (func() error, error) {
	return func() error {
		w, err := m.writer(ends.Sink{})
		if err != nil {
			return err
		}
		if _, err := w.ReadFrom(ends.NewFile(plain)); err != nil {
			return err
		}
		return w.Close()
	}, nil
}

func (m *mode) read(plain []byte) (func() error, error) {
	buf := make([]byte, step)
	return func() error { return drain(m.reader(ends.NewFile(plain)))(buf) }, nil
}

func (m *mode) decryptRead(plain []byte) (func() error, error) {
	body, open, err := m.seal(plain)
	buf := make([]byte, step)
	return func() error { return drain(open(ends.NewFile(body)))(buf) }, err
}

func (m *mode) decryptWriteTo(plain []byte) (func() error, error) {
	body, open, err := m.seal(plain)
	return func() error {
		r, err := open(ends.NewFile(body))
		if err != nil {
			return err
		}
		_, err = r.(io.WriterTo).WriteTo(ends.Sink{})
		return err
	}, err
}

// drain returns a function that reads r to its end, buf by buf.
func drain(r io.Reader, err error) func(buf []byte) error {
	return func(buf []byte) error {
		for err == nil {
			_, err = r.Read(buf)
		}
		if err == io.EOF {
			return nil
		}
		return err
	}
}

// sizeName returns size in the unit that people read.
func sizeName(size int) string {
	if size >= 1<<20 {
		return fmt.Sprintf("%dMiB", size>>20)
	}
	return fmt.Sprintf("%dKiB", size>>10)
}
