// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/s3seal/s3seal/backend/backendtest"
)

// echo is a server that says all back. When the test ends no goroutine is left, for
// whoever counts them next.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { // a wire that was put before it has ended all connections
		l.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				io.Copy(c, c)
			})
		}
	})
	return l.Addr().String()
}

// through sends data through w in pieces and returns what comes back.
func through(t *testing.T, w *backendtest.Wire, data []byte, slow func(io.Reader) io.Reader) ([]byte, error) {
	t.Helper()
	c, err := net.Dial("tcp", w.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{slow(bytes.NewReader(data))})
		c.(*net.TCPConn).CloseWrite()
		sent <- err
	}()
	got, err := io.ReadAll(c)
	return got, errors.Join(err, <-sent)
}

func whole(r io.Reader) io.Reader { return r }

// TestFlip alters exactly the bit that was asked for, however the bytes arrive.
func TestFlip(t *testing.T) {
	const text = "PUT /a\r\nETag: 1\r\n\r\n0123PUT /A\r\n\r\nabcd\xff\xfePut /b\r\n\r\n01"
	for _, c := range []struct {
		name  string
		flip  backendtest.Flip
		want  string
		flips int
	}{
		{"a place", backendtest.Flip{Offset: 4, Bit: 1}, "PUT -a\r\nETag: 1\r\n\r\n0123PUT /A\r\n\r\nabcd\xff\xfePut /b\r\n\r\n01", 1},
		{"the last byte", backendtest.Flip{Offset: int64(len(text)) - 1}, text[:len(text)-1] + "0", 1},
		{"behind the end", backendtest.Flip{Offset: int64(len(text))}, text, 0},
		{"bodies", backendtest.Flip{After: []string{"put /a", "\r\n\r\n"}, Offset: 1}, "PUT /a\r\nETag: 1\r\n\r\n0023PUT /A\r\n\r\naccd\xff\xfePut /b\r\n\r\n01", 2},
		{"one body", backendtest.Flip{After: []string{"PUT /A", "\r\n\r\n"}, Offset: 1, Once: true}, "PUT /a\r\nETag: 1\r\n\r\n0023PUT /A\r\n\r\nabcd\xff\xfePut /b\r\n\r\n01", 1},
		{"a field", backendtest.Flip{After: []string{"etag: "}, Bit: 3}, "PUT /a\r\nETag: 9\r\n\r\n0123PUT /A\r\n\r\nabcd\xff\xfePut /b\r\n\r\n01", 1},
		{"no such field", backendtest.Flip{After: []string{"etag:  "}}, text, 0},
		{"behind what is not text", backendtest.Flip{After: []string{"\xff", "put"}, Offset: 8}, text[:len(text)-1] + "0", 1},
	} {
		for _, d := range []backendtest.Direction{backendtest.ToServer, backendtest.ToClient} {
			for _, slow := range []func(io.Reader) io.Reader{whole, iotest.OneByteReader, iotest.HalfReader} {
				c.flip.Direction = d
				p := backendtest.NewFlipProxy(t, echo(t), c.flip)
				got, err := through(t, p.Wire, []byte(text), slow)
				if err != nil || string(got) != c.want || p.Flips() != c.flips {
					t.Errorf("%s: got %q, %v, want %q; %d bits altered, want %d", c.name, got, err, c.want, p.Flips(), c.flips)
				}
			}
		}
	}
}

// TestWire: an error of a tap cuts the connection, for both ends, and nothing
// else passes a large stream altered.
func TestWire(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 100_000)
	w := backendtest.NewWire(t, echo(t), func(backendtest.Direction) backendtest.Tap { return nil })
	if got, err := through(t, w, data, whole); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v, want %d as they were", len(got), err, len(data))
	}
	w = backendtest.NewWire(t, echo(t), func(d backendtest.Direction) backendtest.Tap {
		n := 0
		return func(p []byte) error {
			if n += len(p); d == backendtest.ToClient && n > 500_000 {
				return io.ErrClosedPipe
			}
			return nil
		}
	})
	got, err := through(t, w, data, whole)
	if err == nil || len(got) > 500_000 || !bytes.HasPrefix(data, got) {
		t.Errorf("%d bytes, %v, want at most 500000 and an error", len(got), err)
	}
}
