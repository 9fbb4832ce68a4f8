// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/s3seal/s3seal/stream"
)

// TestCores sends streams of many chunks through every type, on one core and
// on more than there may be, in calls that ask for many chunks.
func TestCores(t *testing.T) {
	for _, cores := range []int{1, 2, 5} {
		t.Run(fmt.Sprint(cores), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
			for _, n := range []int{48 * 40, 48*40 - 1, 48*40 + 1, 48*8 + 17} {
				for _, m := range []mode{gcmMode(), cbcMode()} {
					if err := throughMany(m, 48, n); err != nil {
						t.Errorf("%s: len=%d: %v", m.name, n, err)
					}
				}
			}
		})
	}
}

// TestCoresRealChunks does it with chunks as they are.
func TestCoresRealChunks(t *testing.T) {
	const c = stream.DefaultChunkSize
	for _, n := range []int{20*c - 1, 20 * c, 20*c + 5} {
		for _, m := range []mode{gcmMode(), cbcMode()} {
			if err := throughMany(m, c, n); err != nil {
				t.Errorf("%s: len=%d: %v", m.name, n, err)
			}
		}
	}
}

// throughMany encrypts n bytes by Write, ReadFrom and Read, and decrypts them
// by Read and WriteTo, each in one call as far as possible.
func throughMany(m mode, chunk, n int) error {
	plain := text(n)
	sealed := m.seal(plain)
	for i, feed := range feeds {
		var buf bytes.Buffer
		w := m.writer(&buf, chunk)
		if err := feed(w, plain); err != nil {
			return fmt.Errorf("feed %d: %v", i, err)
		}
		if err := w.Close(); err != nil || !bytes.Equal(buf.Bytes(), sealed) {
			return fmt.Errorf("feed %d: %v or wrong ciphertext", i, err)
		}
	}
	got := make([]byte, len(sealed))
	if _, err := io.ReadFull(m.reader(bytes.NewReader(plain), chunk), got); err != nil || !bytes.Equal(got, sealed) {
		return fmt.Errorf("encrypting reader: %v or wrong ciphertext", err)
	}
	for _, d := range m.decrypt {
		got := make([]byte, n)
		if _, err := io.ReadFull(d.open(bytes.NewReader(sealed), chunk), got); err != nil || !bytes.Equal(got, plain) {
			return fmt.Errorf("%s: %v or wrong plaintext", d.name, err)
		}
		if err := checkReader(d.open(bytes.NewReader(sealed), chunk), plain); err != nil {
			return fmt.Errorf("%s: %v", d.name, err)
		}
		var buf bytes.Buffer
		r := d.open(bytes.NewReader(sealed), chunk)
		if k, err := r.(io.WriterTo).WriteTo(&buf); err != nil || k != int64(n) || !bytes.Equal(buf.Bytes(), plain) {
			return fmt.Errorf("%s: WriteTo = %d, %v or wrong plaintext", d.name, k, err)
		}
	}
	return nil
}

// TestCoresFaults breaks off the source or the sink of a long stream at every
// chunk: what has come out by then is right, and the error stays.
func TestCoresFaults(t *testing.T) {
	const chunk, n = 48, 48 * 30
	eachMode(t, func(t *testing.T, m mode) {
		plain := text(n)
		sealed := m.seal(plain)
		for at := 0; at < n; at += 47 {
			var buf bytes.Buffer
			w := m.writer(&buf, chunk)
			k, err := w.ReadFrom(failAfter(plain[:at], errFault))
			if k != int64(at) || !errors.Is(err, errFault) {
				t.Errorf("source fails at %d: ReadFrom = %d, %v", at, k, err)
			}
			if err := checkDead(w, err); err != nil {
				t.Errorf("source fails at %d: %v", at, err)
			}
			if want := sealed[:at/chunk*chunk]; !bytes.Equal(buf.Bytes(), want) {
				t.Errorf("source fails at %d: %d bytes came out, want %d", at, buf.Len(), len(want))
			}
			for i, feed := range feeds {
				sink := &fullSink{left: at, err: errFault}
				w := m.writer(sink, chunk)
				err := feed(w, plain)
				if !errors.Is(err, errFault) {
					t.Errorf("sink fails at %d: feed %d: %v", at, i, err)
				}
				if err := checkDead(w, err); err != nil {
					t.Errorf("sink fails at %d: feed %d: %v", at, i, err)
				}
				if !bytes.HasPrefix(sealed, sink.got) || sink.after > 0 {
					t.Errorf("sink fails at %d: feed %d: wrong bytes, or %d calls after the fault", at, i, sink.after)
				}
			}
		}
	})
}

// TestCoresDecryptFaults does the same for readers.
func TestCoresDecryptFaults(t *testing.T) {
	const chunk, n = 48, 48 * 30
	eachDecrypter(t, func(t *testing.T, m mode, d decrypter) {
		plain := text(n)
		sealed := m.seal(plain)
		for at := 0; at < n; at += 47 {
			r := d.open(failAfter(sealed[:at], errFault), chunk)
			p := make([]byte, 2*n)
			k, err := io.ReadFull(r, p)
			if !errors.Is(err, errFault) || !bytes.HasPrefix(plain, p[:k]) || d.buffered && k > 0 {
				t.Errorf("source fails at %d: %d bytes, right or not, %v", at, k, err)
			}
			if _, again := r.Read(p); again != err {
				t.Errorf("source fails at %d: %v, and then %v", at, err, again)
			}
			sink := &fullSink{left: at, err: errFault}
			r = d.open(bytes.NewReader(sealed), chunk)
			_, err = r.(io.WriterTo).WriteTo(sink)
			if !errors.Is(err, errFault) || !bytes.HasPrefix(plain, sink.got) || sink.after > 0 {
				t.Errorf("sink fails at %d: %v, or wrong bytes, or %d calls after the fault", at, err, sink.after)
			}
			if _, again := r.Read(p); again != err {
				t.Errorf("sink fails at %d: %v, and then %v", at, err, again)
			}
		}
	})
}
